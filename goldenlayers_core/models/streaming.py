"""Models larger than memory, a part at a time: embedding, one block or the LM head is read, used and let go again.

A model is built as transformers builds it, with every large weight standing for nothing (one number, seen as many), and
`Weights.here` fills a part for as long as it is used. What is small beside them (norms, positions) stays. Only
safetensors are read, and only where every tensor of the files is one of the model's.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.checking import check_layout, check_numbers, check_tensors, check_tokenizer, is_text
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.loading import read_tokenizer
from goldenlayers_core.models.memory import loaded_files
from goldenlayers_core.models.opening import Reading, opening
from goldenlayers_core.models.telling import Tell, telling
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import SPILLS, ModelSource

Place = tuple[Path, str]  # a file, and the name of a tensor in it


@dataclass(eq=False)
class Weights:
    """Where the weights of a model are, which of them are here, and how many bytes were at once."""

    name: str  # of the model
    places: dict[nn.Parameter, Place]
    dtype: torch.dtype
    device: torch.device
    present: set[nn.Parameter] = field(default_factory=set)  # that are here now
    alive: int = 0  # bytes of weights that are here now
    most: int = 0  # at one time
    read: dict[nn.Parameter, int] = field(default_factory=lambda: defaultdict(int))  # how often each was

    @contextmanager
    def here(self, part: nn.Module, path: str) -> Iterator[None]:
        """Inside, the weights of `part` are its own. Raises ModelError where they cannot be read, or are no numbers."""
        away = [parameter for parameter in part.parameters() if parameter not in self.present]
        try:
            self._fill(away)
            check_numbers(self.name, part, self.dtype, path)
            yield
        finally:
            for parameter in away:
                if parameter in self.present:
                    self.present.remove(parameter)
                    self.alive -= parameter.nbytes
                    parameter.data = _nothing(parameter, self.device)

    def keep(self, parameters: list[nn.Parameter]) -> None:
        """Read these for good."""
        self._fill(parameters)

    def _fill(self, parameters: list[nn.Parameter]) -> None:
        """Read parameters, those of a file at a time."""
        by_file: dict[Path, list[tuple[nn.Parameter, str]]] = defaultdict(list)
        for parameter in parameters:
            file, key = self.places[parameter]
            by_file[file].append((parameter, key))
        try:
            with ExitStack() as stack:
                for file, wanted in by_file.items():
                    opened = stack.enter_context(safe_open(file, framework="pt"))
                    for parameter, key in wanted:
                        self._set(parameter, opened.get_tensor(key))
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"The weights of {self.name} cannot be read now ({str(error).splitlines()[0][:160]}); check the disk, "
                "or fetch the model again."
            ) from error

    def _set(self, parameter: nn.Parameter, stored: Tensor) -> None:
        if stored.shape != parameter.shape:
            raise ModelError(
                f"The weights of {self.name} hold {tuple(stored.shape)} numbers where its config.json has place for "
                f"{tuple(parameter.shape)}; use the configuration that belongs to these weights."
            )
        parameter.data = stored.to(self.device, self.dtype, copy=True)
        self.present.add(parameter)
        self.alive += parameter.nbytes
        self.most = max(self.most, self.alive)
        self.read[parameter] += 1


@dataclass(frozen=True, eq=False)
class Streamed:
    """A model whose large weights are on disk."""

    handle: ModelHandle
    weights: Weights

    def block(self, layer: int) -> Any:
        """A context inside which one block's weights are here."""
        return self.weights.here(self.handle.blocks[layer], f"{self.handle.architecture.blocks}.{layer}")

    def embedding(self) -> Any:
        """A context inside which the embedding is here."""
        return self.weights.here(self.handle.embedding, self.handle.architecture.embedding)

    def head(self) -> Any:
        """A context inside which the LM head is here."""
        return self.weights.here(self.handle.head, "the LM head")


def _nothing(parameter: nn.Parameter, device: torch.device) -> Tensor:
    """What has a weight's shape and number format, and takes one number."""
    return torch.zeros((), dtype=parameter.dtype, device=device).expand(parameter.shape)


def open_streamed(
    asked: ModelSource, *, cache: Path | None = None, progress: Tell | None = None, room: int | None = None
) -> Streamed:
    """A model of which one part at a time is in memory, in `room` bytes for weights (None: a share of what is free).

    Raises a ModelError of one sentence as `load_model` does, for a family whose blocks cannot be run one at a time, and
    where the room does not hold the largest part beside what stays.
    """
    found = opening(asked, cache or cache_root(), progress=progress, spills=True, room=room)
    _check_family(found.name, found.how.architecture)
    fingerprint = folder_fingerprint(found.folder)
    if found.forget_damaged(fingerprint):
        return open_streamed(asked, cache=cache, progress=progress, room=room)
    with telling(progress, f"Reading {found.name}, tensors"):
        tokenizer = read_tokenizer(found.name, found.folder)
        model, weights = _opened(found.folder, found.name, found.how)
        check_tokenizer(found.name, tokenizer, int(model.get_input_embeddings().weight.shape[0]))
    return Streamed(found.handle(model, tokenizer, fingerprint), weights)


