"""Named things of a kind: `objects/<kind>/<name>.json` or `.safetensors`."""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError, one_line
from goldenlayers_core.runtime.here import Here

Arrays = dict[str, NDArray[Any]]
_OF_DISK = re.compile(r"os error ([0-9]+)")
_JSON, _ARRAYS = ".json", ".safetensors"
_NO_JSON = (ValueError, RecursionError, DamagedError)


class Objects:
    """The `objects/` folder of a store."""

    def __init__(self, folder: Path, place: Here) -> None:
        self._folder = folder
        self._place = place

    def save_arrays(self, kind: str, name: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> None:
        """Raises StoreError."""
        # order="C": the format writes the memory as it lies
        plain = {key: np.asarray(array, order="C") for key, array in arrays.items()}
        path = self._path(kind, name, _ARRAYS)
        try:
            about = {**meta, digests.MARK: digests.of_arrays(plain, meta)}
            with atomic.disk_errors(path, "written"), self._place.replacing(path) as temporary:
                save_file(plain, temporary, metadata=about)
        except (SafetensorError, TypeError, ValueError, KeyError) as error:
            if number := _OF_DISK.search(str(error)):  # the library tells what a disk said in words alone
                refused = OSError(int(number[1]), os.strerror(int(number[1])))
                raise atomic.disk_error(refused, path, "written") from error
            raise StoreError(
                f"The arrays of {kind} {name!r} could not be stored ({one_line(error)}); give numeric arrays and text "
                "as their description, and check that the disk has room."
            ) from error

    def load_arrays(self, kind: str, name: str) -> tuple[Arrays, dict[str, str]]:
        """The arrays and their description. Raises StoreError."""
        path = self._path(kind, name, _ARRAYS)
        try:
            copy = self._place.found(path)
            copy.open("rb").close()  # a refusing disk is told apart from a damaged file
            with safe_open(copy, framework="np") as file:
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                return arrays, _checked(arrays, dict(file.metadata() or {}))
        except FileNotFoundError:
            raise self._missing(kind, name) from None
        except OSError as error:
            raise atomic.disk_error(error, path, "read") from error
        except (SafetensorError, DamagedError, TypeError, ValueError, KeyError) as error:
            self._place.set_aside(path, error)
            raise _sentence(kind, name) from error

    def save_json(self, kind: str, name: str, content: Any) -> None:
        """Raises StoreError for content that JSON cannot hold."""
        self._place.put(self._path(kind, name, _JSON), _json(kind, name, content))

    def change_json(self, kind: str, name: str, change: Callable[[Any], Any]) -> Any:
        """Raises StoreError for content that JSON cannot hold."""
        made = []

        def changed(before: bytes | None) -> bytes:
            try:
                content = None if before is None else _opened(before)
            except _NO_JSON:
                content = None
            made.append(change(content))
            return _json(kind, name, made[-1])

        self._place.change(self._path(kind, name, _JSON), changed)
        return made[-1]

    def load_json(self, kind: str, name: str) -> Any:
        """Raises StoreError."""
        path = self._path(kind, name, _JSON)
        try:
            return _opened(atomic.read_bytes(self._place.found(path)))
        except FileNotFoundError:
            raise self._missing(kind, name) from None
        except _NO_JSON as error:
            self._place.set_aside(path, error)
            raise _sentence(kind, name) from error

    def set_aside(self, kind: str, name: str, reason: object) -> StoreError:
        """Put something that can be read but not understood aside; the sentence about it."""
        for suffix in (_JSON, _ARRAYS):
            if self._place.exists(path := self._path(kind, name, suffix)):
                self._place.set_aside(path, reason)
        return _sentence(kind, name)

    def names(self, kind: str) -> tuple[str, ...]:
        """What is stored of a kind, as JSON or arrays, sorted."""
        files = map(Path, self._place.names(self._folder / kind))
        return tuple(sorted({path.stem for path in files if path.suffix in (_JSON, _ARRAYS)}))

    def delete(self, kind: str, name: str) -> None:
        """Raises StoreError where there is none."""
        found = [path for end in (_JSON, _ARRAYS) if self._place.exists(path := self._path(kind, name, end))]
        if not found:
            raise self._missing(kind, name)
        for path in found:
            self._place.drop(path)

    def _path(self, kind: str, name: str, suffix: str) -> Path:
        return self._folder / kind / f"{name}{suffix}"

    def _missing(self, kind: str, name: str) -> StoreError:
        stored = ", ".join(self.names(kind)[:10]) or "nothing yet"
        return StoreError(f"There is no {kind} {name!r} in the store; stored of this kind: {stored}.")


def _checked(arrays: Arrays, meta: dict[str, str]) -> dict[str, str]:
    """The description without the digest. Raises DamagedError where that is another than the arrays'."""
    digest = meta.pop(digests.MARK, None)
    if digest is not None and digest != digests.of_arrays(arrays, meta):
        raise DamagedError("its digest is another than its content's")
    if digest is None and any(_nameless(arrays, meta, name) for name in meta):
        raise DamagedError("its digest has lost its name")
    return meta


def _nameless(arrays: Arrays, meta: Mapping[str, str], name: str) -> bool:
    """Whether an entry of a description without a digest is one: that of everything else there is."""
    rest = {other: text for other, text in meta.items() if other != name}
    return digests.is_one(meta[name]) and meta[name] == digests.of_arrays(arrays, rest)


def _json(kind: str, name: str, content: Any) -> bytes:
    try:
        text = json.dumps(digests.sealed(content), ensure_ascii=False, indent=1)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"{kind} {name!r} cannot be stored as JSON ({one_line(error)}).") from error
    return text.encode("utf-8", "surrogatepass")


def _opened(data: bytes) -> Any:
    return digests.opened(json.loads(data.decode("utf-8", "surrogatepass")))


def _sentence(kind: str, name: str) -> StoreError:
    return StoreError(f"The {kind} {name!r} is damaged and was set aside; compute it again.")
