"""Model folders that this program makes: whole or not at all, and with a note of what their weights must be. No torch.

A folder is written under the name of a draft and then renamed. What a killed process left of one is removed by the next
that makes a model. `complete` in a finished folder says what it was made of and, below that, its fingerprint, so that
weights that changed on disk since are noticed when they are loaded.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from safetensors import SafetensorError

from goldenlayers_core.errors import ModelError

_DRAFT: Final = ".making-"
_NOTE: Final = "complete"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
REFUSED: Final = (*_FULL, *_FORBIDDEN)  # numbers of errors of a disk that takes nothing
_NUMBER: Final = re.compile(r"os error ([0-9]+)")


def is_complete(folder: Path) -> bool:
    """Whether a folder was made to its end."""
    return (folder / _NOTE).is_file()


def recorded_fingerprint(folder: Path) -> str:
    """What a folder's fingerprint was when it was made; "" where nobody wrote that down."""
    try:
        lines = (folder / _NOTE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    return lines[1].strip() if len(lines) > 1 else ""


def make_whole(target: Path, words: str, make: Callable[[Path], str]) -> Path:
    """`target`, made in one step: `make` fills the draft it is given and returns its fingerprint.

    Whatever `make` raises leaves nothing behind. Of two processes that make the same folder the first is kept. Raises
    ModelError where the disk refuses.
    """
    try:
        with scratch(target.parent) as draft:
            fingerprint = make(draft)
            (draft / _NOTE).write_text(f"{words}\n{fingerprint}\n", encoding="utf-8")
            if not is_complete(target):
                shutil.rmtree(target, ignore_errors=True)
                os.replace(draft, target)
    except (OSError, SafetensorError) as error:
        reason = refusal(error, target.parent, "set GOLDENLAYERS_CACHE to a folder elsewhere")
        raise ModelError(f"The model ({words}) could not be kept: {reason}") from error
    return target


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A draft in a folder, to be renamed or else removed at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    draft = Path(tempfile.mkdtemp(prefix=f"{_DRAFT}{os.getpid()}-", dir=folder))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def refusal(error: Exception, folder: Path, other: str) -> str:
    """Why a disk did not take what was written into a folder, and what to do: free some space, or `other`."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (said := _NUMBER.search(str(error))):  # safetensors tells it in words alone
        number = int(said[1])
    if number in _FULL:
        return f"the disk of {folder} is full; free some space, or {other}."
    if number in _FORBIDDEN:
        return f"nothing may be written into {folder} (permission denied); change that, or {other}."
    reason = os.strerror(number) if number else type(error).__name__
    return f"{folder} could not be written to ({reason}); check the disk, or {other}."


def sweep(folder: Path) -> None:
    """Remove the drafts of processes that are gone."""
    for draft in folder.glob(f"{_DRAFT}*"):
        owner = draft.name.removeprefix(_DRAFT).split("-")[0]
        if not owner.isdecimal() or not psutil.pid_exists(int(owner)) or _began_later(int(owner), draft):
            shutil.rmtree(draft, ignore_errors=True)


def _began_later(pid: int, draft: Path) -> bool:
    """Whether the number belongs to another process by now: one that began after the draft was made."""
    try:
        return psutil.Process(pid).create_time() > draft.stat().st_ctime + 1
    except (psutil.Error, OSError):
        return False
