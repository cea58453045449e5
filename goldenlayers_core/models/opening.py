"""Everything about a model before its weights are read: its files, its device and number format, its row, what can be
refused without them; and the handle, once they are read."""

import json
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from transformers import AutoConfig

from goldenlayers_core.errors import ConfigError, ModelError, ModelNotFoundError
from goldenlayers_core.models.accepted import Accepted, accepted_in, is_row_file
from goldenlayers_core.models.architectures import Architecture, row_named
from goldenlayers_core.models.checking import check_adapter, check_dtype
from goldenlayers_core.models.classroom.make import made as classroom_model
from goldenlayers_core.models.classroom.place import is_classroom, planted_layer, title_of
from goldenlayers_core.models.convert import converted
from goldenlayers_core.models.devices import resolve_devices
from goldenlayers_core.models.drafts import recorded_fingerprint
from goldenlayers_core.models.fingerprint import tokenizer_digest
from goldenlayers_core.models.gemma import place as gemma
from goldenlayers_core.models.gguf import BUNDLED_TITLE, bundled_gguf
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.hub import download, weight_files
from goldenlayers_core.models.memory import check_fits, count_parameters
from goldenlayers_core.models.naming import model_title
from goldenlayers_core.models.offload import Room, check_spills, rooms_on, spilled
from goldenlayers_core.models.packed import hush
from goldenlayers_core.models.quantised import Quantised, n_weights, quantised_of
from goldenlayers_core.models.refused import check_form
from goldenlayers_core.models.telling import Tell
from goldenlayers_core.records import ModelSource

DTYPES: Final = ("auto", "float32", "bfloat16", "float16", "float64")
_STORED: Final = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.bfloat16,  # holds every number of theirs
    "F8_E5M2": torch.bfloat16,
}
Rows = Callable[[str, Path], Architecture]
"""(model_type, folder) -> the row of a model. Raises a ModelError where there is none."""
_COMPUTED: Final = {dtype: name for name, dtype in list(_STORED.items())[:4]}


def resolve_dtype(dtype: str, device: torch.device, stored: str) -> torch.dtype:
    """ "auto" is the checkpoint's own dtype on cuda, and float32 elsewhere. Raises ConfigError when unknown."""
    if dtype not in DTYPES:
        raise ConfigError(f"The dtype {dtype!r} is unknown; choose one of {', '.join(DTYPES)}.")
    if dtype != "auto":
        chosen: torch.dtype = getattr(torch, dtype)
        return chosen
    return _STORED.get(stored, torch.float32) if device.type == "cuda" else torch.float32


def locate(
    source: str,
    revision: str | None,
    cache: Path,
    check: Callable[[int], None] | None = None,
    progress: Tell | None = None,
) -> tuple[Path, str]:
    """(folder with config.json and safetensors, name to show) of any source; converts or downloads where needed."""
    if not source.strip():
        raise ModelNotFoundError("No model was named; write `bundled`, `gemma`, a hub name, a folder or a GGUF file.")
    if source == "bundled":
        return converted(bundled_gguf(), cache, progress), BUNDLED_TITLE
    if source == gemma.NAME:
        return gemma.ready(cache), gemma.TITLE
    if is_classroom(source):
        layer = planted_layer(source)
        return classroom_model(layer, cache), title_of(layer)
    path = Path(source).expanduser()
    if path.is_file():
        return converted(path, cache, progress), path.stem
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelNotFoundError(
                f"The folder {path} has no config.json; give a folder as transformers saves models."
            )
        weight_files([f.name for f in path.iterdir()])
        return path, path.name
    if path.is_absolute() or source.startswith((".", "~")):
        raise ModelNotFoundError(f"There is no folder or file {path}; check the path.")
    return download(source, revision, check, progress), source


@dataclass(frozen=True, slots=True)
class Reading:
    """How weights are to be read."""

    config: Any
    dtype: torch.dtype
    target: torch.device
    architecture: Architecture
    quantised: Quantised | None
    rooms: tuple[Room, ...] = ()  # for weights, of a model that need not stand on the device as a whole
    spills: bool = False  # what does not fit on the devices is kept elsewhere

    def settings(self) -> dict[str, Any]:
        """Further arguments for transformers. Raises ModelError where a model cannot be kept in part elsewhere."""
        if self.rooms:
            return spilled(self.config, self.architecture, self.dtype, self.rooms, self.spills)
        if self.quantised is None:
            return {}
        if self.quantised.treatment == "kept":
            hush()
            self.config.quantization_config = dict(self.quantised.settings)
            return {"config": self.config, "device_map": {"": self.target}}
        self.config.quantization_config = {**self.quantised.settings, "dequantize": True}
        return {"config": self.config}


