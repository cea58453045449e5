"""In which order stored runs are offered to a presenter, and which stand behind one line. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from goldenlayers_core.runtime import RunManifest

SITTING: Final = timedelta(hours=1)  # edits of a model with no longer pause between them were made in one sitting


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a run, or the edits of a sitting, newest first."""

    runs: tuple[RunManifest, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What each of the runs is called, without what stands in brackets behind it."""
        return tuple(run.title.partition(" (")[0] for run in self.runs)


def programme(runs: Sequence[RunManifest]) -> tuple[Entry, ...]:
    """First minutes first, then the rest; each newest first, the edits that were made in one sitting as one."""
    ordered = sorted(runs, key=lambda run: run.created, reverse=True)
    tours = [Entry((run,)) for run in ordered if run.kind == "tour"]
    rest: list[Entry] = []
    for run in (run for run in ordered if run.kind != "tour"):
        place = _sitting(rest, run)
        if place is None:
            rest.append(Entry((run,)))
        else:
            rest[place] = Entry((*rest[place].runs, run))
    return (*tours, *rest)


def _sitting(found: Sequence[Entry], run: RunManifest) -> int | None:
    """The entry that an edit belongs to; None where there is none yet."""
    if run.kind != "edit":
        return None
    for place, entry in enumerate(found):
        last = entry.runs[-1]
        if (last.kind, last.fingerprint) == ("edit", run.fingerprint) and _at(last) - _at(run) <= SITTING:
            return place
    return None


def _at(run: RunManifest) -> datetime:
    return datetime.fromisoformat(run.created)
