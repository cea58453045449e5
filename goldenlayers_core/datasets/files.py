"""Files on disk: opened only if they are plain files, and never further than the largest that is read."""

import os
import stat
from pathlib import Path
from typing import Final

from goldenlayers_core.datasets.table import check_size
from goldenlayers_core.datasets.text import MAX_BYTES, shorten
from goldenlayers_core.errors import DatasetError

_OTHER: Final = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a named pipe, not a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
)


def read_plain(path: str | os.PathLike[str]) -> tuple[bytes, str]:
    """(content, name) of a plain file of at most MAX_BYTES. Raises a DatasetError for anything else."""
    shown = shorten(os.fspath(path), 200).encode("utf-8", "replace").decode()
    try:
        file = Path(path).expanduser()
        # A pipe would wait for its other end; whether it is one is asked of what was opened, not of the name.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise DatasetError(f"{shown} {_what(found.st_mode)}; give a file with one request per record.")
            check_size(found.st_size, file.name)
            data = stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(f"{shown} does not exist; give a file with one request per record.") from error
    except IsADirectoryError as error:
        raise DatasetError(f"{shown} is a folder; give a file with one request per record.") from error
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte in the path; an unknown user after "~"
        raise DatasetError(f"{shown} cannot be opened; check its name and permissions.") from error
    check_size(len(data), file.name)
    return data, file.name


def _what(mode: int) -> str:
    return next((words for is_one, words in _OTHER if is_one(mode)), "is no plain file")
