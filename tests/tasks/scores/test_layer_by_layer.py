"""A score run whose layers were read one by one is the run of the model in memory, and takes part in one store."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.scores.layer_by_layer import scores_layer_by_layer
from goldenlayers_core.tasks.scores.layer_scores import layer_scores
from tests.test_cli import run
from tests.tiny import save_tiny


def test_the_rows_are_those_of_any_other_score_run(tmp_path: Path) -> None:
    question = ScoreQuestion(ModelSource(str(save_tiny(tmp_path / "tiny"))), DatasetChoice("bundled", limit=4))
    one, other = open_workbench(tmp_path / "one"), open_workbench(tmp_path / "other")
    streamed, chosen = scores_layer_by_layer(one, question, Progress())
    whole, golden = layer_scores(other, question, Progress())
    assert (streamed.n_computed, streamed.n_tokens) == (whole.n_computed, whole.n_tokens)
    np.testing.assert_allclose(streamed.values, whole.values, rtol=1e-5)
    assert (chosen.golden_layer, streamed.provenance) == (golden.golden_layer, whole.provenance)
    again, _ = layer_scores(one, question, Progress())
    assert again.n_computed == 0  # found in the store by the model in memory
    np.testing.assert_array_equal(again.values, streamed.values)
    more = dataclasses.replace(question, choice=DatasetChoice("bundled", limit=6))
    assert scores_layer_by_layer(one, more, Progress())[0].n_computed == 2
    for bench in (one, other):
        bench.close()


def test_the_command_prints_what_it_prints_without(tmp_path: Path) -> None:
    asked = ("score", "--model", str(save_tiny(tmp_path / "tiny")), "--limit", "3", "--json")
    said = []
    for cache, option in ((tmp_path / "one", ()), (tmp_path / "other", ("--layer-by-layer",))):
        done = run(*asked, *option, cache=cache)
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
        said[-1].pop("seconds")
    assert said[0].keys() == said[1].keys()
    assert said[0]["golden_layer"] == said[1]["golden_layer"]
    for one, other in zip(said[0]["requests"], said[1]["requests"], strict=True):
        assert one["scores"] == pytest.approx(other["scores"], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "edit-aware"}, "'edit-aware' needs the whole model at once"),
        ({"method": "line-check"}, "'line-check' needs the whole model at once"),
        ({"config": LgaConfig(old_answer="model")}, "the model's own answers"),
        ({"choice": DatasetChoice("bundled", limit=2, known_only=True)}, "the model's own answers"),
        ({"model": ModelSource("bundled", None, "cpu+disk")}, "leave out"),
        ({"config": LgaConfig(precision="bfloat16")}, "--dtype"),
    ],
)
def test_what_needs_the_whole_model_is_one_sentence(changes: dict, words: str, tmp_path: Path) -> None:
    bench = open_workbench(tmp_path)
    with pytest.raises(ConfigError, match=words):
        scores_layer_by_layer(bench, dataclasses.replace(ScoreQuestion(), **changes), Progress())
    bench.close()


def test_it_is_the_work_of_one_process() -> None:
    done = run("score", "--layer-by-layer", "--engine", "ray")
    assert (done.returncode, "work of one process" in done.stderr) == (2, True)
