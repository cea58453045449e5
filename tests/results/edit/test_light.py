"""The light: red when nothing changed, green only when everything asked came out well."""

import dataclasses

import pytest

from goldenlayers_core.results import EditReport, ProbeOutcome
from goldenlayers_core.results.edit.light import Light, light
from goldenlayers_core.results.edit.stack import EditCard
from tests.made_up import made_report, view

OLD, NEW = view("Paris, of course", 0.01, 0.8), view("Rome, of course", 0.9, 0.02)
CARD = EditCard("e" * 32, "rome", (("The capital of France is", "France", "Rome"),), (5,), 1, 0, "", 0.1, 4096, "f")


def report(rephrases: str = "++", neighbours: str = "++++", **changed: object) -> EditReport:
    """A report whose probes came out as wished (+) or not (-)."""
    probes = [("rephrase", mark) for mark in rephrases] + [("locality", mark) for mark in neighbours]
    outcomes = tuple(ProbeOutcome("p", kind, "", ("Rome",), OLD, NEW, mark == "+", 0.1) for kind, mark in probes)
    return made_report(outcomes, OLD, NEW, **changed)


def states(found: Light) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def test_all_well_is_green_and_says_every_check() -> None:
    found = light(report(), CARD)
    assert found.colour == "green"
    assert set(states(found).values()) == {"good"}
    assert [check.words for check in found.checks][1:3] == [
        "“Paris, of course” → “Rome, of course”",
        "P(new) 1 % → 90 %, P(old) now 2 %",
    ]


@pytest.mark.parametrize(
    ("rephrases", "neighbours", "colour", "poor"),
    [
        ("+-", "+++-", "green", ()),
        ("+--", "++++", "amber", ("Rephrases",)),
        ("++", "++--", "amber", ("Locality",)),
        ("--", "----", "amber", ("Rephrases", "Locality")),
        ("", "++++", "amber", ()),
        ("++", "", "amber", ()),
    ],
)
def test_probes_decide_between_green_and_amber(
    rephrases: str, neighbours: str, colour: str, poor: tuple[str, ...]
) -> None:
    found = light(report(rephrases, neighbours), CARD)
    assert found.colour == colour
    assert tuple(name for name, state in states(found).items() if state == "poor") == poor
    for name in poor:
        assert name.lower() in found.words


def test_an_edit_without_content_is_red_whatever_the_answer_says() -> None:
    empty = dataclasses.replace(CARD, weight_change=0.0)
    found = light(report(weight_change=0.0), empty)
    assert found.colour == "red"
    assert "Nothing changed" in found.words


@pytest.mark.parametrize("kept", [{"entries": 3}, {"prefix": "Imagine that"}])
def test_a_memory_or_a_text_counts_as_a_change(kept: dict[str, object]) -> None:
    card = dataclasses.replace(CARD, weight_change=0.0, **kept)  # type: ignore[arg-type]
    assert light(report(weight_change=0.0), card).colour == "green"


@pytest.mark.parametrize(
    ("before", "after", "took", "words"),
    [
        (OLD, OLD, False, "as before"),
        (OLD, view("London", 0.2, 0.1), False, "It did not take"),
        (NEW, NEW, True, "before the edit already"),
        (view("rome. It is", 0.6, 0.1), NEW, True, "before the edit already"),
    ],
)
def test_an_answer_that_is_not_new_is_red(before: object, after: object, took: bool, words: str) -> None:
    found = light(dataclasses.replace(report(), before=before, after=after, took=took), CARD)  # type: ignore[arg-type]
    assert found.colour == "red"
    assert words in found.words


def test_an_old_target_that_stays_likelier_is_amber() -> None:
    found = light(dataclasses.replace(report(), after=view("Rome", 0.3, 0.4)), CARD)
    assert found.colour == "amber"
    assert "target probability" in found.words


def test_without_a_target_to_ask_for_the_light_is_not_green() -> None:
    nan = float("nan")
    assert light(dataclasses.replace(report(), after=view("Rome", nan, nan)), CARD).colour == "amber"


@pytest.mark.parametrize(
    ("rephrases", "neighbours", "words"),
    [
        ("+-", "+++-", "It took: 1 of 2 rephrases follow, 3 of 4 neighbours stay."),
        ("+", "+", "It took: 1 of 1 rephrase follows, 1 of 1 neighbour stays."),
        ("+--", "++++", "It took, but look at: rephrases (1 of 3 follow)."),
        ("++", "", "It took: 2 of 2 rephrases follow; not asked: locality."),
        ("", "", "It took; not asked: rephrases, locality."),
    ],
)
def test_the_sentence_is_exact_and_says_once_that_it_took(rephrases: str, neighbours: str, words: str) -> None:
    assert light(report(rephrases, neighbours), CARD).words == words


def test_a_target_that_is_written_on_is_told_as_that() -> None:
    said = view("Alumina", 0.5, 0.1)
    outcome = ProbeOutcome("p", "rewrite", "", ("Al",), OLD, said, False, 0.1)
    found = light(dataclasses.replace(made_report((outcome,), OLD, said), took=False, target_new="Al"), CARD)
    assert found.colour == "red"
    assert found.words == (
        "It did not take: the answer is “Alumina”, which begins with “Al” and goes on as a longer word."
    )
