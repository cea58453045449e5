"""The bars of a class that guesses."""

from goldenlayers_core.figures.learn.guesses import class_guesses
from goldenlayers_core.figures.theme import LIGHT
from goldenlayers_core.results.learn.class_link import Asked

ASKED = Asked("first", "x", "What comes next?", ("Paris", "Rome", "Oslo"), guesses={"a": 0, "b": 1, "c": 1})


def test_bars_count_and_colour_only_what_was_told() -> None:
    open_, told = class_guesses(ASKED), class_guesses(Asked(**{**vars(ASKED), "right": (1,)}))
    assert list(open_.data[0].x) == [1, 2, 0]
    assert set(open_.data[0].marker.color) == {LIGHT.slate}
    assert list(told.data[0].marker.color) == [LIGHT.slate, LIGHT.blue, LIGHT.slate]
    assert open_.layout.meta["title"] == "3 guesses so far; most for Rome (2)"
    assert told.layout.meta["title"] == "2 of 3 guesses right"


def test_no_guess_and_a_draw_are_said() -> None:
    assert class_guesses(Asked("f", "", "What?", ("a", "b"))).layout.meta["title"] == "No guess yet"
    draw = Asked("f", "", "What?", ("a", "b"), guesses={"x": 0, "y": 1})
    assert "2 options alike" in class_guesses(draw, True).layout.meta["title"]
