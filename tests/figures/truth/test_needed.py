"""The curve of how many requests a golden layer needs, with its answer as its title."""

import dataclasses

import numpy as np
import pytest

from goldenlayers_core.figures import needed_curves
from goldenlayers_core.figures.text import plain
from goldenlayers_core.results.truth.needed import RequestsNeeded


@pytest.fixture
def found() -> RequestsNeeded:
    chance = np.array([[0.2, 0.3, 0.5], [0.4, 0.82, 0.95]])
    return RequestsNeeded((1, 2, 4), (0.01, 0.05), chance, 0.8, 2, 4, 30, 2000, 0)


def test_the_title_answers_and_the_curves_are_the_chances(found):
    figure = needed_curves(found, "about the sweep.")
    title = plain(figure.layout.title.text)
    assert title == "2 requests choose a layer within 0.05 of the best with a chance of 80 % or more"
    narrow, wide = figure.data
    assert np.allclose(wide.y, found.chance[1])
    assert np.allclose(narrow.y, found.chance[0])
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "4"]
    (line,) = [shape for shape in figure.layout.shapes if shape.name == "enough"]
    assert figure.layout.xaxis.ticktext[int(line.x0)] == "2"
    said = plain(figure.layout.title.subtitle.text)
    for words in ("2,000 samples", "from the 4 swept", "flatters a small sweep", "about the sweep"):
        assert words in said


def test_where_it_takes_more_than_were_swept_the_title_says_what_they_reach(found):
    figure = needed_curves(dataclasses.replace(found, enough=None, chance=found.chance / 2), "about", dark=True)
    assert "4 requests choose a layer within 0.05 of the best with a chance of 48 %; it takes more of them" in plain(
        figure.layout.title.text
    )
    assert not [shape for shape in figure.layout.shapes if shape.name == "enough"]
