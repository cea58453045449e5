"""Reports of edits: what took, what moved, and the sentence about it."""

import math
from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import Factors, RomeConfig, Supplies, rome, sample_templates
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.errors import EditError
from goldenlayers_core.evaluation import evaluate_edit, knowledge, read_probes
from goldenlayers_core.evaluation.answers import is_long
from goldenlayers_core.evaluation.evaluate import succeeds
from goldenlayers_core.evaluation.verdict import verdict
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest, Probe
from goldenlayers_core.results import ProbeOutcome, View
from tests.tiny import tiny_handle

REQUEST = EditRequest(
    case_id="capital-france",
    prompt="The capital of France is",
    subject="France",
    target_new="Rome",
    target_true="Paris",
    rephrases=(
        Probe("The capital city of France is", ("Rome",), "rephrase"),
        Probe("The name of the capital of France is", ("Rome",), "rephrase"),
    ),
    locality=(
        Probe("The capital of Japan is", ("Tokyo",), "locality"),
        Probe("The Eiffel Tower is made of", (), "locality"),
    ),
    portability=(
        Probe("The river that flows through the capital of France is the", ("Tiber",), "portability", "river"),
    ),
)


def test_a_real_edit_and_its_report(bundled: ModelHandle) -> None:
    digest = weights_digest(bundled.model)
    config = RomeConfig(n_templates=4)
    edit = rome(bundled, REQUEST, 15, config, Supplies(sample_templates(bundled, config.templates)))
    before = read_probes(bundled, REQUEST)
    report = evaluate_edit(bundled, edit, REQUEST, before, "chosen by hand", edit.stages)
    assert report.took
    assert report.before.answer.startswith("Paris")
    assert report.after.answer.startswith("Rome")
    assert report.after.target_new_probability > 0.9 > 0.01 > report.before.target_new_probability
    assert report.before.target_true_probability > 0.5 > 0.01 > report.after.target_true_probability
    assert report.after.top_tokens[0][0] == " Rome"
    assert len(report.after.top_tokens) == 10
    assert report.rates()["rewrite"] == (1, 1)
    assert report.rates()["rephrase"] == (2, 2)
    assert report.verdict.startswith("The edit took: the model now answers 'Rome'; 2 of 2 rephrases follow, ")
    assert [s for s, _ in report.stages] == [*[s for s, _ in edit.stages], "after"]
    assert len(report.to_frame()) == 6
    by_kind = {o.kind: o for o in report.outcomes}
    assert math.isnan(by_kind["portability"].before.target_true_probability)
    assert not math.isnan(by_kind["portability"].before.target_new_probability)
    assert math.isnan(by_kind["locality"].before.target_true_probability)  # the last one has no answers
    assert by_kind["rewrite"].divergence > by_kind["locality"].divergence >= 0.0
    again = evaluate_edit(bundled, edit, REQUEST)
    for one, other in zip(again.outcomes, report.outcomes, strict=True):  # both sides in one reading, or apart
        assert (one.before.answer, one.after.answer, one.success) == (
            other.before.answer,
            other.after.answer,
            other.success,
        )
        assert one.after.target_new_probability == pytest.approx(
            other.after.target_new_probability, rel=1e-3, nan_ok=True
        )
        assert one.divergence == pytest.approx(other.divergence, rel=1e-2, abs=1e-6)
    assert [s for s, _ in again.stages] == ["before and after"]
    assert weights_digest(bundled.model) == digest
    assert hooks_on(bundled.model) == 0


def test_what_the_model_knows(bundled: ModelHandle) -> None:
    requests = (
        REQUEST,
        replace(REQUEST, target_true="Lyon", target_new="Paris"),
        replace(REQUEST, target_true="Lutetia", true_aliases=("Paris",)),
        replace(REQUEST, target_true=""),
    )
    steps: list[tuple[int, int]] = []
    found = knowledge(bundled, requests, lambda done, total, _note: steps.append((done, total)))
    assert found.knows == (True, False, True, False)
    assert found.no_op == (False, True, False, False)
    assert (found.n_known, found.n_no_op) == (2, 1)
    assert all(answer.startswith("Paris") for answer in found.answers)
    assert found.known(requests) == (requests[0], requests[2])
    assert found.to_frame()["knows"].tolist() == [True, False, True, False]
    assert steps == [(0, 4), (4, 4)]
    assert knowledge(bundled, ()).answers == ()


PROMPT = "Once upon a time in France, there was a"


