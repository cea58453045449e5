"""What the reports of every kind of run share: what a part of one is, and what is said of every answer and sample."""

from typing import Any, Final

from goldenlayers_core.reports import Section

Parts = tuple[str, tuple[Section, ...], tuple[str, ...]]  # finding, sections, limits

SMALL: Final = "Samples of this size leave wide intervals: read them before the third digit."
GREEDY: Final = "Answers are greedy text of this model in this precision; another one may answer otherwise."


def title_of(drawn: Any) -> str:
    """The finding that a figure's title says."""
    return str((drawn.layout.meta or {}).get("title", ""))
