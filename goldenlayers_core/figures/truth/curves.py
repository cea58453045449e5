"""Numbers over layers: what real edits do, metric by metric, and whether an estimate ranks the layers as they do."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import dress, interval_band, layer_axis
from goldenlayers_core.figures.log_axis import log_axis
from goldenlayers_core.figures.text import capital, counted, number, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import SCORE, Agreement, LayerCurve, metric

_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS: Final = ("circle", "square", "diamond", "cross", "x", "triangle-up")


def title_of(name: str) -> str:
    """What a curve is called: a metric's title, or "Score"."""
    return "Score" if name == "score" else metric(name).title


def unit_of(name: str) -> str:
    """The unit of a metric; the score is a share."""
    return "share" if name == "score" else metric(name).unit


def metric_curves(curves: Sequence[LayerCurve], golden: int, about: str, dark: bool = False) -> go.Figure:
    """Mean of each metric per layer, one panel per unit; the score, where it is among them, with its bootstrap band.

    `golden`: the golden layer, marked; `about`: method, requests and model in one sentence.
    customdata of a mark: [low, high, mean before the edit].
    """
    theme = colours(dark)
    absent, curves = [c for c in curves if not c.n_requests], [c for c in curves if c.n_requests]
    units = list(dict.fromkeys(unit_of(curve.name) for curve in curves)) or ["share"]
    body = 280 if len(units) == 1 else 180 * len(units)
    figure = make_subplots(rows=len(units), cols=1, shared_xaxes=True, vertical_spacing=22 / body)
    for place, curve in enumerate(curves):
        _curve(figure, curve, units.index(unit_of(curve.name)) + 1, _look(curve, place, theme), theme)
    for row, unit in enumerate(units, 1):
        shares = {"range": [-0.03, 1.03], "dtick": 0.2} if unit in ("share", "probability") else {}
        figure.update_yaxes(title_text=unit, row=row, col=1, **shares)
        if unit == "rank":
            ranks = [value for curve in curves if unit_of(curve.name) == unit for value in curve.mean]
            log_axis(figure, ranks, unit, row=row, col=1)
    n_layers = curves[0].n_layers if curves else 1
    layer_axis(figure, n_layers)
    figure.add_vline(x=golden, line={"color": theme.gold, "width": 2}, layer="below", name="golden layer")
    figure.update_layout(showlegend=True, legend={"entrywidth": 158, "entrywidthmode": "pixels"})
    return dress(
        figure,
        dark=dark,
        title=_curves_finding(curves, golden),
        subtitle=_curves_definition(curves, absent, about),
        kind=f"Line chart of {counted(len(curves), 'metric')} over {counted(n_layers, 'layer')}",
        body=body,
        bottom=52 + 20 * math.ceil(max(len(curves), 1) / 2),
    )


def _look(curve: LayerCurve, place: int, theme: Colours) -> dict[str, str]:
    colour = theme.ink if curve.name == "score" else theme.series[place % len(theme.series)]
    return {"color": colour, "dash": _DASHES[place % len(_DASHES)], "symbol": _SYMBOLS[place % len(_SYMBOLS)]}


def _curve(figure: go.Figure, curve: LayerCurve, row: int, look: dict[str, str], theme: Colours) -> None:
    low, high = curve.interval.T
    if curve.name == "score":
        interval_band(figure, curve.layers, low, high, theme, showlegend=False, row=row, col=1)
    before = [curve.before if math.isfinite(curve.before) else None] * len(curve.layers)
    told = "" if before[0] is None else "<br>before the edit %{customdata[2]:.3g}"
    figure.add_scatter(
        x=curve.layers,
        y=[float(value) if math.isfinite(value) else None for value in curve.mean],
        mode="lines+markers",
        name=title_of(curve.name),
        line={"color": look["color"], "dash": look["dash"], "width": 3 if curve.name == "score" else 1.8},
        marker={"symbol": look["symbol"], "size": 5, "color": look["color"]},
        customdata=[list(row) for row in zip(low, high, before, strict=True)],
        hovertemplate=(
            f"<b>{title_of(curve.name)}</b>, layer %{{x}}<br>mean %{{y:.3g}}, 95 % interval %{{customdata[0]:.3g}} to "
            f"%{{customdata[1]:.3g}}{told}<extra></extra>"
        ),
        row=row,
        col=1,
    )


def _curves_finding(curves: Sequence[LayerCurve], golden: int) -> str:
    shown = [curve for curve in curves if golden in curve.layers]
    if not shown:
        return "Choose a metric to draw"
    at = {curve.name: float(curve.mean[curve.layers.index(golden)]) for curve in shown}
    parts = [f"{_said(name)} {number(value, 2)}" for name, value in at.items() if math.isfinite(value)]
    return f"At the golden layer {golden}: {', '.join(parts[:4])}"