def test_a_long_target_is_judged_by_its_tokens(bundled: ModelHandle) -> None:
    long = " ".join(greedy(bundled, [PROMPT], 70)[0].split("\n")[0].split()[:45])
    assert is_long(long)
    other = long[: long.rindex(" ")] + " elephant"
    own = EditRequest("own", PROMPT, "France", other, long, locality=(Probe(PROMPT, (long,), "locality"),))
    lines = replace(own, prompt="The capital of France is", target_true="Paris.\n\nThe", target_new="Paris.\nRome")
    found = knowledge(bundled, (own, replace(own, target_true=other, target_new=long), lines))
    assert found.knows == (True, False, True)
    assert found.no_op == (False, True, False)
    edit = make_edit(bundled, own, "by hand", [Factors(4, torch.full((576, 1), 1e-9), torch.full((1536, 1), 1e-9))], {})
    for target, took in ((long, True), (other, False)):
        report = evaluate_edit(bundled, edit, replace(own, target_new=target, target_true=""))
        assert report.took is took
        assert report.rates()["locality"] == (1, 1)
        agreement = report.after.target_new_agreement
        assert agreement == 1.0 if took else 0.9 < agreement < 1.0
        assert "..." in report.verdict
        assert len(report.verdict) < 400


def test_an_answer_that_is_written_on_is_told_as_what_it_is() -> None:
    on = outcome("rewrite", "Paris", "Romeo and Juliet", False)
    assert on.written_on
    assert on.told == "written on"
    assert outcome("rewrite", "Paris", "Rome", True).told == "yes"
    assert outcome("rewrite", "Paris", "Paris", False).told == "no"
    assert not outcome("locality", "Paris", "Romeo", False).written_on
    told = "The edit did not take: the model answers 'Romeo', not 'Rome', which it begins with and goes on as a longer "
    assert verdict(REQUEST, [on]) == f"{told}word."


def test_only_a_mark_tells_the_two_answers_apart() -> None:
    handle = tiny_handle("llama", torch.float64)
    request = replace(REQUEST, target_new="Bär", target_true="Bar", rephrases=(), locality=(), portability=())
    report = evaluate_edit(handle, rome(handle, request, 1, RomeConfig(steps=2), Supplies()), request)
    assert report.outcomes[0].against == ("Bar",)
    views = [View(text, 0.5, 0.5, ()) for text in ("Bar", "Bär")]
    assert [succeeds("rewrite", ("Bär",), ("Bar",), views[0], view) for view in views] == [False, True]


def test_an_edit_of_another_model_and_readings_of_another_request() -> None:
    handle = tiny_handle("llama", torch.float64)
    edit = rome(handle, REQUEST, 1, RomeConfig(steps=2), Supplies())
    with pytest.raises(EditError, match="load the model it belongs to"):
        evaluate_edit(tiny_handle("llama", seed=4), edit, REQUEST)
    with pytest.raises(EditError, match="1 readings came for 6 probes"):
        evaluate_edit(handle, edit, REQUEST, read_probes(handle, EditRequest("x", "France is", "France", "Rome", "")))


def outcome(kind: str, before: str, after: str, success: bool, answers: tuple[str, ...] = ("Rome",)) -> ProbeOutcome:
    nan = float("nan")
    seen, then = View(before, nan, nan, ()), View(after, nan, nan, ())
    return ProbeOutcome("p", kind, "", answers, seen, then, success, 0.0)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        (
            [
                outcome("rewrite", "Paris.", "Rome. It is", True),
                outcome("rephrase", "Paris", "Rome", True),
                outcome("rephrase", "Paris", "Rome", True),
                outcome("locality", "Tokyo", "Rome", False),
                outcome("locality", "Tokyo", "Tokyo", True),
            ],
            "The edit took: the model now answers 'Rome'; 2 of 2 rephrases follow, 1 of 2 neighbours moved.",
        ),
        (
            [outcome("rewrite", "Paris", "Paris, of course", False), outcome("portability", "a", "b", False)],
            "The edit did not take: the model answers 'Paris', not 'Rome'; 0 of 1 consequence follows.",
        ),
        (
            [outcome("rewrite", "Rome", "Rome", True)],
            "The model answered 'Rome' before the edit and still does.",
        ),
        (
            [outcome("rewrite", "Paris", "", False)],
            "The edit did not take: the model answers nothing, not 'Rome'.",
        ),
    ],
)
def test_verdicts(outcomes: list[ProbeOutcome], sentence: str) -> None:
    assert verdict(REQUEST, outcomes) == sentence
