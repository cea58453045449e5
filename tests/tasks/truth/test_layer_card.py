"""The layer card from a store of made-up runs: which run each way's pick comes from, and what is said of it."""

import dataclasses
import json

import numpy as np
import pytest

from goldenlayers_core.commands.answers_sweep import sweep_answer, sweep_lines
from goldenlayers_core.records import ModelSource, digest_of
from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.recommendation import by_gradients, recommend
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.cost import STATED, price
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, cost, layer_card
from goldenlayers_core.tasks.truth.transfer import Part, matrix
from goldenlayers_core.tasks.truth.words import other_sample
from tests import made_evidence
from tests.made_up import made_sweep

MODEL = ModelFacts("tiny", "f" * 32, 30, "llama")


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def sweep() -> SweepResult:
    """Layer 4 is good, layer 21 bad, layer 5 nearly as good as 4."""
    scores = np.full((12, 30), 0.5)
    scores[:, 4] = 1.0
    scores[:, 5] = [1.0] * 11 + [0.9]
    scores[:, 21] = np.linspace(0, 0.3, 12)
    return made_sweep(12, scores=scores)


def put(store: Store, run_id: str, kind: str, layer: int, n: int = 12, **changed: object) -> None:
    """A run as lists see it."""
    settings = {
        "model": plain(ModelSource()),
        "choice": plain(DatasetChoice()),
        "method": changed.pop("method", "rome"),
    }
    summary = (("golden layer", str(layer)), ("computed now", str(n)), *changed.pop("summary", ()))
    manifest = RunManifest(
        run_id=run_id,
        kind=kind,
        title=run_id,
        created="2026-01-01T00:00:00+00:00",
        model="tiny",
        fingerprint=MODEL.fingerprint,
        dataset="made up",
        dataset_digest="",
        n_requests=n,
        config=json.dumps(settings),
        seconds=10.0,
        summary=summary,
    )
    store.save_run(dataclasses.replace(manifest, **changed), {})


def test_every_way_has_its_pick_judged_by_the_sweep(store, sweep):
    put(store, "score-1", "score", 21, method="lga")
    put(store, "score-2", "score", 5, method="edit-aware")
    put(store, "score-3", "score", 4, method="line-check")
    put(store, "score-4", "score", 9, method="damage")
    put(store, "trace-1", "trace", 5)
    put(store, "search-1", "search", 4)
    card = layer_card(store, MODEL, sweep, "sweep-1")
    assert {p.way: p.layer for p in card.picks} == {
        "sweep": 4,
        "search": 4,
        "edit_aware": 5,
        "line_check": 4,
        "damage": 9,
        "lga": 21,
        "causal_trace": 5,
        "literature_default": 5,
        "middle": 15,
    }
    assert card.pick("sweep").regret == 0
    assert card.pick("lga").regret == pytest.approx(0.85)
    lga = card.pick("lga")
    assert lga.low <= lga.regret <= lga.high
    assert card.pick("sweep").seconds == pytest.approx(0.5 * 360)
    assert (card.pick("lga").seconds, card.pick("middle").seconds) == (10.0, 0.0)
    assert card.oracle_score == pytest.approx(1.0)


def test_the_sentence_names_the_layer_how_sure_and_that_lga_picks_badly(store, sweep):
    put(store, "score-1", "score", 21, method="lga")
    card = layer_card(store, MODEL, sweep, "sweep-1")
    assert card.sentence.startswith("Prefer layer 4: ")  # another one is level with it
    assert "of resamples choose layer 4 again" in card.sentence
    assert "layer 5 is level with it" in card.sentence
    assert "LGA picks badly here: its layer 21 scores 0.85 less" in card.sentence
    assert any("was chosen on the very requests" in remark for remark in card.remarks)


@pytest.mark.parametrize(("layer", "words"), [(4, "LGA chooses it, too"), (5, "which these requests cannot tell")])
def test_a_good_pick_of_lga_is_not_blamed(store, sweep, layer, words):
    put(store, "score-1", "score", layer, method="lga")
    assert words in layer_card(store, MODEL, sweep).sentence


