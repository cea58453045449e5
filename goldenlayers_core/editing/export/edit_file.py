"""Golden Layers' own file: one edit or a stack, exact, in one safetensors file with a header that people can read.

Tensor `i.left.5` is `left.5` of edit i (from 0, bottom of the stack first); header text `edit.i` holds the rest of it.
The header is JSON at the file's start, so that `head -c 2000 FILE` shows whose facts these are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from goldenlayers_core.editing import delta
from goldenlayers_core.editing.delta import Edit, from_arrays, to_arrays
from goldenlayers_core.editing.export.header import Home, described, home_from, home_of
from goldenlayers_core.editing.export.parts import EVERYTHING, ExportFormat
from goldenlayers_core.editing.export.reading import opened
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle

STACK: Final = "golden-layers-edits-1"


@dataclass(frozen=True)
class EditFile:
    """What a file held."""

    edits: tuple[Edit, ...]  # bottom of the stack first
    home: Home


def pack(handle: ModelHandle, edits: Sequence[Edit], notes: Sequence[str] = ()) -> bytes:
    """The file's bytes; the header carries a person's `notes`, one per edit. Raises EditError for another model's."""
    arrays: dict[str, NDArray[Any]] = {}
    header = {"format": STACK, "n_edits": str(len(edits)), **described(handle, edits)}
    for i, edit in enumerate(edits):
        own, meta = to_arrays(edit)
        arrays |= {f"{i}.{name}": array for name, array in own.items()}
        header[f"edit.{i}"] = json.dumps(meta, ensure_ascii=False)
    if any(notes):
        header["notes"] = json.dumps(list(notes), ensure_ascii=False)
    return save(arrays, metadata=header)


def unpack(data: bytes, name: str) -> EditFile:
    """The edits of a file written by `pack`, or of one edit as the store keeps it.

    Raises EditError when the file is of another kind, cut off, or was altered, or has numbers that are not finite.
    """
    tensors, header = opened(data, name)
    kind = header.get("format", "")
    if kind == delta.FORMAT:
        _check_finite(tensors, f"{name} holds")
        edit = from_arrays(_arrays(tensors), header)
        return EditFile((edit,), home_of(edit))
    if kind != STACK:
        raise EditError(
            f"{name} is a safetensors file, but not of edits: its format is {kind or 'not named'!r} and {STACK!r} is "
            "needed; give a file exported here, or a LoRA adapter with its adapter_config.json."
        )
    try:
        edits = [_one(tensors, header, i, name) for i in range(int(header["n_edits"]))]
        return EditFile(tuple(edits), home_from(header))
    except (KeyError, ValueError, TypeError) as error:
        raise EditError(f"{name} is incomplete or damaged ({error}); export the edits again.") from error


def _one(tensors: Mapping[str, Tensor], header: Mapping[str, str], i: int, name: str) -> Edit:
    own = {key.removeprefix(f"{i}."): t for key, t in tensors.items() if key.startswith(f"{i}.")}
    _check_finite(own, f"{name}: edit {i + 1} holds")
    return from_arrays(_arrays(own), json.loads(header[f"edit.{i}"]))


def _check_finite(tensors: Mapping[str, Tensor], holder: str) -> None:
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise EditError(f"{holder} numbers that are not finite; export the edits again.")


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(tensor.float().numpy()) for name, tensor in tensors.items()}


def _files(handle: ModelHandle, edits: Sequence[Edit], stem: str) -> dict[str, bytes]:
    return {f"{stem}.safetensors": pack(handle, edits)}


FORMAT: Final = ExportFormat(
    name="safetensors",
    title="Golden Layers file",
    purpose="Keep the edit or the stack exactly as it is, and open it here again: a safetensors file of kilobytes with "
    "a readable header (model, fingerprint, methods, layers, facts, digests).",
    holds=EVERYTHING,
    suffix=".safetensors",
    files=_files,
)
