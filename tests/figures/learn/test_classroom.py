"""The classroom's pictures: where a fact was planted, and what each way of looking for it names."""

import numpy as np

from goldenlayers_core.figures import alt_text
from goldenlayers_core.figures.learn.classroom import classroom_matrix, classroom_ways, row_scaled
from goldenlayers_core.results.learn.classroom import Classroom
from tests.made_classroom import MIXED, run_of


def test_the_picture_of_one_layer_says_what_was_found() -> None:
    for dark in (False, True):
        drawn = classroom_ways(MIXED, dark)
        title = drawn.layout.meta["title"]
        assert title.startswith("Planted in layer 4: MLP-window trace, one-MLP trace and logit lens name it")
        assert "LGA 5" in title
        assert "real edits 6 layers level" in title
        assert "158 of 159 other facts kept" in alt_text(drawn)
        gold = [shape for shape in drawn.layout.shapes if shape.name == "golden layer"]
        assert [(shape.x0, shape.x1) for shape in gold] == [(3.5, 4.5)]
    nothing = classroom_ways(run_of(2, (1, 1, 7, 3, 3, 3, 0)))
    assert "no way names it" in nothing.layout.meta["title"]


def test_rows_have_their_own_scale() -> None:
    scaled = row_scaled(np.array([[-4.0, -1.0, -2.0], [0.8, 0.4, 0.8], [0.0, 0.0, 0.0]]))
    assert scaled.tolist() == [[0.0, 0.75, 0.5], [1.0, 0.5, 1.0], [1.0, 1.0, 1.0]]


def test_the_matrix_counts_and_tells_ties() -> None:
    drawn = classroom_matrix(Classroom((run_of(1, (1, 0, 7, 2, 1, 1, 0)), MIXED)))
    assert drawn.layout.meta["title"] == "One-MLP trace and logit lens find the planted layer 2 of 2 times, LGA 1 of 2"
    assert list(drawn.data[0].text[0]) == ["<b>1</b>", "5"]
    assert list(drawn.data[0].text[-1]) == ["0", "="]
    assert "n = 2 planted layers" in drawn.layout.meta["subtitle"]
