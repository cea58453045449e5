"""Predicted scores and their parts in pictures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import ConfigError, GoldenLayersError
from goldenlayers_core.figures import (
    alt_text,
    best_layer_distribution,
    mean_value,
    part_heatmap,
    prediction_profile,
    request_profile,
    scores_heatmap,
    totals_bars,
)
from goldenlayers_core.figures.scores.parts import part_means
from goldenlayers_core.figures.text import MINUS
from goldenlayers_core.results import LayerScores
from goldenlayers_core.results.scores.parts import edit_aware_parts


@pytest.fixture
def predicted(make_scores) -> LayerScores:
    random = np.random.default_rng(3)
    base = make_scores(requests=12, layers=9)
    arrays = {name: random.uniform(0, 1, (12, 9)) for name in ("feasible", "spread", "harm", "portability")}
    arrays["spread"][5] = np.nan  # a request without rephrases
    arrays["portability"][:] = np.nan  # nobody has portability probes
    values = np.nanmean([arrays["feasible"], arrays["spread"], 1 - arrays["harm"]], axis=0)
    gone = np.full_like(values, np.nan)
    return replace(
        base, method="edit-aware", values=values, norm_old=gone, norm_new=gone, parts=edit_aware_parts(arrays)
    )


def test_parts_that_nobody_has_are_left_out(predicted):
    assert [part.name for part in predicted.parts] == ["feasible", "spread", "harm"]


@pytest.mark.parametrize("part", ["score", "feasible", "spread", "harm"])
def test_every_cell_tells_the_score_and_all_parts(predicted, part):
    chosen = select(predicted.values, by="mean")
    figure = part_heatmap(predicted, chosen, part)
    heat, cells = figure.data
    shown = predicted.values if part == "score" else predicted.part(part).values
    for x, y, details in zip(cells.x, cells.y, cells.customdata, strict=True):
        request, layer, score, *parts = details
        assert layer == x
        assert score == predicted.values[request, layer]
        np.testing.assert_equal(heat.z[y, layer], shown[request, layer])
        for value, each in zip(parts, predicted.parts, strict=True):
            assert value == each.values[request, layer] if value is not None else np.isnan(each.values[request, layer])
    assert (heat.zmin, heat.zmax) == (0, 1)
    assert isinstance(json.loads(figure.to_json())["data"][1]["customdata"], list)


def test_titles_say_what_was_found_and_that_no_edit_was_run(predicted):
    chosen = select(predicted.values, by="mean")
    figure = part_heatmap(predicted, chosen)
    assert f"{chosen.totals[chosen.golden_layer]:.2f}"[:3] in figure.layout.meta["title"]
    assert "No edit was run" in alt_text(figure)
    harm = predicted.part("harm")
    means = part_means(harm)
    title = part_heatmap(predicted, chosen, "harm").layout.meta["title"]
    best = int(means.argmin())
    assert "where it is best" in title if best == chosen.golden_layer else f"best at layer {best} " in title
    assert "lower is better" in part_heatmap(predicted, chosen, "harm").layout.meta["subtitle"]
    assert not np.isnan(part_means(predicted.part("spread"))).any()


def test_a_profile_draws_what_the_request_has(predicted):
    chosen = select(predicted.values, by="mean")
    names = [line.name for line in prediction_profile(predicted, 0, chosen).data]
    assert names == ["feasible", "spread", "harm", "predicted score"]
    without = prediction_profile(predicted, 5, chosen)
    assert [line.name for line in without.data] == ["feasible", "harm", "predicted score"]
    np.testing.assert_array_equal(without.data[-1].y, predicted.values[5])
    with pytest.raises(ConfigError, match="0 to 11"):
        prediction_profile(predicted, 12, chosen)
    with pytest.raises(GoldenLayersError, match="feasible, spread, harm"):
        part_heatmap(predicted, chosen, "charm")


def test_the_damage_is_drawn_in_nats_without_cosine_or_norms(make_scores):
    base = make_scores(requests=6, layers=9)
    values = np.random.default_rng(1).normal(4.0, 1.0, (6, 9))
    gone = np.full_like(values, np.nan)
    scores = replace(base, method="damage", values=values, norm_old=gone, norm_new=gone)
    chosen = select(values, by="mean")
    cells = scores_heatmap(scores, chosen).data[1]
    for request, layer, value, nats in cells.customdata:
        assert (value, nats) == pytest.approx((values[request, layer], np.exp(-values[request, layer])))
    profile = request_profile(scores, 2, chosen)
    np.testing.assert_allclose(profile.data[0].y, np.exp(-values[2]))
    assert f"layer {values[2].argmax()}" in profile.layout.meta["title"]
    bars = totals_bars(chosen, value=mean_value(scores))
    assert bars.layout.yaxis.title.text == f"mean {MINUS}ln damage S"
    for figure in (bars, profile, scores_heatmap(scores, chosen), best_layer_distribution(scores, chosen)):
        text = figure.layout.meta["title"] + figure.layout.meta["subtitle"]
        assert "gradient" not in text
        assert "predicted score" not in text
        assert "NaN" not in figure.to_json()


def test_bars_and_distribution_speak_of_predictions_not_of_fences(predicted):
    chosen = select(predicted.values, by="mean")
    bars = totals_bars(chosen)
    assert bars.layout.yaxis.title.text == "mean predicted score S"
    np.testing.assert_allclose(sorted(y for bar in bars.data for y in bar.y), sorted(predicted.values.mean(axis=0)))
    for figure in (bars, best_layer_distribution(predicted, chosen)):
        assert "set aside" not in figure.layout.meta["title"]
        assert "Tukey" not in figure.layout.meta["subtitle"]
    assert "Edit-aware analysis" in best_layer_distribution(predicted, chosen).layout.meta["subtitle"]
