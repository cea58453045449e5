"""One recommended layer for a model, a method and its data, no stronger than its evidence."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.attribution.standing import standing
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import Floats
from goldenlayers_core.results.truth.advice import Recommendation, ranges
from goldenlayers_core.results.truth.measured import Measured, method_used
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.layer_said import readings_said, said_of
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.real_edits import Edits
from goldenlayers_core.tasks.recommendation import none_yet, of_table, recommend
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from tests import made_evidence
from tests.made_evidence import peaked
from tests.made_up import made_sweep

HERE = "f" * 32
ROME, WISE = method_used("rome"), method_used("wise")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made_evidence.none(monkeypatch)
    return Store(tmp_path / "store")


def swept(store: Store, scores: Floats, data: str = "bundled", method: str = "rome", **settings: object) -> str:
    """A stored sweep with exactly these scores."""
    found = dataclasses.replace(
        made_sweep(len(scores), tuple(range(scores.shape[1])), scores.shape[1], scores=scores, dataset=data),
        method=method,
        config=json.dumps(settings),
    )
    return save_sweep(store, SweepQuestion(choice=DatasetChoice(data), method=method, settings=settings), found)


def scored(store: Store, layer: int, loss_on: str = "sequence") -> None:
    """A stored LGA run that names a layer."""
    settings = {"model": plain(ModelSource()), "method": "lga", "config": {"loss_on": loss_on}}
    store.save_run(
        RunManifest(
            f"score-{layer}", "score", "t", "2026-01-01T00:00:00+00:00", "m", HERE, "bundled, first 32", "", 32,
            json.dumps(settings), 1.0, summary=(("golden layer", str(layer)), ("method", "lga")),
        ),
        {},
    )  # fmt: skip


def test_the_words_follow_the_interval(store: Store) -> None:
    swept(store, peaked(12, 8, 3))
    found = recommend(store, HERE, ROME, "bundled")
    assert (found.layer, found.strength, found.level, found.headline) == (3, "use", (3,), "Use layer 3")
    assert "12 requests of bundled" in found.evidence
    assert "95 % interval" in found.evidence
    assert found.brief == "12 requests of real ROME edits"


def test_level_layers_are_said_to_be_level(store: Store) -> None:
    scores = peaked(24, 8, 3, apart=0.0, noise=0.01)
    scores[:, 3:7] += 0.4
    swept(store, scores)
    found = recommend(store, HERE, ROME, "bundled")
    assert found.level == (3, 4, 5, 6)
    assert found.strength in ("prefer", "level")
    if found.strength == "level":
        assert found.headline == "Cannot tell apart: layers 3 to 6"


def test_a_leader_among_level_layers_is_preferred_or_not_by_how_often_it_is_chosen_again(store: Store) -> None:
    """Two requests of ten speak for layer 5, one more for layer 3: half of the resamples are the border."""
    scores = np.full((10, 8), 0.2)
    scores[:, 3:6] = 0.6
    scores[0, 3] = scores[1, 3] = 1.0
    scores[2, 5] = scores[3, 4] = 0.9
    found = standing(scores, range(8))
    assert set(found.level) == {3, 4, 5}
    swept(store, scores)
    advice = recommend(store, HERE, ROME, "bundled")
    assert advice.strength == ("prefer" if found.share >= 0.5 else "level")
    assert Recommendation(3, "", "", "", strength="level", level=(3, 4, 5)).headline == (
        "Cannot tell apart: layers 3 to 5"
    )


def test_a_layer_whose_edits_do_not_take_is_not_recommended_for_leaving_the_neighbours_alone(store: Store) -> None:
    score = np.tile([0.30, 0.31, 0.28, 0.34], (9, 1))
    table = Measured(
        HERE, "m", ROME, "zsre", "zsre", (0, 1, 2, 3), score, {"rewrite": np.tile([0.9, 0.8, 0.9, 0.0], (9, 1))}
    )
    edits = Edits("measured", ROME, "zsre", "zsre", 9, table=table)
    found = of_table(edits, table)
    assert (found.layer, found.strength) == (1, "use")
    assert found.caution.endswith("Layer 3 scores 0.34, but only 0 % of its edits take.")
    nowhere = dataclasses.replace(table, metrics={"rewrite": np.full((9, 4), 0.1)})
    assert of_table(edits, nowhere).layer == 3
    assert "At no layer do half of the edits take (10 % at layer 3)" in of_table(edits, nowhere).caution
    unknown = dataclasses.replace(table, metrics={})
    assert (of_table(edits, unknown).layer, "take" in of_table(edits, unknown).caution) == (3, False)


def test_few_requests_are_too_few_and_do_not_decide(store: Store) -> None:
    swept(store, peaked(3, 8, 6))
    found = recommend(store, HERE, ROME, "bundled")
    assert found.headline == "Too few to tell: layer 6 is ahead so far"
    swept(store, peaked(9, 8, 2), "zsre")
    found = recommend(store, HERE, ROME, "bundled")  # of other data, but enough
    assert (found.layer, found.other_data, found.strength) == (2, True, "prefer")
    assert "other data (zsre)" in found.caution


def test_the_same_data_come_before_other_data_and_other_data_are_never_used(store: Store) -> None:
    swept(store, peaked(20, 8, 2), "zsre")
    assert recommend(store, HERE, ROME, "counterfact").headline == "Prefer layer 2"
    assert recommend(store, HERE, ROME, "zsre").headline == "Use layer 2"
    swept(store, peaked(9, 8, 5), "counterfact")
    assert recommend(store, HERE, ROME, "counterfact").layer == 5
    assert recommend(store, HERE, ROME, "zsre").layer == 2


def test_another_method_and_another_covariance_are_no_evidence(store: Store) -> None:
    swept(store, peaked(12, 8, 3))
    with_covariance = method_used("rome", {"covariance": "samples"})
    assert recommend(store, HERE, WISE, "bundled") is None
    assert recommend(store, HERE, with_covariance, "bundled") is None
    assert none_yet(None, WISE).startswith("None for WISE yet")
    scored(store, 6)
    found = recommend(store, HERE, WISE, "bundled")
    assert (found.layer, found.strength, found.headline) == (6, "estimate", "Estimate: layer 6")
    assert "loss on prompt and answer" in found.evidence  # which reading
    assert "real" not in found.evidence
    assert "A sweep makes them" in none_yet(found, WISE)
    swept(store, peaked(12, 8, 7), covariance="samples")
    assert recommend(store, HERE, with_covariance, "bundled").layer == 7
    assert recommend(store, HERE, ROME, "bundled").layer == 3
    assert none_yet(recommend(store, HERE, ROME, "bundled"), ROME) == ""


def test_what_real_edits_say_of_an_estimate_comes_with_its_interval(store: Store) -> None:
    assert "nobody knows yet" in said_of(store, HERE, "LGA", 6, ROME)
    swept(store, peaked(12, 8, 3))
    assert "is the best, too" in said_of(store, HERE, "LGA", 3, ROME)
    said = said_of(store, HERE, "LGA", 6, ROME, "zsre")
    assert "LGA's layer 6 scores 0.39 less" in said
    assert "less (95 % interval 0.3" in said
    assert "12 requests of bundled, ROME (other data)" in said
    assert "No real edit was measured at LGA's layer 40" in said_of(store, HERE, "LGA", 40, ROME)
    assert "ROME, not WISE" in said_of(store, HERE, "LGA", 6, WISE)


def test_two_readings_that_disagree_are_both_said_and_judged(store: Store) -> None:
    picks = (("loss on prompt and answer", 3), ("loss on the answer", 6))
    assert "real edits have not said yet" in readings_said(store, HERE, picks, ROME)
    swept(store, peaked(12, 8, 3))
    said = readings_said(store, HERE, picks, ROME)
    assert "disagree: layer 3 (loss on prompt and answer) and layer 6 (loss on the answer)" in said
    assert "LGA's layer 3 (loss on prompt and answer) is the best, too" in said
    assert "LGA's layer 6 (loss on the answer) scores" in said
    assert "disagree" not in readings_said(store, HERE, (picks[0], ("loss on the answer", 3)), ROME)


def test_what_was_chosen_on_the_proxy_part_is_judged_on_the_test_part(tmp_path: Path, monkeypatch) -> None:
    proxy, test = made_evidence.rows(peaked(9, 8, 3)), made_evidence.rows(peaked(9, 8, 5, seed=1), part="test")
    made_evidence.only(monkeypatch, tmp_path / "e.parquet", proxy, test)
    found = recommend(Store(tmp_path / "store"), HERE, ROME, "bundled")
    assert "Chosen on 9 of these requests it would be layer 3, which on the 9 others scores 0.4" in found.caution
    assert "than their own best, layer 5" in found.caution


@pytest.mark.parametrize(
    ("layers", "words"),
    [((3,), "3"), ((3, 4), "3 and 4"), ((6, 3, 5, 4), "3 to 6"), ((0, 3, 4, 5, 9), "0, 3 to 5 and 9")],
)
def test_layers_in_words(layers: tuple[int, ...], words: str) -> None:
    assert ranges(layers) == words


def test_a_layer_that_others_are_level_with_is_not_called_the_best(store: Store) -> None:
    swept(store, peaked(12, 8, 3, apart=0.0, noise=0.2))
    found = recommend(store, HERE, ROME, "bundled")
    assert found is not None
    others = len(found.level) - 1
    assert others > 1
    said = said_of(store, HERE, "LGA", found.layer, ROME)
    assert "is the best" not in said
    assert f"comes first, too, and {others} other layers are level with it" in said
