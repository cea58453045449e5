"""Places that several machines reach: a bucket (S3, Google, Azure: the extra of requirements-store.txt), a folder
(file:///...), and whatever else fsspec knows (memory://, sftp://, ...).

Each does four things. Keys are parts joined by "/", and what is created is never changed: a second writer of a key is
told that it came too late. Buckets do that by `If-None-Match: *`, a folder by a hard link to a finished file; both show
an object whole or not at all. Of other places fsspec's "create" is as good as the place is.
"""

import importlib.util
import os
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime.atomic import is_temporary
from goldenlayers_core.runtime.frames import one_line
from goldenlayers_core.runtime.names import shown

_BUCKETS: Final = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
_CONNECT, _READ, _WHOLE = timedelta(seconds=5), timedelta(seconds=20), timedelta(minutes=10)


class UnreachedError(Exception):
    """The place did not answer, or not well; it may the next time."""


class RefusedError(Exception):
    """The place answered that it will not: a key, a right or the bucket is missing."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a listing tells of an object."""

    n_bytes: int
    modified: float | None  # seconds since 1970 by the place's clock; None: it does not tell


class Location(Protocol):
    """Where shared bytes lie. Everything raises UnreachedError or RefusedError."""

    name: str  # as a person wrote it, without a password
    steady: bool  # a listing of up to a thousand objects shows one moment

    def create(self, key: str, data: bytes) -> bool:
        """Write a new object; False where there is one of that key."""

    def read(self, key: str) -> bytes:
        """Raises FileNotFoundError where there is none."""

    def listed(self, prefix: str) -> dict[str, Item]:
        """Every object whose key begins with the prefix and "/"; with "", every one."""

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""


def open_location(url: str) -> Location:
    """The place that GOLDENLAYERS_STORE names; nothing is asked of it yet. Raises ConfigError."""
    scheme, mark, rest = url.partition("://")
    if not mark or not rest.strip("/"):
        raise ConfigError(
            f"GOLDENLAYERS_STORE is {shown(url)!r}; give a location such as s3://bucket/prefix or file:///shared/folder."
        )
    if scheme == "file":
        return _Folder(url, Path(rest))
    if scheme in _BUCKETS:
        if importlib.util.find_spec("obstore") is None:
            raise ConfigError(
                f"GOLDENLAYERS_STORE is {shown(url)} and what reaches buckets is not installed; run `make store`, or "
                "give a folder that all machines mount (file:///...)."
            )
        return _Bucket(url)
    return _Other(url)


