"""Does it fit? A model told from its configuration alone, against the memory and the disk at hand. Reads no weight."""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Final

import psutil

from goldenlayers_core.errors import ModelNotFoundError
from goldenlayers_core.models.accepted import accepted_in, is_row_file
from goldenlayers_core.models.classroom.place import is_classroom, planted_layer, title_of
from goldenlayers_core.models.gemma import place as gemma
from goldenlayers_core.models.gguf import BUNDLED_TITLE, bundled_gguf, conversion_of, is_converted, is_gguf
from goldenlayers_core.records import SPILLS, ModelSource
from goldenlayers_core.results.fit import GIB, Fit, Outline, Precision, Room
from goldenlayers_core.tasks.heavy import heavy
from goldenlayers_core.tasks.needs import BYTES, precision_of

DTYPES: Final = ("float32", "bfloat16", "float16")
_LICENCES: Final = {"bundled": "Apache-2.0", gemma.NAME: f"Gemma's terms of use, {gemma.TERMS}"}


def fit_of(source: ModelSource, cache: Path, known: Outline | None = None) -> Fit:
    """Whether a model fits, by name, folder, GGUF file, or a folder or file that holds only its configuration.

    `known`: its outline, where it was made before. Raises a ModelError where nothing describes it, or a ConfigError
    for a device that is not here.
    """
    heavy()
    from goldenlayers_core.models.devices import resolve_devices
    from goldenlayers_core.models.offload import rooms_on

    devices = resolve_devices(source.devices)
    names, kind = [str(device) for device in devices], devices[0].type
    outline, download, on_disk = (known, 0, 0) if known else described(source, cache)
    memory = int(psutil.virtual_memory().available)
    rooms = [Room("memory", "Memory", memory), *gpus()]
    room = sum(r.free for r in rooms if r.name in names) or memory
    places = [(str(device), free) for device, free in rooms_on(devices)] if len(devices) > 1 else []
    rooms.append(Room("disk", "Disk", _free_disk(cache)))
    dtypes = (*DTYPES, *(("float64",) if source.dtype == "float64" else ()))
    rows = tuple(precision_of(outline, dtype, kind, room, memory) for dtype in dtypes)
    if places:
        most = sum(free for _, free in places)
        rows = tuple(dataclasses.replace(row, fits=row.fits and row.weights <= most) for row in rows)
    fitting = [row for row in rows if row.fits]
    proposed = max(fitting, key=lambda row: (BYTES[row.dtype], row.dtype == outline.stored)).dtype if fitting else ""
    joined = "+".join(names)
    shares = ", ".join(f"{free / GIB:.1f} on {device}" for device, free in places)
    where = f"{joined}, of which weights may take {shares}" if shares else joined
    told = _sentence(outline, where, rows, proposed, room, rooms[-1].free, on_disk)
    return Fit(outline, joined, tuple(rooms), rows, proposed, download, on_disk, told)


def device_choices(devices: Path = Path("/dev"), visible: str | None = None) -> tuple[str, ...]:
    """What a person may choose without typing: where there are several GPUs, all of them together, too. No torch.

    `visible`: what CUDA_VISIBLE_DEVICES says (None: the environment's)."""
    found = sum(file.name.removeprefix("nvidia").isdigit() for file in devices.glob("nvidia*"))
    named = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
    if named is not None:
        found = min(found, len([name for name in named.split(",") if name.strip() not in ("", "-1")]))
    several = "+".join(f"cuda:{index}" for index in range(found))
    return ("auto", "cpu", "cuda", *((several, f"{several}{SPILLS}") if found > 1 else ()))


def gpus() -> list[Room]:
    """What is free on every GPU."""
    import torch

    return [
        Room(f"cuda:{index}", torch.cuda.get_device_name(index), int(torch.cuda.mem_get_info(index)[0]))
        for index in range(torch.cuda.device_count())
    ]


def described(source: ModelSource, cache: Path) -> tuple[Outline, int, int]:
    """(outline, bytes to download, bytes that loading writes to disk). Raises a ModelError."""
    from goldenlayers_core.models.outline import outline_of

    name, licence = source.source.strip(), _LICENCES.get(source.source, "")
    path = Path(name).expanduser()
    if name == "bundled":
        return _of_gguf(bundled_gguf(), cache, BUNDLED_TITLE, licence)
    if name == gemma.NAME:
        return outline_of(gemma.ready(cache), gemma.TITLE, licence), 0, 0
    if is_classroom(name):
        from goldenlayers_core.models.classroom.make import made

        layer = planted_layer(name)
        return outline_of(made(layer, cache), title_of(layer)), 0, 0
    accepted = accepted_in(path) if is_row_file(name) else None
    if accepted:
        name, path = accepted.source, Path(accepted.source)
    if path.is_dir() or path.name == "config.json":
        folder = path if path.is_dir() else path.parent
        if not (folder / "config.json").is_file():
            raise ModelNotFoundError(f"There is no config.json in {folder}; give a folder that has one.")
        return outline_of(folder, folder.resolve().name, accepted=accepted), 0, 0
    if path.is_file():
        return _of_gguf(path, cache, path.stem, licence)
    if not name or path.is_absolute() or name.startswith((".", "~")):
        raise ModelNotFoundError(f"There is no folder or file {path}; check the path, or give a hub name.")
    from goldenlayers_core.models.hub import describe

    found = describe(name, accepted.revision if accepted else source.revision)
    return outline_of(found.folder, name, found.licence, accepted), found.n_bytes, found.n_bytes


def _of_gguf(file: Path, cache: Path, name: str, licence: str) -> tuple[Outline, int, int]:
    """Of its conversion where that is here, else of its own header."""
    from goldenlayers_core.models.outline import outline_of, outline_of_gguf

    if not is_gguf(file):
        raise ModelNotFoundError(f"{file} is not a GGUF file; give one, or a model folder or its config.json.")
    folder = conversion_of(file, cache)
    if is_converted(folder):
        return outline_of(folder, name, licence), 0, 0
    outline = outline_of_gguf(file, name, licence)
    return outline, 0, 4 * outline.n_parameters


def _free_disk(folder: Path) -> int:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def _sentence(
    outline: Outline, device: str, rows: tuple[Precision, ...], proposed: str, room: int, disk: int, on_disk: int
) -> str:
    if not outline.known:
        return outline.reason
    if on_disk > disk:
        return (
            f"{outline.name} takes {on_disk / GIB:.1f} GiB on disk and {disk / GIB:.1f} GiB are free; free some, or "
            "set HF_HOME and GOLDENLAYERS_CACHE to a larger disk."
        )
    least = min(rows, key=lambda row: row.peak)
    if not proposed:
        return (
            f"{outline.name} does not fit: as {least.dtype} its weights and work take {least.peak / GIB:.1f} GiB and "
            f"{room / GIB:.1f} GiB are free on {device}; choose a smaller model or free some memory."
        )
    row = next(row for row in rows if row.dtype == proposed)
    return (
        f"{outline.name} fits as {proposed}: weights and work take {row.peak / GIB:.1f} GiB, {room / GIB:.1f} GiB are "
        f"free on {device}."
    )
