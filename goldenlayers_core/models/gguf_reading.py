"""GGUF files read once: transformers reads a header of 262,144 words three times, word by word through a memory map.

Nothing of what is read changes, nor of the weights that are made of it (a test compares both).
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from gguf import GGUFReader, GGUFValueType
from transformers import modeling_gguf_pytorch_utils as loader

_ONE_AT_A_TIME: Final = threading.RLock()  # the names below are of the whole process
_WORDS: Final = "tokenizer."  # the header's long fields, on which no weight depends ...
_COUNTED: Final = "tokenizer.ggml.tokens"  # ... but for the number of words
_PART: Final = 1 << 18  # values made at once
_Parts = tuple[int, list[Any], list[int], list[GGUFValueType]]


class Header(GGUFReader):
    """gguf's reader, which takes an array of the header in one piece."""

    @property
    def data(self) -> Any:
        """The file's bytes as a plain array: a slice of a memory map costs ten times as much."""
        return self._data

    @data.setter
    def data(self, mapped: Any) -> None:
        self._data = mapped.view(np.ndarray)

    def _get_field_parts(self, orig_offs: int, raw_type: int) -> _Parts:
        """(bytes taken, parts, which of them are values, types), as the parent's; an array's are Python's own."""
        if raw_type != GGUFValueType.ARRAY or self.byte_order != "I":
            found: _Parts = super()._get_field_parts(orig_offs, raw_type)
            return found
        kind = GGUFValueType(int(self._get(orig_offs, np.uint32)[0]))
        count = int(self._get(orig_offs + 4, np.uint64)[0])
        begin = orig_offs + 12
        if kind == GGUFValueType.STRING:
            values, end = _strings(self.data, begin, count)
        elif kind in self.gguf_scalar_to_np:
            flat = self._get(begin, self.gguf_scalar_to_np[kind], count)
            values, end = [(value,) for value in flat.tolist()], begin + flat.nbytes
        else:
            return super()._get_field_parts(orig_offs, raw_type)
        return end - orig_offs, values, list(range(count)), [GGUFValueType.ARRAY, *([kind] if count else [])]


def _strings(data: Any, begin: int, count: int) -> tuple[list[Any], int]:
    """`count` strings that stand one after another, each behind its length in 8 bytes; and where they end."""
    view, found = memoryview(data), []
    for _ in range(count):
        length = int.from_bytes(view[begin : begin + 8], "little")
        found.append(bytes(view[begin + 8 : begin + 8 + length]))
        begin += 8 + length
    return found, begin


@contextmanager
def read_once(file: Path, tell: Callable[[int, int], None]) -> Iterator[None]:
    """While one GGUF file is converted: transformers gets its header, read once.

    `tell(bytes of float32 weights made, bytes)` is called before each tensor and may raise. Raises ValueError or
    IndexError for a broken file.
    """
    with _ONE_AT_A_TIME:
        header = Header(file)
        ours = {
            "GGUFReader": lambda _path: header,
            "get_tensor_name_map": functools.cache(gguf.get_tensor_name_map),
            "dequantize": functools.partial(_in_parts, gguf.dequantize),
        }
        loaders = {"load_gguf_checkpoint": _remembering(header), "tqdm": functools.partial(_counted, tell)}
        with _replaced(vars(gguf), ours), _replaced(vars(loader), loaders):
            yield


@contextmanager
def _replaced(names: dict[str, Any], ours: dict[str, Any]) -> Iterator[None]:
    theirs = {name: names[name] for name in ours}
    names.update(ours)
    try:
        yield
    finally:
        names.update(theirs)


def _counted(tell: Callable[[int, int], None], tensors: list[Any], **_settings: Any) -> Iterator[Any]:
    """Instead of the loader's progress bar."""
    done, total = 0, sum(4 * int(tensor.n_elements) for tensor in tensors)
    for tensor in tensors:
        tell(done, total)
        yield tensor
        done += 4 * int(tensor.n_elements)
    tell(done, total)


def _in_parts(dequantize: Callable[..., Any], data: Any, kind: Any) -> Any:
    """A tensor's float32 values. A part that fits into the processor's cache takes a quarter of the whole's time."""
    shape = gguf.quant_shape_from_byte_shape(data.shape, kind) if data.dtype == np.uint8 else data.shape
    rows, made = data.reshape(-1, data.shape[-1]), np.empty((data.size // data.shape[-1], shape[-1]), np.float32)
    step = max(1, _PART // shape[-1])
    for at in range(0, len(rows), step):
        made[at : at + step] = dequantize(rows[at : at + step], kind)
    return made.reshape(shape)


def _remembering(header: Header) -> Callable[..., dict[str, Any]]:
    """transformers' `load_gguf_checkpoint` that parses the header once."""
    fields, parsed = header.fields, dict[str, dict[str, Any]]()
    parse: Callable[..., dict[str, Any]] = loader.load_gguf_checkpoint

    def load(path: Any, return_tensors: bool = False, **settings: Any) -> dict[str, Any]:
        if return_tensors:
            header.fields = type(fields)((k, v) for k, v in fields.items() if k == _COUNTED or _WORDS not in k)
            return parse(path, return_tensors=True, **settings)
        if not parsed:
            parsed.update(parse(path))
        return {name: dict(part) for name, part in parsed.items()}

    return load
