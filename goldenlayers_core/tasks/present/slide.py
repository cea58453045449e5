"""A screen of presenter mode: one idea, in large type. No torch, no streamlit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from goldenlayers_core.figures.text import clean, shorten
from goldenlayers_core.results import EditReport, ProbeOutcome
from goldenlayers_core.texts import first_clause

_MOST: Final = 44  # letters of an answer
Draw = Callable[[bool], Any]  # dark or not -> plotly figure


@dataclass(frozen=True, slots=True)
class Side:
    """One half of before and after."""

    title: str
    answer: str


@dataclass(frozen=True, slots=True)
class Change:
    """One probe, asked twice."""

    prompt: str
    before: str
    after: str
    good: bool  # as wished
    word: str  # what that means here: "stays", "moved", "follows", ...


@dataclass(frozen=True, slots=True)
class Number:
    """One large number."""

    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class About:
    """One line of a title slide."""

    name: str
    value: str


@dataclass(frozen=True)
class Slide:
    """One screen. Its headline is a finding; whatever is technical stands in `how`."""

    headline: str
    mark: str = ""  # a few words above it: where the edit that is shown was made
    say: str = ""  # one sentence below it
    about: tuple[About, ...] = ()  # of a title slide: model, fact, layer, evidence
    points: tuple[str, ...] = ()  # of a closing slide: what to take home, a sentence each
    prompt: str = ""  # asked on both sides
    sides: tuple[Side, ...] = ()
    changes: tuple[Change, ...] = ()
    numbers: tuple[Number, ...] = ()
    draw: Draw | None = None
    strip: bool = False  # the picture is a strip and needs no height
    table: pd.DataFrame | None = None  # what was drawn
    how: tuple[str, ...] = ()  # how it was measured, a paragraph each


NEIGHBOUR_WORDS: Final = ("stays", "moved")
_FOLLOW_WORDS: Final = ("follows", "does not follow")


def changes(report: EditReport, kind: str) -> tuple[Change, ...]:
    """Every probe of a kind, in the dataset's order: none is left out."""
    words = NEIGHBOUR_WORDS if kind == "locality" else _FOLLOW_WORDS
    return tuple(_change(o, words) for o in report.outcomes if o.kind == kind)


def _change(outcome: ProbeOutcome, words: tuple[str, str]) -> Change:
    return Change(
        outcome.prompt,
        said(outcome.before.answer),
        said(outcome.after.answer),
        outcome.success,
        words[0] if outcome.success else words[1],
    )


def said(answer: str) -> str:
    """An answer as one says it: its first clause, without the full stop; what only repeats itself, once."""
    clause = first_clause(clean(answer), at_names=True).rstrip(".,;: ")
    return shorten(_once(clause), _MOST) or "(nothing)"


def _once(text: str) -> str:
    """`Rome, again and again`, where a text says the same few words three times or more and nothing else."""
    words = text.split()
    for n in range(1, len(words) // 3 + 1):
        if all(word == words[i % n] for i, word in enumerate(words[:-1])) and words[(len(words) - 1) % n].startswith(
            words[-1]
        ):
            return f"{' '.join(words[:n])}, again and again"
    return text
