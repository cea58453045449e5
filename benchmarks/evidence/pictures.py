"""The pictures of docs/evidence.md: what real edits measured at every layer, and what was picked.

Axes: Q requests, L layers.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.evidence.judged import RESAMPLES, Choice, choices
from benchmarks.evidence.tables import (
    ANSWER,
    DAMAGE,
    EDIT_AWARE,
    LINE_CHECK,
    SEQUENCE,
    TRACE,
    Edits,
    Estimates,
    Place,
)
from goldenlayers_core.figures.theme import LIGHT, figure_template
from goldenlayers_core.results.bootstrap import interval, resampled_means

ROW, HEAD = 220, 120  # px of one panel, and above the first
MARKED = "ROME, identity"  # the way of editing whose picks are marked, where it was measured
SHOWN = {
    SEQUENCE: "circle",
    ANSWER: "circle-open",
    EDIT_AWARE: "diamond",
    LINE_CHECK: "square",
    DAMAGE: "triangle-up",
    TRACE: "x",
}  # estimates whose picks are marked, with their marks


def scores(edits: Edits, estimates: Estimates, model: str, title: str) -> go.Figure | None:
    """Score per layer with its interval, a panel per data set, a line per way; None where nothing was measured."""
    places = [place for place in edits.places() if place.model == model and place.way.startswith("ROME")]
    names = list(dict.fromkeys(place.data for place in places))
    if not names:
        return None
    figure = make_subplots(
        rows=len(names), cols=1, shared_xaxes=True, vertical_spacing=0.35 / len(names) / 2, subplot_titles=names
    )
    ways = list(dict.fromkeys(place.way for place in places))
    marked = MARKED if MARKED in ways else ways[0]
    floor = min(_floor(edits, place) for place in places)
    for place in places:
        _curve(figure, edits, place, names.index(place.data) + 1, ways.index(place.way))
    for place in places:
        if place.way == marked and (proxy := edits.chosen_on(place)) is not None:
            _marks(figure, choices(place, proxy, estimates), names.index(place.data) + 1, 1 - floor)
    figure.update_layout(
        template=figure_template(False),
        title={"text": f"{title}: score of real edits by layer", "y": 0.99, "yanchor": "top"},
        height=HEAD + ROW * len(names),
        margin={"t": HEAD, "l": 60, "r": 20, "b": 50},
        legend={"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0, "title": None},
        showlegend=True,
    )
    figure.update_layout(legend_y=1 - 40 / (HEAD + ROW * len(names)))
    top = 1 + (0.1 + 0.11 * len(SHOWN)) * (1 - floor)
    figure.update_yaxes(range=[floor, top], tickvals=np.arange(floor, 1.01, 0.25 if floor < 0.5 else 0.05))
    figure.update_xaxes(range=[-0.7, max(max(trace.x) for trace in figure.data) + 0.7])
    figure.update_xaxes(title_text="layer", row=len(names), col=1)
    return figure


def _floor(edits: Edits, place: Place) -> float:
    """Where the axis begins: at 0, or at the quarter below every layer's mean."""
    shown = edits.sweep(place, "test") or edits.sweep(place, "proxy")
    assert shown is not None
    return float(np.floor(4 * shown.score.mean(axis=0).min()) / 4)


def _curve(figure: go.Figure, edits: Edits, place: Place, row: int, number: int) -> None:
    part = "test" if edits.sweep(place, "test") is not None else "proxy"
    sweep = edits.sweep(place, part)
    assert sweep is not None
    colour, mean = LIGHT.series[number], sweep.score.mean(axis=0)
    low, high = interval(resampled_means(sweep.score, RESAMPLES, 0))
    around = [*sweep.layers, *reversed(sweep.layers)]
    band = {"x": around, "y": [*high, *low[::-1]], "fill": "toself", "fillcolor": _faint(colour)}
    figure.add_scatter(**band, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False, row=row, col=1)
    name = f"{place.way}, {part} requests"
    look = {"line": {"color": colour, "width": 2}, "mode": "lines", "name": name, "legendgroup": name}
    seen = {trace.legendgroup for trace in figure.data if trace.showlegend is not False}
    figure.add_scatter(x=sweep.layers, y=mean, **look, showlegend=name not in seen, row=row, col=1)
    best = int(np.argmax(mean))
    star = {"symbol": "star", "size": 11, "color": colour}
    figure.add_scatter(
        x=[sweep.layers[best]], y=[mean[best]], mode="markers", marker=star, showlegend=False, row=row, col=1
    )


def _marks(figure: go.Figure, made: Sequence[Choice], row: int, span: float) -> None:
    """What was picked: a row of marks above the plot for each estimate; `span`: of the scores' axis."""
    for place, (name, symbol) in enumerate(SHOWN.items()):
        layers = [choice.layer for choice in made if choice.way == name]
        if not layers:
            continue
        seen = {trace.legendgroup for trace in figure.data if trace.showlegend is not False}
        look = {"symbol": symbol, "size": 9, "color": LIGHT.ink, "line": {"width": 1.5, "color": LIGHT.ink}}
        figure.add_scatter(
            x=layers,
            y=[1 + (0.1 + 0.11 * place) * span] * len(layers),
            mode="markers",
            marker=look,
            name=f"picked by {name}",
            legendgroup=name,
            showlegend=name not in seen,
            row=row,
            col=1,
        )


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
