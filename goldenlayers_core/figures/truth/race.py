"""A budgeted search: which layers took part in each round, what they scored, and which went on."""

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, mark_column
from goldenlayers_core.figures.scores.cells import share_bar
from goldenlayers_core.figures.text import counted, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.figures.truth.sweep import column_axis
from goldenlayers_core.results import SCORE, SearchResult


def race(found: SearchResult, dark: bool = False) -> go.Figure:
    """Rounds by layers: mean real score so far of every layer that took part; blank where it had been eliminated.

    customdata of a cell: [layer, requests drawn so far, "goes on" or "leaves"].
    """
    theme, layers = colours(dark), list(found.layers)
    body = max(34 * len(found.rounds), 100)
    figure = go.Figure(_cells(found, body, theme))
    place = layers.index(found.golden_layer)
    mark_column(figure, place, len(layers), len(found.rounds), theme, label=f"layer {found.golden_layer}")
    column_axis(figure, found.layers, found.n_layers)
    figure.update_yaxes(
        range=[len(found.rounds) - 0.5, -0.5],
        tickvals=list(range(len(found.rounds))),
        ticktext=[f"round {r + 1}<br>{counted(one.n_requests, 'request')}" for r, one in enumerate(found.rounds)],
        showgrid=False,
        zeroline=False,
    )
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=_definition(found),
        kind=f"Heatmap of {counted(len(found.rounds), 'round')} by {counted(len(layers), 'layer')}",
        body=body,
        bottom=96,
        above=22,
    )


def _finding(found: SearchResult) -> str:
    """A layer is left where the race was run; before that one is ahead."""
    rounds = f"{counted(len(found.rounds), 'round')} of real edits"
    if found.finished:
        said = f"Layer {found.golden_layer} is left after {rounds}"
    else:
        said = f"Stopped after {rounds}: layer {found.golden_layer} is ahead so far"
    return f"{said}; confidence {percent(found.confidence)}"


def _cells(found: SearchResult, body: int, theme: Colours) -> go.Heatmap:
    layers = list(found.layers)
    means = np.full((len(found.rounds), len(layers)), np.nan)
    details = np.full((len(found.rounds), len(layers), 3), "", dtype=object)
    for r, one in enumerate(found.rounds):
        for layer, mean in zip(one.layers, one.means, strict=True):
            place = layers.index(layer)
            means[r, place] = mean
            details[r, place] = [layer, one.n_requests, "goes on" if layer in one.kept else "leaves"]
    return go.Heatmap(
        z=means,
        zmin=0,
        zmax=1,
        colorscale=colour_scale(theme.sequential),
        customdata=details,
        xgap=1,
        ygap=2,
        hoverongaps=False,
        hovertemplate=(
            "<b>layer %{customdata[0]}</b> %{customdata[2]}<br>mean score %{z:.3f} over %{customdata[1]} "
            "requests<extra></extra>"
        ),
        colorbar=share_bar(theme, "mean real score", body),
    )


def _definition(found: SearchResult) -> str:
    lead = ""
    if found.lead is not None:
        low, high = number(found.lead[1], 2), number(found.lead[2], 2)
        lead = (
            f"Lead over the runner-up, layer {found.rival}: {number(found.lead[0], 2)} (95 % bootstrap interval {low} "
            f"to {high})."
        )
    ended = "Every round was run." if found.finished else "It stopped because its time or its requests ran out."
    return sentences(
        (
            f"{SCORE}. A round edits the layers still in it with further requests; the better ones go on (sequential "
            f"halving{_judged(found)}). Blank: not edited in that round.",
            f"{_confidence(found)} {lead}",
            f"{found.n_pairs:,} edits, {percent(min(found.share_of_sweep, 1.0))} of a full sweep, in "
            f"{number(found.seconds, 2)} s of {number(found.budget, 2)} s{_stored(found)}. {ended}{_apart(found)}",
            f"Began with: {found.prior}. {found.used.edits} of {found.dataset}; {found.model}; seed {found.seed}.",
        )
    )


def _judged(found: SearchResult) -> str:
    return ", a layer judged by its neighbours' scores and the estimate, too" if found.neighbours else ""


def _confidence(found: SearchResult) -> str:
    """What the confidence is."""
    if found.neighbours:
        return "Confidence = probability that the layer is the best one, by everything measured and the estimate."
    return (
        "Confidence = share of bootstrap resamples of the requests drawn in which the layer is the best of the last "
        "round."
    )


def _apart(found: SearchResult) -> str:
    """What the seconds hold, and what they do not."""
    parts = [f"estimating took {number(found.estimating, 2)} s of it"] if found.estimating >= 0.5 else []
    parts += [f"making the model ready {number(found.loading, 2)} s before it"] if found.loading >= 0.5 else []
    told = ", ".join(parts)
    return f" {told[0].upper()}{told[1:]}." if told else ""


def _stored(found: SearchResult) -> str:
    """How much of it was in the store."""
    if found.n_computed is None or found.n_computed >= found.n_pairs:
        return ""
    return f" ({found.n_pairs - found.n_computed:,} of them were in the store)"
