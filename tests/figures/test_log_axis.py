"""Ticks of logarithmic axes: few, round, and in words that tell them apart, however long the axis is."""

import math

import plotly.graph_objects as go
import pytest

from goldenlayers_core.figures.log_axis import log_axis, log_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 49_152, [1, 10, 100, 1_000, 10_000]),
        (1e-5, 1e6, [1e-5, 1e-3, 0.1, 10, 1_000, 100_000]),
        (0.9, 40, [1, 3, 10, 30]),
        (0.02, 0.3, [0.02, 0.05, 0.1, 0.2]),
        (1.1, 2.4, [1.25, 1.5, 1.75, 2, 2.25]),
        (5, 6, [5, 5.2, 5.4, 5.6, 5.8, 6]),
    ],
)
def test_ticks_are_as_round_as_the_axis_is_long(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("values", [[0.01, 0.0123], [3.0] * 4, [1e-9, 1e9], [0.0, float("nan"), 2.0, 7.0], []])
def test_an_axis_has_some_ticks_with_words_of_their_own(values: list[float]) -> None:
    figure = go.Figure(go.Scatter(x=list(range(len(values))), y=values))
    log_axis(figure, values, "norm")
    axis = figure.layout.yaxis
    assert 2 <= len(axis.tickvals) <= 6
    assert len(set(axis.ticktext)) == len(axis.tickvals)
    low, high = (10**end for end in axis.range)
    assert all(low <= tick <= high for tick in axis.tickvals)
    assert all(low < value < high for value in values if value > 0 and math.isfinite(value))


def test_an_axis_may_run_across() -> None:
    figure = go.Figure(go.Scatter(x=[1.0, 1_000.0], y=[0, 1]))
    log_axis(figure, [1.0, 1_000.0], "nats", across=True)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", None)
