"""One request of a sweep under the glass: what the edit did at every layer."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.scores.cells import of_sweep
from goldenlayers_core.figures.text import counted, layer_list, number, sentences
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.figures.truth.sweep import column_axis
from goldenlayers_core.results import PROBE_METRICS, SCORE, SweepResult, metric


def request_layers(sweep: SweepResult, index: int, layer: int, dark: bool = False) -> go.Figure:
    """One request at every layer: what each kind of probe did, and the new target's probability, `layer` marked.

    Raises ConfigError where `index` or `layer` is none of the sweep's.
    """
    if not 0 <= index < sweep.n_requests or layer not in sweep.layers:
        raise ConfigError(
            f"Request {index} at layer {layer} was asked for; this sweep has requests 0 to {sweep.n_requests - 1} and "
            f"{layer_list(sweep.layers)}."
        )
    theme, told = colours(dark), of_sweep(sweep).told(index)
    place = sweep.layers.index(layer)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.42, 0.58])
    _strips(figure, sweep, index, theme)
    _lines(figure, sweep, index, theme)
    column_axis(figure, sweep.layers, sweep.n_layers)
    figure.add_vrect(
        x0=place - 0.5, x1=place + 0.5, line={"color": theme.gold, "width": 2}, fillcolor="rgba(0,0,0,0)", name="layer"
    )
    figure.update_layout(showlegend=True)
    score, best = float(sweep.score[index, place]), float(sweep.score[index].max())
    return dress(
        figure,
        dark=dark,
        title=f"At layer {layer} this request scores {number(score, 2)}; its best layer {number(best, 2)}",
        subtitle=sentences(
            (
                told,
                f"1 request at {counted(len(sweep.layers), 'layer')}. Strips: share of the probes of each kind that "
                f"came out as wished (empty: none). {SCORE}. P(new): probability of the new target "
                "after the edit. Gold: the layer chosen.",
            )
        ),
        kind=f"Four strips and two lines over {counted(len(sweep.layers), 'layer')}",
        body=330,
        bottom=76,
    )


def _strips(figure: go.Figure, sweep: SweepResult, index: int, theme: Colours) -> None:
    figure.add_heatmap(
        x=np.arange(len(sweep.layers)),
        y=[metric(name).title for name in PROBE_METRICS],
        z=np.stack([sweep.of(name)[index] for name in PROBE_METRICS]),  # (4, L)
        zmin=0,
        zmax=1,
        colorscale=colour_scale(theme.sequential),
        showscale=False,
        xgap=1,
        ygap=2,
        customdata=np.tile(np.asarray(sweep.layers), (len(PROBE_METRICS), 1)),
        hovertemplate="<b>%{y}</b>, layer %{customdata}: %{z:.0%} as wished<extra></extra>",
        row=1,
        col=1,
    )
    figure.update_yaxes(autorange="reversed", row=1, col=1)


def _lines(figure: go.Figure, sweep: SweepResult, index: int, theme: Colours) -> None:
    for name, values, colour, dash in (
        ("score", sweep.score[index], theme.ink, "solid"),
        ("P(new)", sweep.of("p_new")[index], theme.rust, "dash"),
    ):
        figure.add_scatter(
            x=np.arange(len(sweep.layers)),
            y=[float(value) if np.isfinite(value) else None for value in values],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 1.8, "dash": dash},
            marker={"size": 5},
            customdata=list(sweep.layers),
            hovertemplate=f"<b>layer %{{customdata}}</b><br>{name} %{{y:.3f}}<extra></extra>",
            row=2,
            col=1,
        )
    figure.update_yaxes(range=[-0.03, 1.03], dtick=0.25, zeroline=False, title_text="score, P(new)", row=2, col=1)
