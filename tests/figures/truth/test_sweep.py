"""Figures of real edits, request by request and metric by metric."""

import json
from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures import agreement_scatter, best_layers, metric_curves, request_layers, sweep_heatmap
from goldenlayers_core.figures.scores.cells import MAX_LABELS, MAX_ROWS
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import LIGHT
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.tasks.truth.judgement import best, curve, of_selection
from tests.made_up import made_sweep


@pytest.mark.parametrize("order", ["best", "relation", "dataset"])
def test_every_cell_tells_its_own_request_layer_and_score(order):
    sweep = made_sweep(9, layers=tuple(range(0, 30, 3)))
    heat, cells = sweep_heatmap(sweep, order).data
    for x, y, details in zip(cells.x, cells.y, cells.customdata, strict=True):
        request, layer, score, rewrite, *_ = details
        assert sweep.layers[x] == layer
        assert score == sweep.score[request, x] == heat.z[y, x]
        assert rewrite == sweep.of("rewrite")[request, x]
    assert sorted({row[0] for row in cells.customdata}) == list(range(9))


def test_columns_are_named_by_the_layers_measured():
    sweep = made_sweep(4, layers=(2, 7, 11))
    figure = sweep_heatmap(sweep)
    assert list(figure.layout.xaxis.ticktext) == ["2", "7", "11"]
    assert "Measured: layers 2, 7 and 11 of 30." in plain(figure.layout.title.subtitle.text)
    (box,) = figure.layout.shapes
    assert sweep.layers[round((box.x0 + box.x1) / 2)] == sweep.golden_layer


def test_customdata_travels_as_plain_json():
    sent = json.loads(sweep_heatmap(made_sweep(3)).to_json())["data"][1]["customdata"]
    assert isinstance(sent, list)
    assert isinstance(sent[0], list)


def test_many_requests_share_rows_and_the_subtitle_says_so():
    sweep = made_sweep(900, layers=(0, 1), n_layers=2)
    figure = sweep_heatmap(sweep)
    assert len(figure.data[0].z) == 300
    assert "900 requests in 300 rows; each row is the mean of 3 requests" in plain(figure.layout.title.subtitle.text)
    assert MAX_LABELS < MAX_ROWS
    assert not figure.layout.yaxis.showticklabels


def test_foreign_text_is_escaped():
    sweep = replace(made_sweep(2), prompts=("<b>bold</b> %{x}", "two"))
    assert "<b>bold" not in "".join(sweep_heatmap(sweep).data[1].text).replace("<b>&lt;", "")


def test_ties_are_shown_as_ties():
    scores = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.0, 0.2, 0.9]])
    found = best(made_sweep(4, layers=(0, 1, 2), n_layers=3, scores=scores))
    assert found.share.tolist() == [0.75, 0.5, 0.5]
    assert found.alone.tolist() == [0.25, 0.0, 0.25]
    figure = best_layers(found, "about")
    alone, tied = figure.data
    assert np.allclose(np.add(alone.y, tied.y), found.share)
    assert alone.marker.color[0] == LIGHT.gold
    assert "among the best layers of 75 % of the requests" in plain(figure.layout.title.text)


def test_an_estimate_stands_beneath_on_the_requests_that_were_swept(make_scores):
    sweep = made_sweep(6)
    scores = make_scores(6, 30)
    same = replace(scores, request_digests=(*sweep.request_digests[:4], "x", "y"))
    found = best(sweep, same, "LGA")
    assert found.n_estimated == 4
    figure = best_layers(found, about(sweep))
    assert np.allclose(figure.data[-1].y, found.estimated)
    assert figure.data[-1].name == "LGA"
    assert "over 4 requests" in plain(figure.layout.title.subtitle.text)


def test_curves_are_the_means_and_absent_metrics_are_named():
    sweep = made_sweep(8)
    names = ("score", "rewrite", "portability", "locality_kl")
    figure = metric_curves([curve(sweep, name) for name in names], sweep.golden_layer, about(sweep))
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines+markers"}
    assert set(lines) == {"Score", "Rewrite", "Divergence on locality prompts"}
    assert np.allclose(lines["Rewrite"].y, sweep.mean("rewrite"))
    assert lines["Rewrite"].yaxis != lines["Divergence on locality prompts"].yaxis  # another unit, another panel
    assert "No request here has portability probes" in plain(figure.layout.title.subtitle.text)
    assert "Mean KL(before || after)" in plain(figure.layout.title.subtitle.text)


def test_no_metric_is_no_picture_of_one():
    assert "Choose a metric" in plain(metric_curves([], 3, "about").layout.title.text)


@pytest.mark.parametrize("layers", [tuple(range(30)), (3, 9, 27), (5,)])
def test_one_request_at_every_layer(layers):
    sweep = made_sweep(5, layers=layers)
    figure = request_layers(sweep, 2, layers[-1], dark=True)
    strips, score, p_new = figure.data
    assert np.allclose(score.y, sweep.score[2])
    assert np.allclose(p_new.y, sweep.of("p_new")[2])
    assert np.allclose(strips.z[0], sweep.of("rewrite")[2])
    assert f"At layer {layers[-1]} this request scores" in plain(figure.layout.title.text)


@pytest.mark.parametrize(("index", "layer"), [(9, 3), (-1, 3), (0, 4)])
def test_a_request_or_layer_that_was_not_swept_is_refused(index, layer):
    with pytest.raises(ConfigError, match="this sweep has requests 0 to 4 and layers 3 and 9"):
        request_layers(made_sweep(5, layers=(3, 9)), index, layer)


@pytest.mark.parametrize(("sign", "word"), [(1, "as real edits do"), (-1, "against real edits")])
def test_agreement_says_whether_the_estimate_ranks_as_edits_do(make_scores, sign, word):
    sweep = made_sweep(10)
    scores = make_scores(10, 30, values=sign * np.tile(sweep.score.mean(axis=0), (10, 1)))
    found = of_selection(sweep, scores, select(scores.values), "LGA")
    assert found.correlation == pytest.approx(sign, abs=1e-3)
    figure = agreement_scatter(found, about(sweep))
    assert word in plain(figure.layout.title.text)
    assert list(figure.data[0].text) == [str(layer) for layer in range(30)]
    ranks = np.array(figure.data[0].x), np.array(figure.data[0].y)
    assert np.abs(ranks[0] - (ranks[1] if sign > 0 else 31 - ranks[1])).max() <= 1
