"""Both readings of LGA through the store: asked for once, kept beside each other, and runs of before still open."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.results.scores.baselines import ESTIMATES
from goldenlayers_core.results.scores.robustness import sentence
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.report import report_of
from goldenlayers_core.tasks.scores.layer_scores import layer_scores, score
from goldenlayers_core.tasks.scores.second_looks import other_estimates, other_ways
from goldenlayers_core.tasks.scores.stored import open_scores, other_pick
from tests.tiny import save_tiny


@pytest.fixture
def bench(tmp_path):
    made = open_workbench(tmp_path / "cache")
    yield made
    made.close()


@pytest.fixture
def question(bench, tmp_path: Path) -> ScoreQuestion:
    rows = [
        {"prompt": f"The capital of {land} is", "subject": land, "target_new": new, "target_true": "Paris"}
        for land, new in (("France", "Rome"), ("Japan", "Buenos Aires"))
    ]
    reference, _ = bench.upload(json.dumps(rows).encode(), "two.json")
    tiny = ModelSource(str(save_tiny(tmp_path / "tiny")))
    return ScoreQuestion(tiny, DatasetChoice(reference), LgaConfig(loss_on="answer"))


def on_all(question: ScoreQuestion) -> ScoreQuestion:
    return dataclasses.replace(question, config=dataclasses.replace(question.config, loss_on="sequence"))


def test_the_other_reading_costs_nothing_once_one_was_asked_for(bench, question):
    answer, chosen = layer_scores(bench, question, Progress())
    assert answer.n_computed == 2
    seen: list[pd.DataFrame] = []
    sequence, _ = layer_scores(bench, on_all(question), Progress(), seen.append)
    assert (sequence.n_computed, sequence.loss_on, answer.loss_on) == (0, "sequence", "answer")
    assert not np.allclose(sequence.values, answer.values)
    np.testing.assert_array_equal(np.stack(seen[0]["values"]), sequence.values)  # what a watcher sees is what was asked
    for mine, theirs in ((answer, sequence), (sequence, answer)):
        other = mine.other_reading
        assert other is not None
        assert other.loss_on == theirs.loss_on
        for name in ("values", "norm_old", "norm_new", "cosine"):
            np.testing.assert_array_equal(getattr(other, name), getattr(theirs, name))
    tokens = sequence.readings[0].tokens_new - answer.readings[0].tokens_new
    assert (tokens > 0).all()  # the prompts'
    found = other_pick(sequence, on_all(question))
    assert found is not None
    assert (found[0], found[1].golden_layer) == ("answer", chosen.golden_layer)


def test_runs_of_both_readings_open_as_they_were_and_apart(bench, question):
    ids = [score(bench, asked, Progress()) for asked in (question, on_all(question))]
    assert len(set(ids)) == 2
    titles = {m.run_id: m.title for m in bench.store.runs()}
    assert "loss on prompt and answer" in titles[ids[1]]
    assert "loss on the answer" in titles[ids[0]]
    for run_id, asked in zip(ids, (question, on_all(question)), strict=True):
        scores, selection = layer_scores(bench, asked, Progress())
        opened, again = open_scores(bench.store, run_id)
        assert opened.loss_on == asked.config.loss_on
        assert opened.readings == scores.readings
        assert opened.other_scopes == scores.other_scopes
        assert set(opened.other_scopes) == {"mlp_out", "attention", "block"}
        assert opened.readings[0].loss_on == opened.loss_on
        assert scores.mean_abs_new is not None
        np.testing.assert_array_equal(opened.mean_abs_new, scores.mean_abs_new)
        found, kept = (other_estimates(one, chosen) for one, chosen in ((scores, selection), (opened, again)))
        assert [(one.name, one.golden_layer) for one in found] == [(one.name, one.golden_layer) for one in kept]
        assert {one.name for one in found} == set(ESTIMATES)
        np.testing.assert_array_equal(opened.readings[0].values, opened.values)


def test_a_run_of_before_opens_with_the_answers_reading_alone(bench, question):
    run_id = score(bench, question, Progress())
    (manifest,) = bench.store.runs()
    settings = json.loads(manifest.config)
    del settings["config"]["loss_on"]
    scores, _ = open_scores(bench.store, run_id)
    before = dataclasses.replace(manifest, config=json.dumps(settings))
    frame = scores.to_frame().drop(columns="mean_abs_new")
    bench.store.save_run(before, {"scores": frame}, {"skipped": "[]"})
    opened, selection = open_scores(bench.store, run_id)
    assert (opened.loss_on, opened.readings, opened.other_reading) == ("answer", (), None)
    assert other_pick(opened, question) is None
    assert other_ways(opened, selection) == ()
    assert [one.name for one in other_estimates(opened, selection)] == ["reversed-answer", "norm", "earlier"]
    np.testing.assert_array_equal(opened.values, scores.values)


def test_a_report_holds_the_other_ways_and_the_other_estimates(bench, question):
    run_id = score(bench, question, Progress())
    scores, selection = open_scores(bench.store, run_id)
    sections = {section.name: section for section in report_of(bench.store, run_id).sections}
    ways = other_ways(scores, selection)
    assert sections["other-ways"].text == (sentence(ways),)
    assert sections["other-ways"].table["golden_layer"].tolist() == [way.golden_layer for way in ways]
    assert sections["estimates"].table["title"].tolist() == [info.title for info in ESTIMATES.values()]
    assert all(sections[name].open_table for name in ("other-ways", "estimates"))
    predicted = score(bench, dataclasses.replace(question, method="edit-aware"), Progress())
    assert not {"other-ways", "estimates"} & {section.name for section in report_of(bench.store, predicted).sections}


def test_what_is_newly_asked_is_the_whole_texts_loss():
    assert ScoreQuestion().loss_on == LgaConfig().loss_on == "sequence"


def test_edit_aware_scores_have_no_readings(bench, question):
    scores, _ = layer_scores(bench, dataclasses.replace(question, method="edit-aware"), Progress())
    assert (scores.loss_on, scores.readings) == ("", ())


def test_readings_of_another_shape_are_refused(bench, question):
    scores, _ = layer_scores(bench, question, Progress())
    first = scores.readings[0]
    short = dataclasses.replace(
        first, **{f.name: getattr(first, f.name)[:1] for f in dataclasses.fields(first) if f.name != "loss_on"}
    )
    with pytest.raises(GoldenLayersError, match="loss on the answer"):
        dataclasses.replace(scores, readings=(short,))
