from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.figures import best_layer_distribution, totals_bars
from goldenlayers_core.figures.scores.layers import MAX_RELATIONS
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import DARK, LIGHT


def by_name(figure):
    return {trace.name: trace for trace in figure.data}


@pytest.mark.parametrize("dark", [False, True])
def test_totals_are_the_selections_and_the_golden_layer_is_gold(selection, dark):
    traces = by_name(totals_bars(selection, dark))
    theme = DARK if dark else LIGHT
    drawn = {int(x): float(y) for trace in traces.values() for x, y in zip(trace.x, trace.y, strict=True)}
    assert drawn == dict(enumerate(selection.totals))
    assert list(traces["golden layer"].x) == [selection.golden_layer]
    assert traces["golden layer"].marker.color == theme.gold
    assert tuple(traces["set aside"].x) == selection.outliers
    assert traces["set aside"].marker.color == theme.faint
    assert traces["set aside"].marker.pattern.shape == "/"


def test_whiskers_end_at_the_interval(selection):
    for trace in totals_bars(selection).data:
        for x, y, up, down in zip(trace.x, trace.y, trace.error_y.array, trace.error_y.arrayminus, strict=True):
            assert y - down == pytest.approx(selection.interval[x, 0])
            assert y + up == pytest.approx(selection.interval[x, 1])


def test_totals_say_what_is_set_aside_and_how_stable_the_choice_is(selection):
    figure = totals_bars(selection)
    assert "3 of 30 layers are set aside" in plain(figure.layout.title.text)
    subtitle = plain(figure.layout.title.subtitle.text)
    assert "100 % of them pick layer" in subtitle
    assert "over 32 requests" in subtitle
    kept = replace(selection, outliers=(), ranking=selection.raw_ranking)
    assert "none is set aside" in plain(totals_bars(kept).layout.title.text)


def test_a_huge_layer_set_aside_is_cut_and_its_value_written(make_scores, make_selection):
    values = np.full((4, 6), 1.0)
    values[:, 3], values[:, 5] = 2.0, 1000.0
    scores = make_scores(4, 6, values=values)
    figure = totals_bars(make_selection(scores, outliers=(5,)))
    low, high = figure.layout.yaxis.range
    assert low <= 0 < 8 < high < 4000
    (cut,) = [mark for mark in figure.layout.annotations if mark.name == "cut"]
    assert (cut.x, cut.text) == (5, "▲ 4,000")
    assert "cut at the edge" in plain(figure.layout.title.subtitle.text)


def test_nothing_is_cut_where_all_fits(selection):
    figure = totals_bars(selection)
    assert figure.layout.yaxis.range is None
    assert not [mark for mark in figure.layout.annotations if mark.name == "cut"]


def test_totals_of_zeros(make_scores, make_selection):
    scores = make_scores(2, 4, values=np.zeros((2, 4)))
    assert "is 0" in plain(totals_bars(make_selection(scores)).layout.title.text)


def test_one_layer(make_scores, make_selection):
    scores = make_scores(1, 1)
    selection = make_selection(scores)
    assert list(by_name(totals_bars(selection))) == ["golden layer"]
    assert best_layer_distribution(scores, selection).data[0].y.tolist() == [1]


def test_distribution_counts_every_request_once(scores, selection):
    figure = best_layer_distribution(scores, selection)
    counts = {int(x): int(y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    assert sum(counts.values()) == scores.n_requests
    assert counts == {layer: int((scores.best_layers == layer).sum()) for layer in range(scores.n_layers)}
    assert list(by_name(figure)["golden layer"].x) == [selection.golden_layer]


def test_distribution_names_the_layer_that_leads(make_scores, make_selection):
    values = np.zeros((5, 3))
    values[:, 2], values[:3, 0], values[3:, 1] = 0.5, 1.0, 1.0
    scores = make_scores(5, 3, values=values)
    title = plain(best_layer_distribution(scores, make_selection(scores, outliers=(0,))).layout.title.text)
    assert title == "Layer 0 (set aside) is the best layer of 3 of 5 requests, the golden layer 2 of 0"


def test_distribution_by_relation(scores, selection):
    figure = best_layer_distribution(scores, selection, by_relation=True)
    (heat,) = figure.data
    names = [plain(name) for name in figure.layout.yaxis.ticktext]
    assert names[:2] == ["capital (11)", "language (11)"]
    assert names[2].startswith("no relation")
    assert np.allclose(heat.z.sum(axis=1), 1)
    capital = [
        best for best, relation in zip(scores.best_layers, scores.relations, strict=True) if relation == "capital"
    ]
    for layer in range(scores.n_layers):
        assert heat.customdata[0][layer][0] == capital.count(layer)
        assert heat.customdata[0][layer][1] == 11


def test_rare_relations_are_joined(make_scores, make_selection):
    scores = make_scores(200, 4)
    many = replace(scores, relations=tuple(f"relation <{q % 50}>" for q in range(200)))
    figure = best_layer_distribution(many, make_selection(many), by_relation=True)
    labels = figure.layout.yaxis.ticktext
    assert len(labels) == MAX_RELATIONS
    assert labels[-1].startswith("21 further")
    assert sum(int(label.rsplit("(", 1)[1].rstrip(")")) for label in labels) == 200
    assert not any("<" in label for label in labels)
