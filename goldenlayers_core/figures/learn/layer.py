"""Lesson 4: the rates of a sweep over the layers, with a marker that follows the scrubber."""

from typing import Final

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.frame import dress, layer_axis
from goldenlayers_core.figures.text import counted, layer_list, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.results import SCORE, SweepResult

# (metric, name in the legend, colour of the palette, dash, symbol)
_CURVES: Final = (
    ("rewrite", "new answer said", 1, "solid", "circle"),
    ("rephrase", "rephrases follow", 3, "dash", "square"),
    ("locality", "neighbours stay", 0, "dot", "diamond"),
    ("portability", "consequences follow", 2, "dashdot", "triangle-up"),
)


def layer_rates(sweep: SweepResult, layer: int, dark: bool = False) -> go.Figure:
    """Mean of each kind of probe, and of the score, at every layer measured; `layer` marked.

    customdata of a mark: [requests that have such probes]. Raises ConfigError for a layer that was not measured.
    """
    if layer not in sweep.layers:
        raise ConfigError(f"Layer {layer} was asked for; this sweep measured {layer_list(sweep.layers)}.")
    theme, figure = colours(dark), go.Figure()
    _curves(figure, sweep, theme)
    figure.add_vline(x=layer, line={"color": theme.ink, "width": 2, "dash": "dot"}, name="scrubber")
    golden = sweep.golden_layer
    figure.add_vline(x=golden, line={"color": theme.gold, "width": 6}, opacity=0.45, layer="below", name="golden layer")
    layer_axis(figure, sweep.n_layers)
    figure.update_xaxes(title_text="layer edited (0 is the first block)")
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", dtick=0.25, zeroline=False)
    figure.update_layout(showlegend=True, legend={"entrywidth": 150, "entrywidthmode": "pixels"})
    return dress(
        figure,
        dark=dark,
        title=_finding(sweep, layer),
        subtitle=sentences(
            (
                f"Means over {counted(sweep.n_requests, 'request')}: share of each kind of probe that came out as "
                f"wished. Answers by greedy generation. {SCORE}.",
                f"Dotted: the layer of the scrubber. Gold: the golden layer {golden}, the best on average.",
                about(sweep),
            )
        ),
        kind=f"Line chart of the rates of real edits over {counted(len(sweep.layers), 'layer')}",
        body=300,
        bottom=112,
    )


def _curves(figure: go.Figure, sweep: SweepResult, theme: Colours) -> None:
    """One line per kind of probe that some request has, and the score above them."""
    for name, words, colour, dash, symbol in _CURVES:
        have = int((~np.isnan(sweep.of(name))).all(axis=1).sum())
        if not have:
            continue
        figure.add_scatter(
            x=sweep.layers,
            y=sweep.mean(name),
            mode="lines+markers",
            name=words,
            line={"color": theme.series[colour], "width": 1.8, "dash": dash},
            marker={"symbol": symbol, "size": 6},
            customdata=[[have]] * len(sweep.layers),
            hovertemplate=f"<b>layer %{{x}}</b><br>{words}: %{{y:.0%}} over %{{customdata[0]}} requests<extra></extra>",
        )
    figure.add_scatter(
        x=sweep.layers,
        y=sweep.mean("score"),
        mode="lines+markers",
        name="score",
        legendrank=1,
        line={"color": theme.ink, "width": 3},
        marker={"size": 6},
        customdata=[[sweep.n_requests]] * len(sweep.layers),
        hovertemplate="<b>layer %{x}</b><br>score %{y:.3f} over %{customdata[0]} requests<extra></extra>",
    )


def _finding(sweep: SweepResult, layer: int) -> str:
    place = sweep.layers.index(layer)
    took, stayed = float(sweep.mean("rewrite")[place]), float(sweep.mean("locality")[place])
    score = float(sweep.mean("score")[place])
    neighbours = "" if np.isnan(stayed) else f", {percent(stayed)} of the neighbours stay"
    return f"Layer {layer}: {percent(took)} of the edits take{neighbours}, score {number(score, 2)}"
