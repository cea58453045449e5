"""Who asked for a job: `<job_id>.claims` beside its record, written before it, so that no job is seen without an owner.

Several may have asked for the same. Each is told of the end once; one that withdraws stops the job only for itself, and
the last one that withdraws stops it.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError
from goldenlayers_core.runtime.names import checked_name

ClaimState = Literal["open", "withdrawn", "closed"]
_ENDING = ".claims"


@dataclass(frozen=True)
class Claim:
    """A tab of a desk (one browser) that asked for a job, and where it shows it. A program has neither."""

    desk: str = ""
    tab: str = ""
    slot: str = ""  # "": nobody follows it there
    title: str = ""  # what the job is called there
    state: ClaimState = "open"  # withdrawn: cancelled there; closed: told, or put away

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is followed; a job has one claim of each place."""
        return self.desk, self.tab, self.slot


class Claims:
    """The claims in a folder of jobs. Call what writes inside the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, ...], tuple[Claim, ...]]] = {}  # by job, with the file's identity

    def of(self, job_id: str) -> tuple[Claim, ...]:
        """Everybody who asked for a job, also those who were told. Raises StoreError."""
        path = self._file(job_id)
        try:
            status = path.stat()
        except FileNotFoundError:
            self._known.pop(job_id, None)
            return ()
        except OSError as error:
            raise atomic.disk_error(error, path, "read") from error
        identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known.get(job_id)
        if known is not None and known[0] == identity:
            return known[1]
        found = _read(path)
        self._known[job_id] = (identity, found)  # a file replaced between the two looks has another identity next time
        return found

    def every(self) -> dict[str, tuple[Claim, ...]]:
        """The claims of every job, by its id."""
        try:
            names = [entry.name for entry in os.scandir(self._folder) if entry.name.endswith(_ENDING)]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise atomic.disk_error(error, self._folder, "read") from error
        return {name.removesuffix(_ENDING): self.of(name.removesuffix(_ENDING)) for name in names if name[0] != "."}

    def put(self, job_id: str, claim: Claim) -> None:
        """Add a claim; it takes the place of another of the same desk, tab and slot. Raises StoreError."""
        self.write(job_id, [*(c for c in self.of(job_id) if c.place != claim.place), claim])

    def change(self, job_id: str, desk: str, tab: str | None, slot: str | None, to: Mapping[str, str]) -> bool:
        """Change the claims of a desk (in a tab, in a slot) that are not closed; whether there were any."""
        before = self.of(job_id)
        after = [
            dataclasses.replace(c, **dict[str, Any](to))
            if c.desk == desk and tab in (None, c.tab) and slot in (None, c.slot) and c.state != "closed"
            else c
            for c in before
        ]
        if tuple(after) == before:
            return False
        self.write(job_id, {c.place: c for c in after}.values())
        return True

    def write(self, job_id: str, claims: Iterable[Claim]) -> None:
        """Raises StoreError."""
        atomic.write_bytes(
            self._file(job_id), json.dumps(digests.sealed([dataclasses.asdict(c) for c in claims])).encode()
        )

    def remove(self, job_id: str) -> None:
        """Raises StoreError."""
        with atomic.disk_errors(self._file(job_id), "deleted"):
            self._file(job_id).unlink(missing_ok=True)
        self._known.pop(job_id, None)

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{checked_name(job_id, 'job')}{_ENDING}"


def _read(path: Path) -> tuple[Claim, ...]:
    """A damaged file is set aside: then the job is nobody's, and nobody is told of it."""
    try:
        found = tuple(Claim(**entry) for entry in digests.opened(json.loads(atomic.read_bytes(path))))
    except FileNotFoundError:
        return ()
    except (TypeError, ValueError, RecursionError, DamagedError) as reason:
        atomic.set_aside(path, reason)
        return ()
    texts = (text for c in found for text in (*c.place, c.title))
    if all(isinstance(t, str) for t in texts) and all(c.state in get_args(ClaimState) for c in found):
        return found
    atomic.set_aside(path, "a field has the wrong type")
    return ()
