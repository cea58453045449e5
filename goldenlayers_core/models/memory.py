"""Will it fit? Sizes of weights on disk against the memory at hand."""

import json
import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import psutil
import torch

from goldenlayers_core.errors import ModelTooLargeError
from goldenlayers_core.records import SPILLS


def loaded_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a folder that transformers reads, in name order: `model.safetensors`, else those of the
    index, else all there are. A `consolidated.safetensors` beside shards is the same weights once more."""
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        return (whole,)
    if index.is_file():
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return tuple(folder / name for name in sorted(set(named)))
    return tuple(sorted(folder.glob("*.safetensors")))


def count_parameters(folder: Path) -> tuple[int, str]:
    """Stored parameters of a folder's safetensors files, from their headers alone, and the dtype most of them have."""
    total, by_dtype = 0, dict[str, int]()
    for file in loaded_files(folder):
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            size = 1
            for extent in entry["shape"]:
                size *= extent
            total += size
            by_dtype[entry["dtype"]] = by_dtype.get(entry["dtype"], 0) + size
    return total, max(by_dtype, key=lambda d: by_dtype[d], default="F32")


def bytes_needed(n_parameters: int, dtype: torch.dtype) -> int:
    """Bytes the weights take in memory, with a tenth more for buffers and activations."""
    return int(n_parameters * dtype.itemsize * 1.1)


def bytes_available(device: torch.device) -> int:
    """Free memory of a device in bytes; the machine's own for cpu and mps."""
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
        return int(free)
    return int(psutil.virtual_memory().available)


def straight_to(device: torch.device) -> AbstractContextManager[Any]:
    """Inside, transformers reads weights onto a GPU tensor by tensor: the machine's memory never holds the model."""
    if device.type == "cpu":
        return nullcontext()
    return device  # torch's devices are contexts


def check_fits(
    name: str,
    n_parameters: int,
    dtype: torch.dtype,
    device: torch.device,
    available: int | None = None,
    others: Sequence[torch.device] = (),
) -> None:
    """Raises ModelTooLargeError when the weights do not fit into `available` bytes (default: what is free now on the
    device and on others that may hold a part)."""
    room = sum(map(bytes_available, (device, *others))) if available is None else available
    where = "+".join(map(str, (device, *others)))
    needed = bytes_needed(n_parameters, dtype)
    if needed > room:
        raise ModelTooLargeError(
            f"{name} needs about {needed / 2**30:.1f} GiB as {str(dtype).removeprefix('torch.')} and "
            f"{room / 2**30:.1f} GiB are free on {where}; choose a smaller model, a smaller dtype such as bfloat16, "
            f"free some memory, or keep what does not fit elsewhere, slowly (device {where}{SPILLS}).",
            short_by=needed - room,
        )
