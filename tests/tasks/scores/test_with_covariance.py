"""Scores that predict edits written with a key covariance: which edits, kept apart, and used where those are meant."""

import dataclasses
import json

import numpy as np
import pytest

from goldenlayers_core.attribution.damage import spared
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.edit_rule import predict
from goldenlayers_core.attribution.line_rule import LINE_RULE, predict_line
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.evaluation.line_check import iter_line_check
from goldenlayers_core.records import DamageConfig, EditAwareConfig, LineCheckConfig, ModelSource
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.covariance import estimated, moments_for
from goldenlayers_core.tasks.questions import CovarianceQuestion, SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.recommendation import by_gradients, predicted_covariance
from goldenlayers_core.tasks.scores.curvature import curvatures_of
from goldenlayers_core.tasks.scores.layer_scores import layer_scores, score
from goldenlayers_core.tasks.scores.predicting import estimate_question, judged_by
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.estimates import compute_estimates, written_with
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from goldenlayers_core.tasks.truth.prior import made_prior, stored_prior
from goldenlayers_core.tasks.truth.search import search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.sweep import sweep
from goldenlayers_core.tasks.truth.transfer import generalisation, swept_runs
from tests.tiny import save_tiny

METHODS = ("edit-aware", "line-check", "damage")
WITH = MethodUsed("rome", "covariance")


@pytest.fixture
def bench(tmp_path):
    made = open_workbench(tmp_path / "cache")
    yield made
    made.close()


@pytest.fixture
def tiny(tmp_path) -> ModelSource:
    return ModelSource(str(save_tiny(tmp_path / "tiny")))


@pytest.fixture
def choice(bench) -> DatasetChoice:
    rows = [
        {
            "prompt": f"The capital of {land} is",
            "subject": land,
            "target_new": new,
            "target_true": "",
            "rephrase": f"In {land}, the capital is",
            "locality_prompt": "The capital of Italy is",
        }
        for land, new in (("France", "Rome"), ("Japan", "Paris"))
    ]
    reference, _ = bench.upload(json.dumps(rows).encode(), "two.json")
    return DatasetChoice(reference)


def searched_by(bench, asked: SweepQuestion) -> str:
    """The run of a search of the same edits."""
    question = SearchQuestion(asked.model, asked.choice, asked.method, asked.settings, seconds=100.0)
    return search(bench, question, Progress())


def by_hand(bench, tiny, choice, method) -> np.ndarray:
    """(Q, L) from the parts of the core, with the covariance that the store has."""
    handle, requests = bench.model(tiny), bench.dataset(choice.dataset).requests
    moments = moments_for(bench, handle, "samples", range(handle.n_layers), Progress())

    def whiten(layer, keys):
        return moments[layer].whitened(keys)

    if method == "line-check":
        (checked,) = iter_line_check(handle, requests, LineCheckConfig(), LINE_RULE.overshoot, whiten=whiten)
        return predict_line(checked.effects, checked.lead).score
    bare = [dataclasses.replace(r, rephrases=(), locality=(), portability=()) for r in requests]
    (effects,) = iter_edit_aware(handle, bare if method == "damage" else requests, EditAwareConfig(), whiten=whiten)
    if method == "damage":
        return spared(curvatures_of(bench.store, handle, Progress()), effects)
    return predict(effects).score


@pytest.mark.parametrize("method", METHODS)
def test_the_predicted_edits_are_written_with_the_covariance_and_kept_apart_from_others(bench, tiny, choice, method):
    plain_id = score(bench, estimate_question(tiny, choice, method), Progress())
    asked = estimate_question(tiny, choice, method, "samples")
    run_id = score(bench, asked, Progress())
    assert run_id != plain_id
    plain, (found, _) = open_scores(bench.store, plain_id)[0], open_scores(bench.store, run_id)
    np.testing.assert_allclose(found.values, by_hand(bench, tiny, choice, method), rtol=1e-6, atol=1e-9)
    assert not np.allclose(found.values, plain.values)
    assert "own samples" in found.covariance
    assert (plain.covariance, judged_by(found), judged_by(plain)) == ("", WITH, MethodUsed())
    runs = {run.run_id: run for run in bench.store.runs()}
    assert "for edits with a key covariance" in runs[run_id].title
    assert "covariance" not in runs[plain_id].title
    assert (predicted_covariance(runs[run_id]), predicted_covariance(runs[plain_id])) == ("covariance", "identity")
    assert layer_scores(bench, asked, Progress())[0].n_computed == 0
    estimated(bench, CovarianceQuestion(tiny, shrinkage=0.5), Progress())  # another one, from now on the one in use
    again, _ = layer_scores(bench, asked, Progress())
    assert again.n_computed == 2
    assert not np.allclose(again.values, found.values)