def test_two_samples_of_the_same_data_beside_each_other_are_told_apart(store, sweep):
    put(store, "sweep-1", "sweep", 4, dataset="the first twelve")
    put(store, "sweep-2", "sweep", 3, n=24, dataset="all of it")
    here, larger = (next(m for m in store.runs() if m.run_id == name) for name in ("sweep-1", "sweep-2"))
    advice = recommend(store, MODEL.fingerprint, data=DatasetChoice().dataset)
    assert other_sample(larger, advice) == ""  # the one that it comes from
    said = other_sample(here, advice)
    assert said.startswith("12 requests here")
    assert "the recommended layer is by 24 requests of real ROME edits: scores differ because the requests do" in said
    assert other_sample(here, dataclasses.replace(advice, data="counterfact")) == ""  # other data, not another sample
    assert other_sample(here, None) == ""


def test_the_layer_to_edit_is_the_one_that_the_sentence_names(store, sweep):
    put(store, "sweep-1", "sweep", 4)
    own = layer_card(store, MODEL, sweep, "sweep-1")
    assert own.sentence.startswith("Prefer layer 4: ")
    assert own.layer_to_edit == 4
    put(store, "sweep-2", "sweep", 3, n=24, dataset="all of it")
    decided = layer_card(store, MODEL, sweep, "sweep-1")
    assert decided.sentence.startswith(f"{decided.advice.headline}, by 24 requests")
    assert (decided.advice.layer, decided.layer_to_edit, decided.pick("sweep").layer) == (3, 3, 4)


def test_estimates_of_other_edits_than_those_measured_are_called_so(store, sweep):
    put(store, "score-1", "score", 5, method="edit-aware")
    put(store, "score-2", "score", 21, method="lga")
    said = "Edit-aware analysis predicts ROME edits without a key covariance; measured here: "

    def of(method: str, config: str) -> tuple[str, ...]:
        made = dataclasses.replace(sweep, method=method, config=config)
        return layer_card(store, MODEL, made, method=method).remarks

    assert not any("predict" in remark for remark in of("rome", "{}"))
    assert f"{said}ROME with a key covariance." in of("rome", '{"covariance": "samples"}')
    assert f"{said}FT." in of("ft", "{}")
    put(store, "score-3", "score", 4, method="damage")
    both = "Edit-aware analysis and the damage to general text predict ROME edits without a key covariance"
    assert f"{both}; measured here: EMMET." in of("emmet", "{}")


def test_few_requests_are_said(store):
    assert "only 3 requests were swept" in layer_card(store, MODEL, made_sweep(3)).sentence
    assert "one single request" in layer_card(store, MODEL, made_sweep(1)).sentence


def test_a_layer_that_was_not_measured_is_not_judged(store):
    put(store, "score-1", "score", 21, method="lga")
    card = layer_card(store, MODEL, made_sweep(6, layers=tuple(range(0, 30, 2))))
    assert (card.pick("lga").layer, card.pick("lga").regret) == (21, None)
    assert any("LGA's layer 21" in remark for remark in card.remarks)
    assert "LGA's layer 21 was not measured" in card.sentence


def test_runs_of_other_weights_or_methods_do_not_count(store, sweep):
    put(store, "score-1", "score", 7, method="lga", fingerprint="0" * 32)
    put(store, "search-1", "search", 7, method="r-rome")
    card = layer_card(store, MODEL, sweep)
    assert (card.pick("lga").layer, card.pick("search").layer) == (None, None)
    assert card.pick("lga").source == "not computed"


def test_the_run_on_the_swept_requests_comes_before_a_larger_one(store, sweep):
    put(store, "score-big", "score", 9, n=500, method="lga")
    put(store, "score-same", "score", 21, method="lga", dataset_digest=digest_of(list(sweep.request_digests)))
    assert layer_card(store, MODEL, sweep).pick("lga").run_id == "score-same"
    assert layer_card(store, MODEL).pick("lga").run_id == "score-big"


@pytest.mark.parametrize(
    ("family", "layers", "layer", "source"),
    [
        ("llama", 30, 5, "EasyEdit's ROME configuration for Llama"),
        ("gemma3", 30, None, "none published for Gemma 3"),
        ("gpt2", 12, None, "this model has 12"),
        ("unheard-of", 30, None, "not known"),
    ],
)
def test_the_literature_is_quoted_or_said_to_be_silent(store, family, layers, layer, source):
    pick = layer_card(store, ModelFacts("m", "f", layers, family)).pick("literature_default")
    assert pick.layer == layer
    assert source in pick.source


