"""Files that are either whole or absent, and the sentences for a disk that refuses."""

import errno
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goldenlayers_core.errors import StoreError

_log = logging.getLogger(__name__)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_STALE_SECONDS = 3600.0  # no single file takes an hour to write: an older temporary file belongs to a dead process
DAMAGED = ".damaged"


def disk_error(error: OSError, path: Path, verb: str) -> StoreError:
    """The sentence for an `OSError`; `verb` is "written", "read" or "deleted"."""
    other = "set GOLDENLAYERS_CACHE to a folder"
    if error.errno in _FULL:
        return StoreError(f"The disk is full, so {path} could not be {verb}; free some space or {other} elsewhere.")
    if error.errno in _FORBIDDEN:
        return StoreError(f"{path} may not be {verb}: permission denied; change its permissions or {other} of yours.")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return StoreError(f"{path} could not be {verb} because a file stands where a folder is needed; move it away.")
    reason = error.strerror or str(error) or type(error).__name__
    return StoreError(f"{path} could not be {verb} ({reason}); check the disk, then try again.")


@contextmanager
def disk_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn every `OSError` of the block into a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, verb) from error


def make_folder(path: Path) -> None:
    """Create the folder and its parents. Raises StoreError."""
    with disk_errors(path, "written"):
        path.mkdir(parents=True, exist_ok=True)


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` in one step: readers see the old file or the new one, also after a crash.

    `durable=False` leaves the flush to the operating system, for files that are rewritten several times per second.
    Raises StoreError.
    """
    with disk_errors(path, "written"), replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary file in the same folder that becomes `path` when the block ends well, and vanishes otherwise."""
    temporary = _reserve(path)
    try:
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
        if durable and os.name == "posix":
            _flush(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _reserve(path: Path) -> Path:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    for attempt in range(10):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.touch(exist_ok=False)
            return temporary
        except FileNotFoundError:  # another process has just cleared the empty folder
            if attempt == 9:
                raise
    return temporary


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises FileNotFoundError where there is none, StoreError where the disk refuses."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise disk_error(error, path, "read") from error


def set_aside(path: Path, reason: object) -> None:
    """Rename a damaged file, so that it stops nobody and can still be looked at."""
    _log.warning("%s is damaged and was set aside: %s", path, reason)
    try:
        path.rename(path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}{DAMAGED}"))
    except OSError as error:  # gone already, or a read-only store: skipping the file is enough
        _log.warning("%s could not be renamed: %s", path, error)


def is_temporary(path: Path) -> bool:
    """A file that `replacing` has not finished."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def is_stale(path: Path) -> bool:
    """A temporary file that no living process is writing."""
    try:
        return is_temporary(path) and time.time() - path.stat().st_mtime > _STALE_SECONDS
    except OSError:
        return False


def files_under(folder: Path) -> list[Path]:
    """Every file below `folder`, sorted; empty where there is no such folder."""
    return sorted(Path(top) / name for top, _, names in os.walk(folder) for name in names)


def remove_tree(folder: Path) -> None:
    """Delete every file below `folder` except what is being written now, then the folders left empty.

    Raises StoreError.
    """
    for path in files_under(folder):
        if not is_temporary(path) or is_stale(path):
            with disk_errors(path, "deleted"):
                path.unlink(missing_ok=True)
    for top, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(top)
        except OSError:  # not empty: somebody is writing there
            continue
