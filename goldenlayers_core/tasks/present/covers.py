"""The first and the last screen of every run: what is to be seen, and what to take home. No torch."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from goldenlayers_core.figures.text import clean, shorten
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.present.slide import About, Slide

_LONGEST: Final = 140  # letters of a line
_HOME: Final = "To take home"


def cover(
    manifest: RunManifest, headline: str, say: str, how: tuple[str, ...] = (), *, fact: str, layer: str, evidence: str
) -> Slide:
    """The title slide: model, fact, layer, evidence, and when it was computed."""
    lines = (
        About("Model", manifest.model),
        About("Fact", fact),
        About("Layer", layer),
        About("Evidence", evidence),
        About("Computed", day_of(manifest)),
    )
    shown = tuple(About(line.name, in_short(line.value)) for line in lines if line.value)
    cut = tuple(f"{line.name}: {clean(line.value)}." for line in lines if in_short(line.value) != clean(line.value))
    return Slide(headline, say=say, about=shown, how=(*how, *cut, f"{manifest.run_id}, {manifest.created} (UTC)."))


def in_short(text: str) -> str:
    """A line of a title slide: as many whole clauses as there is room for."""
    line = clean(text)
    ends = [match.start() for match in re.finditer("[,;] ", line) if match.start() <= _LONGEST]
    ends = [end for end in ends if line.count("(", 0, end) == line.count(")", 0, end)]
    return line[: ends[-1]] if len(line) > _LONGEST and ends else shorten(line, _LONGEST)


def closing(headline: str, points: Sequence[str], manifest: RunManifest) -> Slide:
    """The last slide: the finding, and what to take home of it."""
    how = f"Every number is of the screens before; {manifest.model}; {manifest.run_id}."
    return Slide(headline, mark=_HOME, points=tuple(points), how=(how,))


def written(subject: str, old: str, new: str) -> str:
    """A fact as an edit changes it: `Barcelona: Spain → Switzerland`; what is not known is left out."""
    change = " → ".join(part for part in (old.strip(), new.strip()) if part)
    return f"{subject.strip()}: {change}" if subject.strip() else change


def day_of(manifest: RunManifest) -> str:
    """The day a run was computed, in UTC: `27 November 2026`."""
    moment = datetime.fromisoformat(manifest.created)
    return f"{moment.day} {moment:%B %Y}"
