"""A budgeted search as a picture: who took part, who went on, and why it ended."""

import dataclasses

import numpy as np
import pytest

from goldenlayers_core.figures import race
from goldenlayers_core.figures.text import plain
from goldenlayers_core.results import SearchResult
from tests.made_up import made_search


@pytest.fixture
def found() -> SearchResult:
    return made_search()


def test_rounds_hold_the_layers_that_took_part_and_nothing_else(found):
    (heat,) = race(found).data
    assert heat.z[0].tolist() == [0.4, 0.9, 0.8, 0.1]
    assert np.isnan(heat.z[1]).tolist() == [True, False, False, True]
    assert list(heat.customdata[0][1]) == [2, 2, "goes on"]
    assert heat.customdata[0][0][2] == "leaves"


def test_it_says_what_was_found_how_sure_and_why_it_ended(found):
    figure = race(found, dark=True)
    known = "Stopped after 2 rounds of real edits: layer 2 is ahead so far; confidence 80 %"
    assert plain(figure.layout.title.text) == known
    whole = race(dataclasses.replace(found, finished=True))
    assert plain(whole.layout.title.text) == "Layer 2 is left after 2 rounds of real edits; confidence 80 %"
    said = plain(figure.layout.title.subtitle.text)
    for words in ("runner-up, layer 4: 0.05", "16 edits, 33 % of a full sweep, in 7 s of 60 s", "its time or its"):
        assert words in said
    assert [plain(text) for text in figure.layout.yaxis.ticktext] == ["round 1 2 requests", "round 2 6 requests"]
