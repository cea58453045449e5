"""Where single requests have their best layers: by real edits, ties as ties, and by an estimate."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import BAR, dress, layer_axis
from goldenlayers_core.figures.text import counted, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import BestLayers


def best_layers(found: BestLayers, about_sweep: str, dark: bool = False) -> go.Figure:
    """Share of requests each layer is the best of, ties as ties; beneath it the same by an estimate, if there is one.

    customdata of a bar of the upper panel: [layer, share, share for which it is the only one].
    """
    theme = colours(dark)
    panels = 1 if found.estimated is None else 2
    figure = make_subplots(rows=panels, cols=1, shared_xaxes=True, vertical_spacing=0.12 if panels > 1 else 0)
    _real(figure, found, theme)
    if found.estimated is not None:
        _estimated(figure, found, theme)
    layer_axis(figure, found.n_layers)
    figure.update_layout(barmode="stack", showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_best_finding(found),
        subtitle=_definition(found, about_sweep),
        kind=f"Bar chart of the best layers of {counted(found.n_requests, 'request')}",
        body=230 if panels == 1 else 380,
        bottom=78,
    )


def _real(figure: go.Figure, found: BestLayers, theme: Colours) -> None:
    details = [list(row) for row in zip(found.layers, found.share, found.alone, strict=True)]
    fill = [theme.gold if layer == found.golden_layer else theme.blue for layer in found.layers]
    for name, height, opacity in (
        ("only best layer", found.alone, 1.0),
        ("tied for the best", found.share - found.alone, 0.45),
    ):
        figure.add_bar(
            x=found.layers,
            y=height,
            name=name,
            width=BAR,
            marker={"line": {"width": 0}, "color": fill},
            opacity=opacity,  # of the trace, so that the legend tells the two apart
            customdata=details,
            hovertemplate=(
                "<b>layer %{x}</b><br>among the best for %{customdata[1]:.0%} of requests, the only best for "
                "%{customdata[2]:.0%}<extra></extra>"
            ),
            row=1,
            col=1,
        )
    figure.update_yaxes(title_text="by real edits", tickformat=".0%", rangemode="tozero", row=1, col=1)


def _estimated(figure: go.Figure, found: BestLayers, theme: Colours) -> None:
    figure.add_bar(
        x=np.arange(found.n_layers),
        y=found.estimated,
        name=found.estimator,
        width=BAR,
        marker={"color": theme.rust, "line": {"width": 0}},
        hovertemplate="<b>layer %{x}</b><br>largest estimate for %{y:.0%} of requests<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_yaxes(title_text=f"by {found.estimator}", tickformat=".0%", rangemode="tozero", row=2, col=1)


def _definition(found: BestLayers, about_sweep: str) -> str:
    beneath = (
        f"Below: layer with the request's largest value by {found.estimator}, over "
        f"{counted(found.n_estimated, 'request')}."
        if found.estimated is not None
        else ""
    )
    near = "equals the request's best" if found.epsilon < 1e-6 else f"is within {number(found.epsilon, 2)} of its best"
    return sentences(
        (
            f"Share of requests whose real score at the layer {near}; ties count for every layer, so the bars sum to "
            f"more than 100 %. Faint: tied with another layer. Gold: the golden layer {found.golden_layer}.",
            beneath,
            about_sweep,
        )
    )


def _best_finding(found: BestLayers) -> str:
    golden = float(found.share[found.layers.index(found.golden_layer)]) if found.golden_layer in found.layers else 0.0
    text = f"The golden layer {found.golden_layer} is among the best layers of {percent(golden)} of the requests"
    if found.estimated is None:
        return text
    guess = int(found.estimated.argmax())
    if guess not in found.layers:
        return text
    real = float(found.share[found.layers.index(guess)])
    return f"{text}; the layer that {found.estimator} names most often, {guess}, of {percent(real)}"
