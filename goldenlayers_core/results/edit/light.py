"""Did it take? One light for an edit: green, amber or red, and the checks it stands for.

red      nothing can have changed (no change of weights, no memory, no text before the prompt), or the greedy answer is
         the old one, or is not the new target
green    it took, the new target is likelier than the old one, at least half of the rephrases follow and at least three
         quarters of the neighbours stay, and both kinds were asked
amber    everything between: it took, but a check is not good or could not be made

The shares are a convention of this page, not a measurement: more often than not the same fact in other words, and at
most one neighbour in four moved.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

from goldenlayers_core.results.edit.report import EditReport
from goldenlayers_core.results.edit.stack import EditCard
from goldenlayers_core.results.formats import NOT_ASKED, percent
from goldenlayers_core.texts import begins_with

Colour = Literal["green", "amber", "red"]
State = Literal["good", "poor", "none"]

REPHRASES: Final = 0.5  # share that has to follow
NEIGHBOURS: Final = 0.75  # share that has to stay
_SHARES: Final = (("rephrase", "rephrase", "follow"), ("locality", "neighbour", "stay"))
RULE: Final = (
    "Green: the greedy answer begins with the new target, the new target is likelier than the old one, at least half "
    "of the rephrases follow, at least three quarters of the locality probes stay. Amber: it took, but one of these "
    "fails or was not asked. Red: nothing changed, or the answer is not the new target."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the light looks at."""

    name: str
    state: State  # "none": there was nothing to look at
    words: str


@dataclass(frozen=True, slots=True)
class Light:
    """The verdict in one colour and one sentence, and what it stands for."""

    colour: Colour
    words: str
    checks: tuple[Check, ...]


def light(report: EditReport, card: EditCard | None = None) -> Light:
    """The light of an edit. `card` says what the edit holds; without it only the weight change is known."""
    checks = (
        _change(report, card),
        _answer(report),
        _probability(report),
        _share(report, "rephrase", "Rephrases", REPHRASES, "follow"),
        _share(report, "locality", "Locality", NEIGHBOURS, "stay"),
    )
    colour, words = _verdict(report, checks)
    return Light(colour, words, checks)


def _verdict(report: EditReport, checks: tuple[Check, ...]) -> tuple[Colour, str]:
    change, answer, *rest = checks
    if change.state == "poor":
        return "red", "Nothing changed: the edit holds no change of weights, no memory and no text."
    if report.before.answer == report.after.answer and not report.took:
        return "red", f"Nothing changed: the answer is “{report.after.answer or '(nothing)'}”, as before."
    if answer.state == "poor":
        said = f"It did not take: the answer is “{report.after.answer or '(nothing)'}”"
        if is_written_on(report):
            said += f", which begins with “{report.target_new.strip()}” and goes on as a longer word"
        return "red", f"{said}."
    if answered_before(report):
        return "red", f"Nothing changed: the model answered “{report.before.answer}” before the edit already."
    poor = [f"{check.name.lower()} ({check.words})" for check in rest if check.state == "poor"]
    missing = [check.name.lower() for check in rest if check.state == "none"]
    if poor:
        return "amber", f"It took, but look at: {', '.join(poor)}."
    shares = ", ".join(words for kind, noun, verb in _SHARES if (words := _counted(report, kind, noun, verb)))
    if missing:
        return "amber", f"It took{f': {shares}' if shares else ''}; not asked: {', '.join(missing)}."
    return "green", f"It took: {shares}."


def _counted(report: EditReport, kind: str, noun: str, verb: str) -> str:
    """ "1 of 2 rephrases follow"; "" where none was asked."""
    good, total = report.rates().get(kind, (0, 0))
    one = total == 1
    return f"{good} of {total} {noun if one else f'{noun}s'} {f'{verb}s' if one else verb}" if total else ""


def is_written_on(report: EditReport) -> bool:
    """Whether the model began with the new target and went on with it as a longer word: "Al", "Alumina"."""
    return any(outcome.kind == "rewrite" and outcome.written_on for outcome in report.outcomes)


def answered_before(report: EditReport) -> bool:
    """Whether the model gave the new answer before the edit already, so that the edit shows nothing."""
    return report.took and begins_with(report.before.answer, report.target_new, (report.target_true,))


def _change(report: EditReport, card: EditCard | None) -> Check:
    parts = []
    if report.weight_change > 0:
        parts.append(f"{percent(report.weight_change)} of the weight's norm")
    if card is not None and card.entries:
        parts.append(f"{card.entries} places in a memory")
    if card is not None and card.prefix:
        parts.append("a text before the prompt, no weight")
    there = bool(parts) if card is None else card.changes_something
    return Check("What is changed", "good" if there else "poor", ", ".join(parts) or "nothing")


def _answer(report: EditReport) -> Check:
    moved = f"“{report.before.answer or '(nothing)'}” → “{report.after.answer or '(nothing)'}”"
    return Check("Greedy answer", "good" if report.took else "poor", moved)


def _probability(report: EditReport) -> Check:
    before, after = report.before.target_new_probability, report.after.target_new_probability
    old = report.after.target_true_probability
    if not math.isfinite(after):
        return Check("Target probability", "none", NOT_ASKED)
    words = f"P(new) {_percent(before)} → {_percent(after)}"
    if math.isfinite(old):
        words += f", P(old) now {_percent(old)}"
    likelier = not math.isfinite(old) or after > old
    return Check("Target probability", "good" if likelier else "poor", words)


def _percent(share: float) -> str:
    return percent(share) if math.isfinite(share) else NOT_ASKED


def _share(report: EditReport, kind: str, name: str, least: float, verb: str) -> Check:
    good, total = report.rates().get(kind, (0, 0))
    if not total:
        return Check(name, "none", "none asked")
    return Check(name, "good" if good / total >= least else "poor", f"{good} of {total} {verb}")
