"""The first minute's picture: layer scores as they come in, one row per fact, and the layer that is named."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, layer_axis, mark_column
from goldenlayers_core.figures.scores.selection import UNIT
from goldenlayers_core.figures.text import counted, escape, number, percent, sentences, shorten
from goldenlayers_core.figures.theme import colour_scale, colours
from goldenlayers_core.results import Floats
from goldenlayers_core.results.present.tour import Tour

_STRONG: Final = 0.9  # quantile of a row's |value| that gets the full colour
_ROW: Final = 7  # px


def tour_values(tour: Tour) -> Floats:
    """(Q, L) layer scores so far; NaN where a fact has none yet."""
    values = np.full((len(tour.prompts), tour.n_layers), np.nan)
    for place, row in enumerate(tour.rows):
        if row:
            values[place] = row
    return values


def tour_heatmap(tour: Tour, values: Floats, prompts: Sequence[str], dark: bool = False) -> go.Figure:
    """Layer scores of the tour's facts, those without one left blank; once it is named, gradients' layer is framed.

    `values`: (Q, L), NaN where there is none yet; `prompts`: (Q,). A row's colours do not change when others come in:
    each is divided by the 90th percentile of its own |value|.
    """
    theme = colours(dark)
    figure = go.Figure(
        go.Heatmap(
            z=_shades(values),
            zmin=-1,
            zmax=1,
            colorscale=colour_scale(theme.diverging),
            showscale=False,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            customdata=values,
            text=[[escape(shorten(prompt, 60))] * values.shape[1] for prompt in prompts],
            hovertemplate="<b>%{text}</b><br>layer %{x}: %{customdata:.3g}<extra></extra>",
        )
    )
    layer_axis(figure, tour.n_layers)
    figure.update_yaxes(range=[len(prompts) - 0.5, -0.5], showticklabels=False, showgrid=False, zeroline=False)
    figure.update_yaxes(title_text=counted(len(prompts), "fact"))
    named = tour.golden_layer >= 0
    if named:
        label = f"gradients: {tour.golden_layer}"
        mark_column(figure, tour.golden_layer, tour.n_layers, len(prompts), theme, label=label)
    return dress(
        figure,
        dark=dark,
        title=_finding(tour),
        subtitle=_definition(tour),
        kind=f"Heatmap of {counted(len(prompts), 'fact')} by {counted(tour.n_layers, 'layer')}, "
        f"{tour.n_scored} of them scored",
        body=max(_ROW * len(prompts), 90),
        bottom=44,
        above=22 if named else 0,
    )


def _shades(values: Floats) -> Floats:
    """(Q, L) in [-1, 1]; NaN stays."""
    sizes = np.abs(values)
    strong = np.array([np.quantile(row, _STRONG) if not np.isnan(row).any() else np.nan for row in sizes])
    shades: Floats = np.divide(values, strong[:, None], out=np.zeros_like(values), where=strong[:, None] != 0)
    return np.clip(shades, -1, 1)


def _finding(tour: Tour) -> str:
    if tour.golden_layer < 0:
        return f"{tour.n_scored} of {counted(len(tour.prompts), 'fact')} scored at {counted(tour.n_layers, 'layer')}"
    return (
        f"Over {counted(len(tour.prompts), 'fact')} gradients name layer {tour.golden_layer}; "
        f"{percent(tour.stability)} of resamples pick it again"
    )


def _definition(tour: Tour) -> str:
    return sentences(
        (
            "A row is a fact, a column a layer. Rust: there the gradients of the old and the new answer agree; blue: "
            "they oppose each other.",
            f"LGA, scope mlp, in {UNIT}; a row's strongest tenth has the full colour. "
            f"{number(len(tour.prompts))} requests of {tour.scored}; {tour.model}.",
        )
    )