@dataclass(frozen=True, slots=True)
class Opening:
    """A model whose files were found and looked through."""

    asked: ModelSource
    source: str  # what its files go by: what was asked for, or what an accepted row belongs to
    accepted: Accepted | None  # the row, where it is in a file of its own
    root: Path  # the cache folder
    folder: Path
    name: str
    how: Reading

    def forget_damaged(self, fingerprint: str) -> bool:
        """Whether this program made the folder, and with other weights than it holds; it is then removed, so that the
        next who opens the model has it made anew, with a record of its own."""
        if recorded_fingerprint(self.folder) in ("", fingerprint):
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        return True

    def handle(self, model: Any, tokenizer: Any, fingerprint: str) -> ModelHandle:
        """The handle of what was read."""
        return ModelHandle(
            name=model_title(self.source, self.name, self.folder, fingerprint, self.root),
            source=self.asked,
            model=model,
            tokenizer=tokenizer,
            architecture=self.how.architecture,
            fingerprint=fingerprint,
            wording="" if recorded_fingerprint(self.folder) else tokenizer_digest(self.folder),
            quantised=self.how.quantised.words if self.how.quantised else "",
            accepted=self.accepted.digest if self.accepted else "",
        )


def opening(
    asked: ModelSource,
    root: Path,
    *,
    progress: Tell | None = None,
    rows: Rows | None = None,
    spills: bool | None = None,
    room: int | None = None,
) -> Opening:
    """Find a model's files and look through them. `rows`: see `load_model`. `spills`: whether not all of it has to fit
    on the device (None: as the device's name says), and `room` bytes of weights do (None: a share of what is free).

    Raises a ModelError of one sentence, or ConfigError (device, dtype).
    """
    devices = resolve_devices(asked.devices)
    spills = asked.spills if spills is None else spills
    accepted = accepted_in(Path(asked.source).expanduser()) if is_row_file(asked.source) else None
    named = ModelSource(accepted.source, accepted.revision, dtype=asked.dtype) if accepted else asked
    folder, name = _located(named, root, devices, spills, progress)
    places = rooms_on(devices, room) if spills or len(devices) > 1 else ()
    rows_of = accepted.row_for if accepted else rows or _of_the_table
    how = _planned(folder, name, asked.dtype, devices[0], rows_of, places, spills)
    return Opening(asked, named.source, accepted, root, folder, name, how)


def _located(
    asked: ModelSource, root: Path, devices: Sequence[torch.device], spills: bool, progress: Tell | None
) -> tuple[Path, str]:
    """The folder of a model and its name; too large a one is refused before it is fetched."""
    few = torch.float32 if asked.dtype == "auto" and devices[0].type != "cuda" else torch.bfloat16  # at the least
    fits = None if spills else partial(check_fits, asked.source, dtype=few, device=devices[0], others=devices[1:])
    folder, name = locate(asked.source, asked.revision, root, fits, progress)
    check_adapter(folder)
    return folder, name


def _of_the_table(model_type: str, _folder: Path) -> Architecture:
    """The table's row of a family, wherever its files are. Raises a ModelError where there is none."""
    return row_named(model_type)


def _read_config(folder: Path, name: str, rows: Rows) -> tuple[Any, Architecture, Quantised | None]:
    """The transformers config of a folder, its row, and how its weights are quantised, after both were checked by
    name."""
    try:
        raw = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read as JSON; the model's files are damaged.") from error
    row = rows(str(raw.get("model_type") or "unnamed"), folder)
    quantised = _quantised(folder, name, raw)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)  # nosec B615  # a folder, not a hub name
    except (ValueError, OSError, KeyError) as error:
        raise ModelError(
            f"{folder.name}'s configuration is not understood ({str(error).splitlines()[0][:160]})."
        ) from error
    check_form(config)
    return config, row, quantised


def _quantised(folder: Path, name: str, raw: dict[str, Any]) -> Quantised | None:
    """How a folder is quantised. Raises ModelError for a method that is not read here, and for damaged weights."""
    try:
        return quantised_of(name, folder, raw)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"The weights of {name} are damaged; fetch or copy the model again.") from error


def _planned(
    folder: Path, name: str, dtype: str, target: torch.device, rows: Rows, rooms: tuple[Room, ...], spills: bool
) -> Reading:
    """How a folder's weights are to be read, after everything that can be checked without them."""
    config, architecture, quantised = _read_config(folder, name, rows)
    try:
        n_parameters, stored = count_parameters(folder)
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise ModelError(f"The weights of {name} are damaged; fetch or copy the model again.") from error
    kind = resolve_dtype(dtype, target, _COMPUTED.get(config.dtype, "BF16") if quantised else stored)
    check_dtype(name, architecture, kind)
    if not rooms:
        check_fits(name, n_weights(folder, quantised, n_parameters, kind.itemsize), kind, target)
    else:
        check_spills(name, architecture, quantised is not None, len(rooms))
    return Reading(config, kind, target, architecture, quantised, rooms, spills)
