"""docs/evidence.md is made of its tables alone: choices on the proxy part, judged on the test part."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.evidence.judged import SWEEP, ceiling, chance_by_requests, choices, judged, level_layers
from benchmarks.evidence.page import page
from benchmarks.evidence.raced import search
from benchmarks.evidence.tables import ALL, Edits, Estimates, Place
from goldenlayers_core.results import spearman
from goldenlayers_core.results.layer_stack import spans

LAYERS = 12
PEAK = {"ROME, identity": 3, "ROME, covariance": 6}


def edits(rng: np.random.Generator) -> pd.DataFrame:
    """Real edits as benchmarks.edits writes them, best at a known layer."""
    frames = []
    for way, best in PEAK.items():
        for part, n in (("proxy", 16), ("test", 24)):
            score = 0.9 - 0.08 * abs(np.arange(LAYERS) - best) + rng.normal(0, 0.02, (n, LAYERS))
            frame = pd.DataFrame(
                {
                    "position": np.repeat(np.arange(n), LAYERS),
                    "request": np.repeat([f"{part}-{q}" for q in range(n)], LAYERS),
                    "layer": np.tile(np.arange(LAYERS), n),
                    "score": score.ravel(),
                }
            ).assign(model="bundled", fingerprint="f" * 32, data="zsre", part=part, way=way, seconds_per_edit=0.7)
            probes = {"rewrite": frame["score"], "rephrase": frame["score"], "locality": 1 - frame["score"]}
            frames.append(frame.assign(**probes, portability=np.nan, locality_kl=0.0, value_change=0.0, loss=0.0))
    return pd.concat(frames, ignore_index=True)


def estimates() -> pd.DataFrame:
    """An estimate that is right, one that is wrong, and what the right one predicts of a metric."""
    shapes = {
        "edit-aware analysis": -abs(np.arange(LAYERS) - 3.0),
        "edit-aware analysis: locality": abs(np.arange(LAYERS) - 3.0),
        "edit-aware analysis, covariance": -abs(np.arange(LAYERS) - 6.0),
        "LGA, sequence": np.arange(LAYERS, dtype=float),
    }
    frames = [
        pd.DataFrame({"layer": range(LAYERS), "value": values}).assign(
            model="bundled", data="zsre", part="proxy", estimate=name, request=f"proxy-{q}", seconds=0.1
        )
        for name, values in shapes.items()
        for q in range(16)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Edits, Estimates]:
    edits(np.random.default_rng(0)).to_parquet(tmp_path / "edits.parquet")
    estimates().to_parquet(tmp_path / "estimates.parquet")
    return Edits(tmp_path / "edits.parquet"), Estimates(tmp_path / "estimates.parquet")


def test_choices_are_of_the_proxy_part_and_judged_on_the_test_part(tables: tuple[Edits, Estimates]) -> None:
    measured, found = tables
    for way, best in PEAK.items():
        place = Place("bundled", "zsre", way)
        proxy, test = measured.sweep(place, "proxy"), measured.sweep(place, "test")
        assert proxy is not None
        assert test is not None
        made = {one.way: one for one in choices(place, proxy, found)}
        assert made[SWEEP].layer == made["edit-aware analysis"].layer == best  # each way has its own estimate
        assert "edit-aware analysis: locality" not in made
        right = judged(test, made["edit-aware analysis"])
        wrong = judged(test, made["LGA, sequence"])
        assert right.behind[0] == pytest.approx(0, abs=0.03)
        assert wrong.behind[1] > 0.2
        assert right.spearman["score"] > 0.9
        assert best in level_layers(test)
        if way == "ROME, identity":  # by its own prediction, which falls where the score rises
            assert right.spearman["locality"] > 0.9


def test_the_page_says_who_is_level_and_who_is_behind(tables: tuple[Edits, Estimates]) -> None:
    text = page(*tables)
    assert "The best fixed layer is 3" in text
    assert "Behind it: LGA, sequence (" in text
    assert "16 proxy and 24 test requests" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_the_budgeted_search_is_raced_over_all_edits_of_a_model(tables: tuple[Edits, Estimates]) -> None:
    """Where the lead is four times the noise it is found by a tenth of the edits; what was said follows the numbers."""
    rows = [line.split(" | ") for line in search(*tables) if line.startswith("| SmolLM2")]
    assert [row[4] for row in rows] == ["edit-aware analysis", "nothing"]  # there is no line check in the table
    for row in rows:
        assert row[1] == f"40 x {LAYERS}"
        assert float(row[2]) == pytest.approx(0.08, abs=0.02)
        assert float(row[3]) == pytest.approx(0.02, abs=0.005)
        assert float(row[6].split()[0]) <= 0.001
        assert row[8] == "met |"


def test_a_search_among_equal_layers_of_much_noise_misses_what_it_was_to_reach(tmp_path: Path) -> None:
    noise = edits(np.random.default_rng(4)).query("way == 'ROME, identity'")
    noise["score"] = np.random.default_rng(5).normal(0.5, 0.3, len(noise))
    noise.to_parquet(tmp_path / "edits.parquet")
    rows = [
        line for line in search(Edits(tmp_path / "edits.parquet"), Estimates(tmp_path / "none")) if "SmolLM2" in line
    ]
    assert len(rows) == 1
    assert rows[0].endswith("| missed |")


def test_few_requests_say_nothing_of_the_ways(tmp_path: Path) -> None:
    few = edits(np.random.default_rng(1))
    few[few["position"] < 7].query("part == 'proxy'").to_parquet(tmp_path / "few.parquet")
    text = page(Edits(tmp_path / "few.parquet"), Estimates(tmp_path / "none.parquet"))
    assert "7 requests are too few to tell the ways apart" in text
    assert "chosen and judged on the same 7 proxy requests" in text
    assert "No test part has been swept yet." in text


def test_more_requests_find_the_layer_more_often() -> None:
    rng = np.random.default_rng(2)
    score = 0.5 - 0.05 * abs(np.arange(LAYERS) - 4) + rng.normal(0, 0.3, (40, LAYERS))
    near = chance_by_requests(score, 0.05, (1, 4, 16, 32, 64))
    assert near[-1] is None
    assert near[0] < near[1] < near[2]  # type: ignore[operator]
    assert spans((0, 1, 2, 5, 7, 8)) == "0 to 2, 5 and 7, 8"


def test_no_estimate_is_asked_for_more_than_so_few_requests_can_show() -> None:
    rng = np.random.default_rng(1)
    true = np.linspace(0, 1, 20)
    few, many = (ceiling(true + rng.normal(scale=2.0, size=(n, 20))) for n in (6, 400))
    assert few is not None
    assert many is not None
    assert few < many
    assert many > 0.95
    assert ceiling(true + np.zeros((4, 20))) == 1.0
    assert ceiling(rng.normal(size=(3, 20))) is None


def test_the_ceiling_is_what_the_true_means_reach_in_the_mean() -> None:
    rng = np.random.default_rng(2)
    true, said, reached = np.linspace(0, 1, 20), [], []
    for _ in range(40):
        score = true + rng.normal(scale=0.8, size=(12, 20))
        said.append(ceiling(score, 60) or 0.0)
        reached.append(spearman(true, score.mean(axis=0)))
    assert np.mean(said) == pytest.approx(np.mean(reached), abs=0.03)


def test_data_sets_put_together_weigh_alike(tmp_path: Path) -> None:
    """As many requests of each, and an estimate of each; a part that one of them lacks is not put together."""
    one = edits(np.random.default_rng(0))
    other = edits(np.random.default_rng(1)).query("position < 6").assign(data="bundled")
    other["request"] = "other-" + other["request"]
    both = pd.concat([one, other[other["part"] == "proxy"]])
    both.to_parquet(tmp_path / "edits.parquet")
    made = estimates()
    pd.concat([made, made.assign(data="bundled")]).to_parquet(tmp_path / "estimates.parquet")
    table, said = Edits(tmp_path / "edits.parquet"), Estimates(tmp_path / "estimates.parquet")
    place = table.together()[0]
    pooled = table.sweep(place, "proxy")
    assert (place.data, len(pooled.requests)) == (ALL, 12)
    assert sum(name.startswith("other-") for name in pooled.requests) == 6
    assert table.sweep(place, "test") is None
    (aware,) = [one for one in said.of(place, "proxy") if one.name == "edit-aware analysis"]
    assert aware.values.shape == (32, LAYERS)
    text = page(table, said)
    assert "all data sets together, ROME, identity (chosen and judged on the same 12 proxy requests)" in text
    assert not Edits(tmp_path / "edits.parquet").together()[2:]


def test_a_proxy_part_that_is_still_being_measured_chooses_nothing(tmp_path: Path) -> None:
    place = Place("bundled", "zsre", "ROME, identity")
    whole = edits(np.random.default_rng(0))
    for n in (5, 6):
        kept = whole[(whole["part"] == "test") | (whole["position"] < n) | (whole["way"] != place.way)]
        kept.to_parquet(tmp_path / f"{n}.parquet")
        estimates().to_parquet(tmp_path / "estimates.parquet")
        found, known = Edits(tmp_path / f"{n}.parquet"), Estimates(tmp_path / "estimates.parquet")
        said = f"zsre, ROME, identity ({n} proxy and 24 test requests)"
        assert (said in page(found, known)) == (n == 6)
        assert f"| {n} | 24 |" in page(found, known)