class _Folder:
    """A folder that several machines mount."""

    steady = False

    def __init__(self, url: str, folder: Path) -> None:
        self.name = shown(url)
        self._folder = folder

    def create(self, key: str, data: bytes) -> bool:
        path = self._folder / key
        aside = path.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(aside, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise _of_disk(error) from error
        finally:
            aside.unlink(missing_ok=True)
        return True

    def read(self, key: str) -> bytes:
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _of_disk(error) from error

    def listed(self, prefix: str) -> dict[str, Item]:
        found = {}

        def refused(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise _of_disk(error) from error

        for top, _, names in os.walk(self._folder / prefix, onerror=refused):
            for path in (Path(top) / name for name in names):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue
                if not is_temporary(path):
                    key = path.relative_to(self._folder).as_posix()
                    found[key] = Item(status.st_size, status.st_mtime)
        return found

    def delete(self, key: str) -> None:
        try:
            (self._folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise _of_disk(error) from error


def _of_disk(error: Exception) -> Exception:
    reason = getattr(error, "strerror", None) or _first(error)
    return (RefusedError if isinstance(error, PermissionError) else UnreachedError)(reason)


class _Bucket:
    """A bucket of an object store, by obstore. What it needs to know (keys, region, endpoint) it reads from the
    environment, as other programs do: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_..., AZURE_..."""

    steady = True

    def __init__(self, url: str) -> None:
        import obstore
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
        from obstore.store import from_url

        self.name = shown(url)
        self._obstore: Any = obstore
        self._lasting = (PermissionDeniedError, UnauthenticatedError)
        settings: dict[str, Any] = {"disable_bulk_delete": True} if url.startswith("s3") else {}
        client = {"connect_timeout": _CONNECT, "read_timeout": _READ, "timeout": _WHOLE}
        if os.environ.get("AWS_ALLOW_HTTP", "") == "" and _is_plain_here(os.environ.get("AWS_ENDPOINT_URL", "")):
            client |= {"allow_http": True}  # type: ignore[dict-item]
        try:
            # no tries of its own: ours are told to whoever waits
            self._store: Any = from_url(url, client_options=client, retry_config={"max_retries": 0}, **settings)  # type: ignore[call-overload]
        except (BaseError, ValueError) as error:
            raise ConfigError(f"GOLDENLAYERS_STORE is {self.name}, which cannot be used: {_first(error)}.") from error

    def create(self, key: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            self._obstore.put(self._store, key, data, mode="create")
        except (AlreadyExistsError, PreconditionError):
            return False
        except Exception as error:
            raise self._meant(error) from error
        return True

    def read(self, key: str) -> bytes:
        try:
            return bytes(self._obstore.get(self._store, key).bytes())
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._meant(error) from error
            raise
        except Exception as error:
            raise self._meant(error) from error

    def listed(self, prefix: str) -> dict[str, Item]:
        try:
            chunks = list(self._obstore.list(self._store, prefix or None))
        except Exception as error:
            raise self._meant(error) from error
        return {meta["path"]: _item(meta["size"], meta["last_modified"]) for chunk in chunks for meta in chunk}

    def delete(self, key: str) -> None:
        try:
            self._obstore.delete(self._store, key)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._meant(error) from error

    def _meant(self, error: Exception) -> Exception:
        """Whether it makes sense to try again; anything obstore raises means one or the other."""
        text = str(error)
        if "NoSuchBucket" in text:
            return RefusedError("there is no such bucket")
        status = re.search(r"status code: ([^:\n]+)", text)
        broken = re.search(r"HttpError \{\s*kind: (\w+)", text)
        reason = status[1] if status else f"no answer: {broken[1].lower()}" if broken else _first(error)
        return (RefusedError if isinstance(error, (*self._lasting, FileNotFoundError)) else UnreachedError)(reason)


class _Other:
    """Any other location, by fsspec."""

    steady = False

    def __init__(self, url: str) -> None:
        import fsspec

        self.name = shown(url)
        self._lock = threading.Lock()  # of this process: memory:// is no further
        try:
            fs, self._base = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"GOLDENLAYERS_STORE is {self.name}, which cannot be used: {_first(error)}.") from error
        self._fs: Any = fs

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        try:
            with self._lock:
                self._fs.makedirs(self._fs._parent(path), exist_ok=True)
                self._fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except Exception as error:
            raise _of_disk(error) from error
        return True

    def read(self, key: str) -> bytes:
        try:
            return bytes(self._fs.cat_file(self._path(key)))
        except FileNotFoundError:
            raise
        except Exception as error:
            raise _of_disk(error) from error

    def listed(self, prefix: str) -> dict[str, Item]:
        base = self._base.rstrip("/") + "/"
        try:
            self._fs.invalidate_cache()
            found = self._fs.find(self._path(prefix), detail=True)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise _of_disk(error) from error
        return {name.removeprefix(base): _item(about["size"], _time(about)) for name, about in found.items()}

    def delete(self, key: str) -> None:
        try:
            self._fs.rm_file(self._path(key))
        except FileNotFoundError:
            return
        except Exception as error:
            raise _of_disk(error) from error

    def _path(self, key: str) -> str:
        return f"{self._base.rstrip('/')}/{key}".rstrip("/")


def _time(about: dict[str, Any]) -> Any:
    return next((about[name] for name in ("mtime", "last_modified", "LastModified", "created") if name in about), None)


def _item(size: int, modified: Any) -> Item:
    if isinstance(modified, datetime):
        modified = modified.timestamp()
    return Item(int(size), modified if isinstance(modified, float | int) else None)


def _is_plain_here(endpoint: str) -> bool:
    """An endpoint on this machine, which needs no encryption."""
    return re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])[:/]", f"{endpoint}/") is not None


def _first(error: BaseException) -> str:
    """The first line of what a library says, which goes on with its inner life."""
    return one_line(Exception(str(error).strip().split("\n")[0] or type(error).__name__)).rstrip(".")[:200]
