"""Locks between processes. The operating system releases them when their holder dies, however it dies."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime.atomic import disk_error

_BUSY = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: int, *, shared: bool) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _acquire(handle: int, *, shared: bool) -> None:
        # flock, not lockf: it belongs to the open file, so it also holds between threads and queues of one process
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class Lock:
    """A lock that is held until `release` or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def try_lock(path: Path) -> Lock | None:
    """The lock, or None while somebody else holds it. Raises StoreError where the folder refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise disk_error(error, path, "written") from error
    return _locked(path, handle, shared=False)


def _locked(path: Path, handle: int, *, shared: bool) -> Lock | None:
    try:
        _acquire(handle, shared=shared)
    except OSError as error:
        os.close(handle)
        if error.errno in _BUSY:
            return None
        raise StoreError(
            f"{path.parent} does not support file locks ({error.strerror}); set GOLDENLAYERS_CACHE to a folder on a "
            "local disk."
        ) from error
    return Lock(handle)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error(error, path, "read") from error
    lock = _locked(path, handle, shared=True)
    if lock is None:
        return True
    lock.release()
    return False


@contextmanager
def locked(path: Path, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock during the block. Raises StoreError when it stays taken for `timeout` seconds."""
    limit = time.monotonic() + timeout
    while (lock := try_lock(path)) is None:
        if time.monotonic() > limit:
            raise StoreError(
                f"Another process has kept {path} locked for {timeout:.0f} seconds; close it, then try again."
            )
        time.sleep(0.005)
    try:
        yield
    finally:
        lock.release()
