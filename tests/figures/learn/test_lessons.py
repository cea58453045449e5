"""Figures of lessons 4 to 7: what they say is what the results hold, in both themes, on a phone."""

import numpy as np
import plotly.graph_objects as go
import pytest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures import alt_text
from goldenlayers_core.figures.learn.golden import proxy_curve as draw_curve
from goldenlayers_core.figures.learn.golden import proxy_map
from goldenlayers_core.figures.learn.layer import layer_rates
from goldenlayers_core.figures.learn.lga import lga_and_edits, two_arrows
from goldenlayers_core.figures.learn.wrong import pile_curves
from goldenlayers_core.results.learn.lga import Arrows
from goldenlayers_core.tasks.learn.golden import draw, proxy_curve
from goldenlayers_core.tasks.learn.lga import judged
from goldenlayers_core.tasks.truth.judgement import curve
from tests.figures.conftest import MakeScores
from tests.made_lessons import made_pile
from tests.made_up import made_sweep


def title(figure: go.Figure) -> str:
    assert alt_text(figure).endswith(".")
    return str(figure.layout.meta["title"])


@pytest.mark.parametrize("dark", [False, True])
def test_the_marker_follows_the_scrubber_and_the_title_says_the_rates_there(dark: bool) -> None:
    sweep = made_sweep()
    drawn = layer_rates(sweep, 7, dark)
    assert next(s for s in drawn.layout.shapes if s.name == "scrubber").x0 == 7
    assert next(s for s in drawn.layout.shapes if s.name == "golden layer").x0 == sweep.golden_layer
    assert title(drawn).startswith("Layer 7: ")
    took = sweep.mean("rewrite")[7]
    assert f"{took:.0%}".removesuffix("%") in title(drawn)
    assert "portability" not in [trace.name for trace in drawn.data]  # nothing measured, nothing drawn
    with pytest.raises(ConfigError, match="Layer 40 was asked for"):
        layer_rates(sweep, 40)


def test_proxies_stand_above_the_gap_and_judges_below_it() -> None:
    sweep = made_sweep(requests=9, layers=(0, 4, 8, 12), n_layers=16)
    found = draw(sweep, 4)
    drawn = proxy_map(sweep, found)
    cells = np.asarray(drawn.data[0].z, dtype=float)
    assert cells.shape == (4 + 1 + 3, 4)
    assert np.isnan(cells[4]).all()
    assert np.array_equal(cells[:4], sweep.score[list(found.proxies)])
    assert np.array_equal(cells[5:], sweep.score[list(found.held_out)])
    rings = {(int(x), int(y)) for x, y in zip(drawn.data[1].x, drawn.data[1].y, strict=True)}
    rows = np.flatnonzero(~np.isnan(cells[:, 0]))
    assert rings == {(x, int(y)) for y in rows for x in range(4) if cells[y, x] >= cells[y].max() - 1e-9}
    assert f"layer {found.golden_layer}" in title(drawn)
    frames = [shape for shape in drawn.layout.shapes if shape.name == "golden layer"]
    assert [frame.line.dash for frame in frames] == ["solid", "dot"]


def test_the_curve_of_proxies_marks_their_number() -> None:
    sweep = made_sweep()
    found = proxy_curve(sweep, 50)
    drawn = draw_curve(found, 3, "About.", True)
    assert next(s for s in drawn.layout.shapes if s.name == "proxies").x0 == 3
    assert "3 proxy requests" in title(drawn)
    assert "50 random draws" in drawn.layout.meta["subtitle"]
    assert list(drawn.data[1].y) == list(found.regret)


@pytest.mark.parametrize(
    ("degrees", "says"),
    [(0, "helps the old one too"), (90, "does nothing to the old one"), (180, "works against the old one")],
)
def test_the_area_is_the_inner_product(degrees: int, says: str) -> None:
    arrows = Arrows(20, 1.5, 20 + degrees, 0.8)
    drawn = two_arrows(arrows)
    area = next(trace for trace in drawn.data if trace.name == "inner product")
    x, y = np.asarray(area.x, dtype=float), np.asarray(area.y, dtype=float)
    size = abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2  # the shoelace formula
    assert size == pytest.approx(abs(arrows.inner), abs=1e-9)
    assert says in title(drawn)


def test_lga_stands_above_real_edits_on_one_layer_axis(make_scores: MakeScores) -> None:
    scores, sweep = make_scores(requests=12), made_sweep(peak=4)
    selection = select(scores.values)
    found = judged(sweep, selection)
    assert found is not None
    drawn = lga_and_edits(scores, selection, sweep, curve(sweep, "score", 50), found)
    assert f"LGA picks layer {selection.golden_layer}: number {found.rank} of 30 by real edits" in title(drawn)
    marks = {shape.x0 for shape in drawn.layout.shapes if shape.name == "LGA"}
    assert marks == {selection.golden_layer}
    few = made_sweep(layers=(0, 1, 2), peak=1)
    assert "did not edit" in title(lga_and_edits(scores, selection, few, curve(few, "score", 50), None))


def test_a_cross_marks_where_the_model_collapses() -> None:
    drawn = pile_curves(made_pile())
    crosses = [trace for trace in drawn.data if trace.name == "collapse"]
    assert [(c.x[0], c.y[0]) for c in crosses] == [(3, 0.4)]
    assert title(drawn) == (
        "At layer 25 the model collapses with 3 edits; with 6, words changed: 8 % at layer 4, 30 % at layer 15"
    )
    ratios = [trace.y for trace in drawn.data if trace.name == "layer 25"][2]
    assert max(ratios) == 100  # the axis ends there; the hover tells the number
    assert drawn.data[-2].customdata[-1][2] == 450
