"""What a stored object says of itself, so that a changed bit is noticed when it is opened. SHA-256 throughout.

JSON is written beside its digest, arrays carry theirs in their description, files of a run
are named with theirs in its manifest, and shards of a table have it in their names. What was stored before there were
digests (version 1 of the store) carries none and is read as it is.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.runtime.frames import DamagedError

MARK: Final = "sha256"
_HELD: Final = "content"


def is_one(text: str) -> bool:
    """Whether a text has the form of a digest."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def of_bytes(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def of_json(content: Any) -> str:
    """64 hexadecimal digits of what JSON makes of it, whatever the order of its keys."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return of_bytes(text.encode("utf-8", "surrogatepass"))


def of_arrays(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> str:
    """64 hexadecimal digits of names, types, shapes and numbers, and of the description."""
    digest = hashlib.sha256(of_json({name: text for name, text in meta.items() if name != MARK}).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode("utf-8", "surrogatepass"))
        digest.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def sealed(content: Any) -> dict[str, Any]:
    """Content for JSON beside its digest. Raises TypeError or ValueError for what JSON cannot hold."""
    plain = json.loads(json.dumps(content, ensure_ascii=False))  # as it will be read: lists, and keys that are texts
    return {_HELD: plain, MARK: of_json(plain)}


def opened(content: Any) -> Any:
    """What was sealed; what never was is returned as it is. Raises DamagedError where the digest is another."""
    if not isinstance(content, dict) or len(content) != 2 or not {_HELD, MARK} & set(content):
        return content
    if set(content) != {_HELD, MARK} or of_json(content[_HELD]) != content[MARK]:
        raise DamagedError("its digest is another than its content's")
    return content[_HELD]
