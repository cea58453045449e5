"""Steps from cell to cell, the frame around the open one, and rows that are called by their subjects."""

from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.figures import scores_heatmap, sweep_heatmap
from goldenlayers_core.figures.scores.cells import Rows, of_scores, of_sweep
from goldenlayers_core.figures.scores.heatmap import shown_rows
from goldenlayers_core.figures.scores.walk import MOST_CELLS, OPEN, Step, row_of, walked, with_open_cell
from tests.figures.conftest import MakeScores, MakeSelection
from tests.made_up import made_sweep

ROWS = Rows(np.array([2, 0, 1]), 1)
LAYERS = (0, 3, 6)


@pytest.mark.parametrize(
    ("at", "step", "to"),
    [
        ((2, 3), "down", (0, 3)),
        ((2, 3), "up", (2, 3)),
        ((1, 3), "down", (1, 3)),
        ((0, 3), "up", (2, 3)),
        ((0, 3), "right", (0, 6)),
        ((0, 6), "right", (0, 6)),
        ((0, 3), "left", (0, 0)),
        ((0, 0), "left", (0, 0)),
        ((0, 5), "right", (0, 3)),  # a layer that was not measured counts as the first
    ],
)
def test_a_step_leads_to_the_next_cell_and_stops_at_the_edge(
    at: tuple[int, int], step: Step, to: tuple[int, int]
) -> None:
    assert walked(ROWS, LAYERS, at, step) == to


def test_of_a_row_of_several_requests_the_first_is_opened() -> None:
    rows = Rows(np.arange(7), 3)
    assert [row_of(rows, request) for request in (0, 2, 3, 6)] == [0, 0, 1, 2]
    assert walked(rows, range(4), (1, 0), "down") == (3, 0)


def test_the_open_cell_is_framed_where_it_is_drawn(make_scores: MakeScores, make_selection: MakeSelection) -> None:
    scores = make_scores(requests=5, layers=8)
    drawn = scores_heatmap(scores, make_selection(scores))
    rows = shown_rows(scores, "best")
    framed = with_open_cell(drawn, rows, 8, 3, 6, dark=False)
    (cell,) = [shape for shape in framed.layout.shapes if shape.name == OPEN]
    assert (cell.x0, cell.x1) == (5.5, 6.5)
    assert cell.y0 + 0.5 == rows.order.tolist().index(3)
    assert not [shape for shape in drawn.layout.shapes if shape.name == OPEN]  # it is shared, and not written
    large = Rows(np.arange(MOST_CELLS), 1)
    assert with_open_cell(drawn, large, 8, 3, 6, dark=False) is drawn


def test_rows_are_labelled_by_their_subjects() -> None:
    sweep = replace(made_sweep(requests=4), subjects=("France", "Mont Blanc", "France", ""))
    drawn = sweep_heatmap(sweep, "dataset")
    labels = list(drawn.layout.yaxis.ticktext)
    assert labels[1] == "Mont Blanc"
    assert labels[0].startswith("France → ")
    assert labels[2].startswith("France → ")
    assert "3" in labels[3]  # without a subject, words of the prompt
    assert of_sweep(sweep).labels([1], 5) == ["Mont…"]


def test_scores_of_before_keep_the_words_of_their_prompts(make_scores: MakeScores) -> None:
    scores = make_scores(requests=3)
    assert "country 1" in of_scores(scores).labels([0, 1, 2], 18)[1]
    named = replace(scores, subjects=("<a>", "b", "c"))
    assert of_scores(named).labels([0, 1, 2], 18) == ["&lt;a&gt;", "b", "c"]
    assert named.to_frame()["subject"].tolist()[:1] == ["<a>"]
    assert "subject" not in scores.to_frame()
