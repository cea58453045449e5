"""A figure on its way to a page: the same picture, which plotly need not draw twice."""

import json
from typing import Any

import plotly.graph_objects as go
import pytest

from goldenlayers_core import figures
from goldenlayers_core.figures import room
from goldenlayers_core.figures.theme import DARK
from goldenlayers_core.results import LayerScores, Selection


def told(figure: go.Figure) -> dict[str, Any]:
    """What a browser gets."""
    mapping: dict[str, Any] = json.loads(figure.to_json(validate=False))
    return mapping


def test_numbers_and_looks_survive(scores: LayerScores, selection: Selection) -> None:
    drawn = figures.scores_heatmap(scores, selection, dark=True)
    shown = told(figures.for_screen(drawn, titled=False))
    assert shown["data"][0]["z"] == drawn.data[0].z.tolist()
    assert shown["data"][1]["customdata"] == [list(cell) for cell in drawn.data[1].customdata]
    layout = shown["layout"]
    assert layout["paper_bgcolor"] == DARK.background
    assert layout["yaxis"]["tickfont"]["color"] == DARK.muted
    assert layout["yaxis"]["ticktext"]
    assert layout["shapes"][0]["name"] == "golden layer"


def test_every_axis_takes_the_templates_settings(scores: LayerScores, selection: Selection) -> None:
    layout = told(figures.for_screen(figures.request_profile(scores, 0, selection), titled=False))["layout"]
    assert all(layout[axis]["gridcolor"] for axis in ("xaxis", "xaxis2", "xaxis3", "yaxis", "yaxis2", "yaxis3"))


def test_nothing_is_left_that_plotly_takes_for_a_change(scores: LayerScores, selection: Selection) -> None:
    shown = told(figures.for_screen(figures.scores_heatmap(scores, selection)))
    assert "template" not in shown["layout"]
    assert "meta" not in shown["layout"]
    assert '"bdata"' not in json.dumps(shown)


def test_a_title_stays_where_it_is_wanted(selection: Selection) -> None:
    drawn = figures.totals_bars(selection)
    titled, bare = told(figures.for_screen(drawn))["layout"], told(figures.for_screen(drawn, titled=False))["layout"]
    assert titled["title"]["text"] == drawn.layout.title.text
    assert titled["title"]["xref"] == "container"
    assert "title" not in bare
    assert bare["height"] < titled["height"]
    assert bare["margin"] == {**titled["margin"], "t": figures.untitled(drawn).layout.margin.t}


def test_the_revision_tells_figures_apart(scores: LayerScores, selection: Selection) -> None:
    def revision(dark: bool) -> str:
        return str(
            told(figures.for_screen(figures.scores_heatmap(scores, selection, dark=dark)))["layout"]["datarevision"]
        )

    assert revision(False) == revision(False) != revision(True)


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [
        ({"ticktext": ["a" * 18], "tickvals": [0]}, 120, 160),
        ({"ticktext": ["日本語の首都は"], "tickvals": [0]}, 80, 110),
        ({"range": [0, 1]}, 30, 50),
        ({"range": [0, 1], "title_text": "mean score"}, 48, 70),
        ({"range": [0, 100_000]}, 55, 85),
        ({"range": [0, 0.004], "title_text": "S"}, 65, 85),
        ({"showticklabels": False, "title_text": "requests"}, 26, 40),
        ({"visible": False}, room.LEAST, room.LEAST),
        ({"side": "right"}, room.LEAST, room.LEAST),
    ],
)
def test_room_beside_the_plot(settings: dict[str, Any], least: int, most: int) -> None:
    figure = go.Figure(go.Scatter(y=[0.2, 0.7])).update_yaxes(settings)
    assert least <= room.left(figure) <= most


def test_room_for_categories_and_for_a_colour_bar() -> None:
    bars = go.Figure(go.Bar(x=[1, 2], y=["causal trace", "LGA"], orientation="h"))
    assert room.left(bars) > room.left(go.Figure(go.Bar(x=[1], y=["LGA"], orientation="h")))
    assert room.below(bars, 40) == 40
    assert room.below(go.Figure(go.Heatmap(z=[[1]], colorbar={"orientation": "h"})), 40) == 40 + room.COLOUR_BAR
