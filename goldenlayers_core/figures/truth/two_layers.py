"""The mean real score of every layer with two of them marked: the one real edits name, and the one gradients name."""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, interval_band, layer_axis
from goldenlayers_core.figures.text import counted, number
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import SCORE, LayerCurve

_HALF: Final = 0.19  # of the axis: half a name in the largest type on the narrowest screen
_NAME: Final = 0.16  # of the score: how high a name stands
_EDGE: Final = 0.2  # of the axis: nearer to its end a name begins or ends at its layer


def two_layers(curve: LayerCurve, real: int, gradients: int | None, dark: bool = False) -> go.Figure:
    """The curve of real edits, `real` marked in gold and `gradients` in rust where it is another layer and measured."""
    theme = colours(dark)
    figure = go.Figure()
    low, high = curve.interval.T
    interval_band(figure, curve.layers, low, high, theme, name="95 % interval")
    figure.add_scatter(
        x=curve.layers,
        y=curve.mean,
        mode="lines",
        name="mean real score",
        line={"color": theme.ink, "width": 3},
        hovertemplate="<b>layer %{x}</b><br>mean real score %{y:.3f}<extra></extra>",
    )
    means = dict(zip(curve.layers, map(float, curve.mean), strict=True))
    title = f"Layer {real} scores {number(means[real], 2)} by real edits"
    _mark(figure, curve, real, "real edits", theme.gold, theme)
    if gradients is not None and gradients != real and gradients in means:
        _mark(figure, curve, gradients, "gradients", theme.rust, theme, below=True)
        title += f", layer {gradients} by gradients {number(means[gradients], 2)}"
    layer_axis(figure, curve.n_layers)
    lowest = min([note.y - _NAME for note in figure.layout.annotations if note.yanchor == "top"], default=0.0)
    figure.update_yaxes(range=[min(lowest, 0.0), 1], tickvals=[0, 0.5, 1], title_text="mean real score", zeroline=False)
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=title,
        subtitle=f"{SCORE}. Line: mean over {counted(curve.n_requests, 'request')}; band: 95 % interval of "
        f"{curve.n_resamples:,} bootstrap resamples (seed {curve.seed}).",
        kind=f"Mean real score of {counted(len(curve.layers), 'layer')}, as a line",
        body=260,
        bottom=44,
        above=8,
    )


def _mark(
    figure: go.Figure, curve: LayerCurve, layer: int, who: str, colour: str, theme: Colours, below: bool = False
) -> None:
    """A dot on the curve, and the layer's name above everything that is drawn around it, or `below`; a line joins
    them."""
    place, last = curve.layers.index(layer), max(curve.n_layers - 1, 1)
    mean, share = float(curve.mean[place]), layer / last
    side = "left" if share < _EDGE else "right" if share > 1 - _EDGE else "center"
    reach = {"left": (0.0, 2 * _HALF), "right": (-2 * _HALF, 0.0), "center": (-_HALF, _HALF)}[side]
    under = [share + reach[0] <= other / last <= share + reach[1] for other in curve.layers]
    bounds = curve.interval[under]
    height = float(np.nanmin(bounds) if below else np.nanmax(bounds))
    figure.add_scatter(
        x=[layer],
        y=[mean],
        mode="markers",
        name=who,
        marker={"size": 18, "color": colour, "line": {"width": 2, "color": theme.background}},
        hovertemplate=f"{who}: layer {layer}<extra></extra>",
    )
    figure.add_shape(
        type="line", x0=layer, x1=layer, y0=mean, y1=height, line={"color": colour, "width": 2}, layer="below", name=who
    )
    figure.add_annotation(
        x=layer,
        y=height,
        yanchor="top" if below else "bottom",
        yshift=-4 if below else 4,
        xanchor=side,
        text=f"{who}: {layer}",
        showarrow=False,
        font={"size": 12, "weight": 600, "color": theme.ink},
        name=who,
    )