@pytest.mark.parametrize(
    ("method", "family", "layers", "layer", "source"),
    [
        ("wise", "llama", 32, 29, "EasyEdit's configuration of WISE for Llama-3-8B, 32 layers"),
        ("wise", "llama", 30, 29, "as deep in this model lies layer 27"),
        ("memit", "qwen2", 28, 6, "layers 4 to 8, whose middle it is"),
        ("ft-m", "qwen2", 28, 27, "of FT for Qwen2.5-7B"),
        ("r-rome", "gptj", 28, 5, "ROME (Meng et al. 2022) for GPT-J"),
        ("grace", "llama", 32, None, "none published for Llama and GRACE"),
        ("memit", "gpt2", 12, None, "this model has 12"),
    ],
)
def test_the_literature_is_quoted_for_the_method(store, method, family, layers, layer, source):
    pick = layer_card(store, ModelFacts("m", "f", layers, family), method=method).pick("literature_default")
    assert pick.layer == layer
    assert source in pick.source


def test_everything_published_for_the_family_stands_in_one_table_as_published(store):
    frame = layer_card(store, ModelFacts("m", "f", 14, "qwen2")).published_frame()
    assert dict(zip(frame["method"], frame["layers as published"], strict=True)) == {
        "ROME": "5",
        "MEMIT": "4 to 8",
        "LocFT": "6",
        "GRACE": "18",
        "WISE": "23",
        "UltraEdit": "18 to 26",
        "FT": "27",
    }
    assert list(frame["as deep in this model"])[-1] == 13  # the last of 28 is the last of 14
    assert layer_card(store, ModelFacts("m", "f", 14, "gemma3")).published == ()


def test_without_a_sweep_nothing_is_judged(store):
    assert "nothing was measured" in layer_card(store, MODEL).sentence
    put(store, "score-1", "score", 21, method="lga")
    card = layer_card(store, MODEL)
    assert "nobody knows yet" in card.sentence
    assert card.sentence.startswith("Estimate: layer 21")
    assert {p.regret for p in card.picks} == {None}
    put(store, "search-1", "search", 6, summary=(("stability", "64%"), ("share of a full sweep", "18%")))
    said = layer_card(store, MODEL).sentence
    assert said.startswith("Prefer layer 6: a budgeted search of real edits ended with it")
    assert "18 % of a full sweep's edits, confidence 64 %" in said


@pytest.mark.parametrize(("computed", "seconds", "expected"), [("12", 6.0, 6.0), ("3", 6.0, 24.0), ("0", 0.0, None)])
def test_cost_is_of_all_requests(store, computed, seconds, expected):
    put(store, "score-1", "score", 1)
    (run,) = store.runs()
    assert cost(dataclasses.replace(run, seconds=seconds, summary=(("computed now", computed),))) == expected


def test_price_is_what_a_sweep_here_took_else_the_stated_figure(store):
    assert (price(store, MODEL.fingerprint, "rome").seconds_per_edit, price(store, "x", "rome").measured) == (
        STATED,
        False,
    )
    put(store, "sweep-1", "sweep", 4, summary=(("seconds per edit", "0.25"),))
    found = price(store, MODEL.fingerprint, "rome")
    assert (found.seconds_per_edit, found.measured) == (0.25, True)
    assert not price(store, MODEL.fingerprint, "r-rome").measured
    assert price(store, "", "rome", "bundled").measured  # not in memory yet: known by its name
    assert not price(store, "", "rome", "elsewhere").measured


