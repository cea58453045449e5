"""One request under the glass: its value at every layer, and what the value is made of."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import BAR, dress, layer_axis
from goldenlayers_core.figures.log_axis import log_axis
from goldenlayers_core.figures.scores.cells import of_scores
from goldenlayers_core.figures.scores.selection import cut_bars, layer_groups, set_aside_sentence, value_definition
from goldenlayers_core.figures.text import counted, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import LayerScores, Selection


def request_profile(scores: LayerScores, index: int, selection: Selection, dark: bool = False) -> go.Figure:
    """Value per layer of request number `index`, with cosine and gradient norms beneath.

    value = cosine x norm of the old answer's gradient x norm of the new answer's gradient.

    Raises
    ------
    ConfigError: `index` is not a request of `scores`.
    """
    if scores.method == "damage":
        return _damage_profile(scores, index, selection, dark)
    theme, told = colours(dark), of_scores(scores).told(index)
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.07, row_heights=[0.5, 0.22, 0.28])
    _value_bars(figure, scores.values[index], selection, theme)
    _cosine_and_norms(figure, scores, index, theme)
    values = scores.values[index]
    cut = cut_bars(figure, values, selection, theme)
    layer_axis(figure, scores.n_layers)
    figure.update_layout(barmode="overlay", showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_finding(scores, index, selection),
        subtitle=sentences(
            (
                told,
                f"{value_definition(scores)} It is the cosine times both gradient norms (nats per unit of weight).",
                cut or set_aside_sentence(selection, "hatched"),
            )
        ),
        kind=f"Three panels over {counted(scores.n_layers, 'layer')}: value, cosine, gradient norms",
        body=430,
        bottom=92,
    )


def _damage_profile(scores: LayerScores, index: int, selection: Selection, dark: bool) -> go.Figure:
    """The damage per layer, nats per token on a logarithmic axis; without cosine and norms, which it has none of."""
    theme, damage = colours(dark), np.exp(-scores.values[index])
    figure = make_subplots(rows=1, cols=1)
    figure.add_scatter(
        x=np.arange(scores.n_layers),
        y=damage,
        mode="lines+markers",
        name="damage",
        line={"color": theme.ink, "width": 1.5},
        marker={"size": 5},
        hovertemplate="<b>layer %{x}</b><br>%{y:.2g} nats per token<extra></extra>",
    )
    figure.add_vline(x=selection.golden_layer, line={"color": theme.gold, "width": 2}, name="golden layer")
    layer_axis(figure, scores.n_layers)
    log_axis(figure, [*damage], "nats per token", row=1, col=1)
    best = int(scores.best_layers[index])
    return dress(
        figure,
        dark=dark,
        title=f"Of {scores.n_layers} layers an edit at layer {best} is predicted to do the least damage"
        + (", the golden layer" if best == selection.golden_layer else ""),
        subtitle=sentences((of_scores(scores).told(index), value_definition(scores))),
        kind=f"Line over {counted(scores.n_layers, 'layer')}: damage to general text",
        body=300,
        bottom=76,
    )


def _finding(scores: LayerScores, index: int, selection: Selection) -> str:
    values, golden = scores.values[index], selection.golden_layer
    best = int(scores.best_layers[index])
    if best == golden:
        return f"Layer {best}, the golden layer, has this request's largest value"
    place = 1 + int((values > values[golden]).sum())
    return (
        f"Layer {best} has this request's largest value; the golden layer {golden} is number {place} of {len(values)}"
    )


def _value_bars(figure: go.Figure, values: np.ndarray, selection: Selection, theme: Colours) -> None:
    for name, layers, marker in layer_groups(selection, theme):
        figure.add_bar(
            x=layers,
            y=values[layers],
            name=name,
            width=BAR,
            marker=marker,
            hovertemplate="<b>layer %{x}</b><br>value %{y:.3g}<extra></extra>",
            row=1,
            col=1,
        )
    figure.update_yaxes(title_text="value", nticks=6, row=1, col=1)


def _cosine_and_norms(figure: go.Figure, scores: LayerScores, index: int, theme: Colours) -> None:
    layers = np.arange(scores.n_layers)
    figure.add_scatter(
        x=layers,
        y=scores.cosine[index],
        mode="lines+markers",
        name="cosine",
        showlegend=False,
        line={"color": theme.ink, "width": 1.5},
        marker={"size": 4},
        hovertemplate="<b>layer %{x}</b><br>cosine %{y:.3f}<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_yaxes(title_text="cosine", range=[-1.05, 1.05], tickvals=[-1, 0, 1], row=2, col=1)
    norms = (
        ("gradient norm, old answer", scores.norm_old[index], theme.blue, "circle", "solid"),
        ("gradient norm, new answer", scores.norm_new[index], theme.rust, "square", "dash"),
    )
    for name, norm, colour, symbol, dash in norms:
        figure.add_scatter(
            x=layers,
            y=[float(value) if value > 0 else None for value in norm],  # a logarithmic axis has no place for 0
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 1.5, "dash": dash},
            marker={"size": 5, "symbol": symbol},
            hovertemplate="<b>layer %{x}</b><br>" + name + " %{y:.3g}<extra></extra>",
            row=3,
            col=1,
        )
    log_axis(figure, [*scores.norm_old[index], *scores.norm_new[index]], "norm", row=3, col=1)