def test_without_a_covariance_rows_and_runs_have_the_names_that_they_had():
    for config in (EditAwareConfig(), LineCheckConfig(), DamageConfig()):
        assert config.covariance == "identity"
    question = ScoreQuestion(method="edit-aware")
    old = question.to_params()
    del old["edit_aware"]["covariance"], old["line_check"]["covariance"], old["damage"]["covariance"]
    assert ScoreQuestion.from_params(old) == question  # of a store from before
    assert ScoreQuestion(edit_aware=EditAwareConfig(covariance="samples")).covariance == "identity"  # LGA's
    with pytest.raises(ConfigError, match="identity, samples, text"):
        DamageConfig(covariance="guess")


def test_the_covariance_of_a_text_that_was_never_given_is_one_sentence(bench, tiny, choice):
    with pytest.raises(ConfigError, match="No text was read for a key covariance"):
        layer_scores(bench, estimate_question(tiny, choice, "damage", "text"), Progress())


def test_a_sweep_with_a_covariance_is_compared_with_estimates_of_its_own_edits(bench, tiny, choice):
    settings = {"covariance": "samples", "steps": 2, "n_templates": 0}
    asked = SweepQuestion(tiny, choice, "rome", settings)
    run_id = sweep(bench, asked, Progress())
    found, handle = open_sweep(bench.store, run_id), bench.model(tiny)
    facts = ModelFacts(handle.name, handle.fingerprint, handle.n_layers, "llama")
    for method in METHODS:
        score(bench, estimate_question(tiny, choice, method), Progress())
    before = layer_card(bench.store, facts, found, run_id)
    assert {info.name for info in before.missing} == {"edit_aware", "lga", "line_check", "damage", "causal_trace"}
    assert any("predict ROME edits without a key covariance" in remark for remark in before.remarks)
    assert written_with(asked) == before.written_with == "samples"
    compute_estimates(bench, asked, 100.0, Progress())
    card = layer_card(bench.store, facts, found, run_id)
    assert {pick.covariance for pick in card.picks if pick.info.scores in METHODS} == {"covariance"}
    assert not {info.name for info in card.missing} & {"edit_aware", "line_check", "damage"}
    assert not any("predict ROME edits" in remark for remark in card.remarks)
    assert found.used.edits == card.used.edits == "ROME edits with a key covariance"
    assert [run.run_id for run in swept_runs(bench, handle.fingerprint, WITH)] == [run_id]
    assert generalisation(bench, handle.fingerprint, MethodUsed(), lambda run: open_sweep(bench.store, run)) is None
    run_of_search = searched_by(bench, dataclasses.replace(asked, settings={**settings, "covariance": "identity"}))
    assert layer_card(bench.store, facts, found, run_id).pick("search").layer is None  # the search is of other edits
    other = layer_card(bench.store, facts, dataclasses.replace(found, config="{}"))  # of a sweep without one
    assert other.pick("search").run_id == run_of_search
    assert {pick.covariance for pick in other.picks if pick.info.scores in METHODS} == {"identity"}


def test_a_second_opinion_and_a_prior_are_of_the_edits_that_are_meant(bench, tiny, choice):
    handle, layers = bench.model(tiny), (0, 1, 2)
    lga = dataclasses.replace(ScoreQuestion(tiny, choice).config, old_answer="model")
    score(bench, ScoreQuestion(tiny, choice, lga), Progress())
    fingerprint = handle.fingerprint
    score(bench, estimate_question(tiny, choice, "edit-aware"), Progress())
    assert "edit-aware analysis names" in by_gradients(bench.store, fingerprint).evidence
    assert "edit-aware" not in by_gradients(bench.store, fingerprint, WITH).evidence
    assert stored_prior(bench.store, fingerprint, layers, "samples").values is None
    search = SearchQuestion(tiny, choice, settings={"covariance": "samples"}, seconds=1000.0)
    made = made_prior(bench, search, layers, 1.0, Progress())
    score(bench, estimate_question(tiny, choice, "edit-aware", "samples"), Progress())
    assert "edit-aware analysis names" in by_gradients(bench.store, fingerprint, WITH).evidence
    stored = stored_prior(bench.store, fingerprint, layers, "samples").values
    np.testing.assert_allclose(stored, made.values)
    assert not np.allclose(stored, stored_prior(bench.store, fingerprint, layers, "identity").values)