def _said(name: str) -> str:
    title = title_of(name)
    return title if "(" in title else title.lower()


def _curves_definition(curves: Sequence[LayerCurve], absent: Sequence[LayerCurve], about: str) -> str:
    lines = [
        f"{SCORE}." if curve.name == "score" else f"{title_of(curve.name)}: {metric(curve.name).definition}"
        for curve in curves
    ]
    least, most = min((c.n_requests for c in curves), default=0), max((c.n_requests for c in curves), default=0)
    over = f"Means over {counted(most, 'request')}" + (f" (at least {least:,})" if least < most else "")
    band = " Band: 95 % bootstrap interval of the score." if any(curve.name == "score" for curve in curves) else ""
    none = f"No request here has {', '.join(title_of(c.name).lower() for c in absent)} probes." if absent else ""
    return sentences((*lines, none, f"{over}.{band} Gold line: the golden layer.", about))


def agreement_scatter(found: Agreement, about: str, dark: bool = False) -> go.Figure:
    """Rank of each layer by an estimate (across) and by real edits (up), the layers written as their numbers.

    Rank 1 is the best and stands at the right and at the top: an estimate that agrees lies on the rising diagonal.
    customdata of a mark: [layer, estimate, mean real score].
    """
    theme = colours(dark)
    layers = len(found.layers)
    figure = go.Figure(_layer_marks(found, theme))
    figure.add_shape(
        type="line", x0=layers, y0=layers, x1=1, y1=1, line={"color": theme.muted, "width": 1, "dash": "dot"}
    )
    marks = sorted({1, *range(5, layers + 1, 5)}) if layers > 6 else list(range(1, layers + 1))
    span = [layers + 0.8, 0.2]
    figure.update_xaxes(range=span, tickvals=marks, zeroline=False, title_text=f"rank by {found.estimator} (1: best)")
    figure.update_yaxes(range=span, tickvals=marks, zeroline=False, title_text="rank by real edits (1: best)")
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_agreement_finding(found),
        subtitle=sentences(
            (
                "Each mark is a layer; on the dotted line both rank it alike. Gold square: the golden layer by real "
                f"edits ({found.golden_layer}); rust square: {found.estimator}'s pick ({found.pick}).",
                f"{capital(found.estimator)} over {counted(found.n_estimated, 'request')}, real edits over "
                f"{counted(found.n_requests, 'request')}. Ties share their mean rank.{_interval(found)}",
                about,
            )
        ),
        kind=f"Scatter plot of the ranks of {counted(layers, 'layer')}",
        body=330,
        bottom=48,
    )


def _layer_marks(found: Agreement, theme: Colours) -> go.Scatter:
    frame = found.to_frame()
    colour = [
        theme.gold if layer == found.golden_layer else theme.rust if layer == found.pick else theme.slate
        for layer in found.layers
    ]
    special = (found.golden_layer, found.pick)
    return go.Scatter(
        x=frame["estimate_rank"],
        y=frame["real_rank"],
        mode="markers+text",
        name="layers",
        text=[str(layer) for layer in found.layers],
        textfont={"size": 11, "color": theme.background, "weight": 600},
        textposition="middle center",
        marker={"size": 21, "color": colour, "symbol": ["square" if x in special else "circle" for x in found.layers]},
        customdata=[list(row) for row in zip(found.layers, found.estimate, found.real, strict=True)],
        hovertemplate=(
            "<b>layer %{customdata[0]}</b><br>rank %{x:.3g} by the estimate (%{customdata[1]:.3g})<br>"
            "rank %{y:.3g} by real edits (mean score %{customdata[2]:.3f})<extra></extra>"
        ),
    )


def _agreement_finding(found: Agreement) -> str:
    rho, estimator = found.correlation, capital(found.estimator)
    if rho is None:
        return f"{estimator} and real edits cannot be compared over {counted(len(found.layers), 'layer')}"
    how = "as real edits do" if rho >= 0.8 else "roughly as real edits do" if rho >= 0.5 else "unlike real edits"
    if rho <= -0.3:
        how = "against real edits"
    return f"{estimator} ranks the layers {how}: Spearman correlation {number(rho, 2)}"


def _interval(found: Agreement) -> str:
    if found.low is None or found.high is None or not np.isfinite([found.low, found.high]).all():
        return ""
    return (
        f" 95 % bootstrap interval of the correlation, over the sweep's requests: {number(found.low, 2)} to "
        f"{number(found.high, 2)}."
    )