def test_the_best_evidence_recommends(store):
    assert recommend(store, MODEL.fingerprint) is None
    put(store, "score-2", "score", 3, n=900, method="edit-aware")
    assert recommend(store, MODEL.fingerprint) is None  # a second opinion
    put(store, "score-1", "score", 21, n=900, method="lga")
    assert recommend(store, MODEL.fingerprint).layer == 21
    put(store, "search-1", "search", 6, n=20)
    found = recommend(store, MODEL.fingerprint)
    assert (found.layer, found.kind) == (6, "search")
    assert "budgeted search of real ROME edits" in found.evidence
    put(store, "sweep-1", "sweep", 4, n=3)
    assert recommend(store, MODEL.fingerprint).layer == 6  # three requests do not decide
    store.delete_run("search-1")
    found = recommend(store, MODEL.fingerprint)
    assert (found.layer, found.kind, found.strength) == (4, "sweep", "few")
    assert "a small sweep of real ROME edits, 3 requests of made up" in found.evidence
    assert "Few requests" in found.caution
    put(store, "sweep-2", "sweep", 5, n=16, summary=(("stability", "80%"),))
    found = recommend(store, MODEL.fingerprint)
    assert (found.layer, found.evidence) == (5, "a sweep of real ROME edits, 16 requests of made up, stability 80 %")


def test_a_model_brings_its_evidence_along_until_there_is_more(store, tmp_path, monkeypatch):
    file = made_evidence.write(tmp_path / "e.parquet", made_evidence.rows(made_evidence.peaked(9, 30, 3)))
    monkeypatch.setattr("goldenlayers_core.tasks.shipped_evidence.FILE", str(file))
    for n, kind, layer in ((900, "score", 21), (3, "sweep", 7), (8, "search", 6)):
        found = recommend(store, MODEL.fingerprint)
        assert (found.layer, found.kind, found.run_id) == (3, "measured", "")
        assert "that come with the model, 9 requests of bundled" in found.evidence
        put(store, f"{kind}-1", kind, layer, n=n, method="lga" if kind == "score" else "rome")
    put(store, "sweep-2", "sweep", 5, n=12)
    assert recommend(store, MODEL.fingerprint).run_id == "sweep-2"  # what was measured here, and is more, comes first
    assert by_gradients(store, MODEL.fingerprint).layer == 21
    assert by_gradients(store, "e" * 32) is None


def test_the_matrix_judges_every_golden_layer_everywhere():
    first = made_sweep(8, peak=4, seed=1, prefix="a")
    second = made_sweep(8, peak=12, seed=2, prefix="b")
    found = matrix([Part("a", first), Part("b", second)], MethodUsed())
    assert found.golden_layers == (first.golden_layer, second.golden_layer)
    column = second.layers.index(first.golden_layer)
    lost = second.score.max(axis=1) - second.score[:, column]
    assert found.regret[0, 1] == pytest.approx(lost.mean())
    assert found.same == ((True, False), (False, True))
    assert len(found.elsewhere) == 2
    assert (found.interval[..., 0] <= found.regret).all()


def test_the_command_lines_answer_has_the_agreed_keys_and_no_nan(store, sweep):
    put(store, "score-1", "score", 21, method="lga")
    card = layer_card(store, MODEL, sweep, "sweep-1")
    content = sweep_answer(sweep, card, "bundled", "sweep-1")
    json.dumps(content, allow_nan=False)
    estimates = {"lga", "edit_aware", "line_check", "damage", "causal_trace"}
    assert set(content["regret"]) == {"golden", *estimates, "literature_default", "middle"}
    assert content["regret"]["causal_trace"] is None
    assert content["regret"]["lga"] == pytest.approx(0.85)
    assert set(content["layers"][0]) == {"layer", "rewrite", "rephrase", "locality", "portability", "score"}
    assert content["layers"][0]["portability"] is None
    assert content["requests"][0]["oracle_layers"] == [4, 5]
    assert len(content["requests"][0]["scores"]) == 30
    lines = sweep_lines(content, card)
    assert any("Layer Gradient Analysis" in line and "0.850" in line for line in lines)
    assert card.sentence in lines


def test_kinds_of_probe_that_no_request_has_are_not_asked(store, sweep):
    card = layer_card(store, MODEL, sweep, "sweep-1")
    content = sweep_answer(sweep, card, "bundled", "sweep-1")
    missing = [kind for kind in ("rewrite", "rephrase", "locality", "portability") if np.isnan(sweep.of(kind)).all()]
    assert missing
    assert content["not_asked"] == missing
    assert f"  not asked: {', '.join(missing)}" in sweep_lines(content, card)
