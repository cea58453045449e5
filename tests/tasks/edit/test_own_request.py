"""Requests that a person writes."""

from dataclasses import replace

import pytest

from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import EditReport, View
from goldenlayers_core.results.edit.light import answered_before
from goldenlayers_core.tasks.edit.own_request import (
    MAX_PROMPT,
    check_editable,
    free_request,
    no_op,
    parted,
    subject_choices,
)

GOOD = EditRequest("1", "The capital of France is", "France", "Rome", "Paris", true_aliases=("Lutetia",))


def test_what_was_typed_becomes_a_request() -> None:
    made = free_request(
        "The capital of France is ", " France ", " Rome", "Paris ", "France's capital:\n\n", "Spain is\n a "
    )
    assert (made.prompt, made.subject, made.target_new, made.target_true) == (
        "The capital of France is",
        "France",
        "Rome",
        "Paris",
    )
    assert [(p.prompt, p.answers, p.kind) for p in made.rephrases] == [("France's capital:", ("Rome",), "rephrase")]
    assert [(p.prompt, p.answers, p.kind) for p in made.locality] == [
        ("Spain is", (), "locality"),
        ("a", (), "locality"),
    ]
    assert made.source == "free edit"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": " "}, "The prompt is empty"),
        ({"prompt": "France " * MAX_PROMPT}, "write at most 2,000"),
        ({"subject": ""}, "The subject is empty"),
        ({"subject": "france"}, r"'france' is not in the prompt \(there it is written 'France'\)"),
        (
            {"prompt": "Die Straße nach BERLIN führt zu", "subject": "Berlin"},
            r"'Berlin' is not in the prompt \(there it is written 'BERLIN'\)",
        ),
        ({"prompt": "İzmir ﬁrst, then ROME is", "subject": "Rome"}, r"\(there it is written 'ROME'\)"),
        ({"prompt": "Romeo was born in", "subject": "Rome"}, "word of its own, only inside 'Romeo'"),
        ({"subject": "Spain"}, "'Spain' is not in the prompt; copy it"),
        ({"target_new": "\n"}, "The new answer is empty"),
    ],
)
def test_what_cannot_be_edited_is_one_sentence(change: dict[str, str], sentence: str) -> None:
    check_editable(GOOD)
    with pytest.raises(RequestError, match=sentence):
        check_editable(replace(GOOD, **change))


def test_a_subject_that_stands_several_times_can_be_chosen() -> None:
    assert subject_choices(GOOD) == {}
    several = replace(GOOD, prompt="Nigeria borders Niger, and Niger borders many more countries, in", subject="Niger")
    places = subject_choices(several)
    assert list(places) == [16, 27]
    assert places[27] == "…eria borders Niger, and [Niger] borders many more count…"
    assert parted(several) == ("Nigeria borders ", "Niger", ", and Niger borders many more countries, in")
    chosen = replace(several, subject_at=0)  # as a template may have it
    assert list(subject_choices(chosen)) == [0, 16, 27]
    assert parted(chosen)[0] == ""
    assert parted(replace(GOOD, subject="Spain")) == (GOOD.prompt, "", "")


def test_too_many_probes_are_refused() -> None:
    with pytest.raises(RequestError, match="There are 51 rephrases; write at most 50"):
        free_request("a b", "a", "c", rephrases="x\n" * 51)


@pytest.mark.parametrize("new", ["Paris", " paris. ", "LUTETIA"])
def test_an_old_answer_as_new_one_is_a_no_op(new: str) -> None:
    assert "no-op" in no_op(replace(GOOD, target_new=new))


@pytest.mark.parametrize("new", ["Rome", "Paris Hilton"])
def test_another_answer_is_none(new: str) -> None:
    assert no_op(replace(GOOD, target_new=new)) == ""


@pytest.mark.parametrize(
    ("before", "took", "expected"), [("Rome, of", True, True), ("Paris", True, False), ("Rome", False, False)]
)
def test_an_answer_given_before_is_seen(before: str, took: bool, expected: bool) -> None:
    views = [View(text, 0.1, 0.1, ()) for text in (before, "Rome")]
    fact = ("1", GOOD.prompt, GOOD.subject, GOOD.target_new, GOOD.target_true)
    report = EditReport("e", "rome", 5, "by hand", *fact, *views, (), "It took.", took, 0.1, ())
    assert answered_before(report) is expected


def test_consequences_carry_their_own_answers() -> None:
    asked = ("France", "France", "Rome", "Paris", "", "")
    made = free_request(*asked, "Its river is the -> Tiber\n\nThe country is the one of → Rome | Roma | \n x => y")
    assert [(p.prompt, p.answers, p.kind) for p in made.portability] == [
        ("Its river is the", ("Tiber",), "portability"),
        ("The country is the one of", ("Rome", "Roma"), "portability"),
        ("x", ("y",), "portability"),
    ]
    assert free_request(*asked).digest != made.digest


@pytest.mark.parametrize("line", ["Its river is the Tiber", "-> Tiber", "Its river ->", "a -> b -> c", "a -> |"])
def test_a_consequence_without_prompt_or_answer_is_one_sentence(line: str) -> None:
    with pytest.raises(RequestError, match="has no answer of its own; write: the prompt -> its new answer"):
        free_request("France", "France", "Rome", consequences=line)
