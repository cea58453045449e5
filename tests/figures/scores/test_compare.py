from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.figures import compare_runs
from goldenlayers_core.figures.scores.compare import EDGE, rank_correlation, relative_scores
from goldenlayers_core.figures.text import plain


def test_a_run_beside_itself_agrees(scores, selection):
    figure = compare_runs(scores, scores, selection, selection)
    assert plain(figure.layout.title.text) == (
        f"Both runs choose layer {selection.golden_layer}; rank correlation 1 over 27 layers"
    )
    assert "Of 32 shared requests, 32 (100 %) have the same best layer." in plain(figure.layout.title.subtitle.text)


def test_relative_scores_are_drawn_and_hover_tells_the_sum(scores, selection):
    figure = compare_runs(scores, scores, selection, selection)
    kept = figure.data[0]
    relative = relative_scores(selection)
    for layer, value in enumerate(kept.y):
        assert value is None if layer in selection.outliers else value == pytest.approx(relative[layer])
        assert kept.customdata[layer][1] == selection.totals[layer]
    assert relative.max() <= EDGE
    aside = figure.data[1]
    assert [layer for layer, value in enumerate(aside.y) if value is not None] == list(selection.outliers)
    assert aside.marker.symbol.endswith("-open")


def test_runs_that_differ_name_both_layers(make_scores, make_selection):
    a = make_scores(2, 4, values=np.array([[0.0, 1.0, 2.0, 3.0]] * 2))
    b = make_scores(2, 4, seed=1, values=np.array([[3.0, 2.0, 1.0, 0.0]] * 2))
    figure = compare_runs(a, b, make_selection(a), make_selection(b))
    assert plain(figure.layout.title.text) == (
        "Run A chooses layer 3, run B layer 0; rank correlation \u22121 over 4 layers"
    )
    assert "The runs share no request." in plain(figure.layout.title.subtitle.text)


def test_models_of_different_depth_are_drawn_over_relative_depth(make_scores, make_selection):
    a, b = make_scores(3, 30), make_scores(3, 12)
    figure = compare_runs(a, b, make_selection(a), make_selection(b))
    assert (figure.data[0].x[0], figure.data[0].x[-1]) == (0, 1)
    assert "30 and 12 layers" in plain(figure.layout.title.subtitle.text)


def test_correlation_shares_ranks_among_ties_and_needs_three_layers(make_scores, make_selection):
    tied = make_selection(make_scores(1, 4, values=np.array([[1.0, 1.0, 2.0, 3.0]])))
    straight = make_selection(make_scores(1, 4, values=np.array([[1.0, 2.0, 3.0, 4.0]])))
    correlation, layers = rank_correlation(tied, straight)
    assert layers == 4
    assert correlation == pytest.approx(0.9486832980505138)  # Spearman with mean ranks
    flat = replace(tied, totals=np.zeros(4))
    assert rank_correlation(flat, straight) is None
    two = make_selection(make_scores(1, 2))
    assert rank_correlation(two, two) is None


def test_zeros_and_one_layer(make_scores, make_selection):
    for shape in ((2, 5), (1, 1)):
        scores = make_scores(*shape, values=np.zeros(shape))
        selection = make_selection(scores)
        figure = compare_runs(scores, scores, selection, selection)
        assert plain(figure.layout.title.text) == "Both runs choose layer 0"
        assert "NaN" not in figure.to_json()
