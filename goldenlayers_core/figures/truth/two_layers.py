"""The mean real score of every layer with two of them marked: the one real edits name, and the one gradients name."""

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, interval_band, layer_axis
from goldenlayers_core.figures.text import counted, number
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import SCORE, LayerCurve


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
    _mark(figure, (real, curve.n_layers), means[real], "real edits", theme.gold, theme)
    if gradients is not None and gradients != real and gradients in means:
        _mark(figure, (gradients, curve.n_layers), means[gradients], "gradients", theme.rust, theme, below=True)
        title += f", layer {gradients} by gradients {number(means[gradients], 2)}"
    layer_axis(figure, curve.n_layers)
    figure.update_yaxes(range=[0, 1], title_text="mean real score", zeroline=False)
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
    figure: go.Figure,
    place: tuple[int, int],
    mean: float,
    who: str,
    colour: str,
    theme: Colours,
    below: bool = False,
) -> None:
    """A dot on the curve at the layer of (layer, layers), and the layer's name above it, or `below`."""
    layer, n_layers = place
    figure.add_scatter(
        x=[layer],
        y=[mean],
        mode="markers",
        name=who,
        marker={"size": 18, "color": colour, "line": {"width": 2, "color": theme.background}},
        hovertemplate=f"{who}: layer {layer}<extra></extra>",
    )
    share = layer / max(n_layers - 1, 1)
    side = "left" if share < 0.2 else "right" if share > 0.8 else "center"
    figure.add_annotation(
        x=layer,
        y=mean,
        yanchor="top" if below else "bottom",
        yshift=-16 if below else 16,
        xanchor=side,
        text=f"{who}: {layer}",
        showarrow=False,
        font={"size": 12, "weight": 600, "color": theme.ink},
        name=who,
    )