def _check_family(name: str, row: Architecture) -> None:
    """Raises ModelError for a family some of whose blocks carry a state from token to token."""
    if not row.keeps_keys or row.other_mixer:
        raise ModelError(
            f"{name} ({row.title}) cannot be run layer by layer, because some of its blocks carry a state from token "
            f"to token; choose a device with {SPILLS} instead."
        )


def _opened(folder: Path, name: str, how: Reading) -> tuple[Any, Weights]:
    """The model without its large weights, after its files were held against it."""
    with init_empty_weights(include_buffers=False):
        model: Any = AutoModelForCausalLM.from_config(how.config, dtype=how.dtype, trust_remote_code=False)
    check_layout(name, model, how.architecture)
    model.tie_weights()
    _without_numbers(model.eval(), how.target)
    try:
        found = _places(model, folder)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The weights of {name} are damaged; fetch or copy the model again.") from error
    named = _held(name, model, found, how.architecture)
    weights = Weights(name, {parameter: found[key] for parameter, key in named.items()}, how.dtype, how.target)
    large = _large(model, how.architecture)
    within = {parameter for part in large for parameter in part.parameters()}
    stays = [parameter for parameter in named if parameter not in within]
    largest = max(sum(p.nbytes for p in part.parameters()) for part in large)
    _check_room(name, how.rooms[0][1], sum(p.nbytes for p in stays), largest)
    for module in model.modules():
        module._buffers.update({key: None if b is None else b.to(how.target) for key, b in module._buffers.items()})
    weights.keep(stays)
    for key, buffer in model.named_buffers():
        if key in found:
            buffer.copy_(_tensor(found[key]))
    return model, weights


def _without_numbers(model: nn.Module, device: torch.device) -> None:
    """Let every weight stand for nothing; tied ones stay one."""
    made: dict[nn.Parameter, nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if parameter not in made:
                made[parameter] = nn.Parameter(_nothing(parameter, device), requires_grad=False)
            setattr(module, name, made[parameter])


def _large(model: Any, row: Architecture) -> list[nn.Module]:
    """What is in memory one at a time."""
    return [model.get_submodule(row.embedding), model.get_output_embeddings(), *model.get_submodule(row.blocks)]


def _places(model: Any, folder: Path) -> dict[str, Place]:
    """Where the tensors of a model are, by its own names; what is no tensor of it keeps the file's."""
    changes = get_model_conversion_mapping(model)
    renamings = [change for change in changes if isinstance(change, WeightRenaming)]
    converters = [change for change in changes if isinstance(change, WeightConverter)]
    state, found = model.state_dict(), dict[str, Place]()
    for file in loaded_files(folder):
        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118  # no dict
                mine, converted = rename_source_key(key, renamings, converters, model.base_model_prefix, state)
                found[key if converted else mine] = (file, key)
    return found


def _held(name: str, model: Any, found: dict[str, Place], row: Architecture) -> dict[nn.Parameter, str]:
    """The parameters of the language model, each with its name in the files. Raises ModelError where one is missing, or
    there twice and not the same, and for a tensor that the model has no place for."""
    names: dict[nn.Parameter, list[str]] = defaultdict(list)  # of a tied one several
    for key, parameter in model.named_parameters(remove_duplicate=False):
        names[parameter].append(key)
    missing = [keys[0] for keys in names.values() if not any(key in found for key in keys)]
    known = {*model.state_dict(), *(key for key, _ in model.named_buffers())}
    check_tensors(name, {"missing_keys": missing, "unexpected_keys": [key for key in found if key not in known]}, row)
    for keys in names.values():
        _check_one(name, {key: found[key] for key in keys if key in found})
    there = {p: next((key for key in keys if key in found), "") for p, keys in names.items()}
    return {p: key for p, key in there.items() if key and is_text(key, row)}


def _check_one(name: str, there: dict[str, Place]) -> None:
    """Raises ModelError where the files hold a tied weight several times, and not the same."""
    places = list(there.values())
    if any(not torch.equal(_tensor(places[0]), _tensor(place)) for place in places[1:]):
        raise ModelError(
            f"The weights of {name} hold {' and '.join(there)}, which its config.json says are one and which differ; "
            "score it without --layer-by-layer."
        )


def _check_room(name: str, room: int, stays: int, largest: int) -> None:
    if stays + largest > room:
        raise ModelError(
            f"The largest part of {name} and what stays beside it take {(stays + largest) / 2**20:,.0f} MiB, and there "
            f"is room for {max(room, 0) / 2**20:,.0f}; choose a smaller number format or a smaller model."
        )


def _tensor(place: Place) -> Tensor:
    with safe_open(place[0], framework="pt") as opened:
        found: Tensor = opened.get_tensor(place[1])
        return found
