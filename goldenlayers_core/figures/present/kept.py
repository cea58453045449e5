"""Sweeps in front of people: the one line that matters over the layers, and the few ways whose regret is talked of."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, layer_axis
from goldenlayers_core.figures.text import MINUS, counted, number, percent
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.figures.truth.card import provenance, way_colour
from goldenlayers_core.results import SCORE, LayerCard, LayerCurve, Pick

_WORDS: Final = (("locality", "neighbours stay"), ("rewrite", "takes"), ("rephrase", "rephrased"))
MOST: Final = 4  # ways


def kept_lines(curves: Sequence[LayerCurve], golden: int, about: str, dark: bool = False) -> go.Figure:
    """Share of neighbours that stay after an edit at each layer, drawn thick; thin beside it whether the edit takes.

    `golden`: the golden layer, marked; `about`: method, requests and model in one sentence.
    """
    theme = colours(dark)
    by_name = {curve.name: curve for curve in curves if curve.n_requests}
    shown = [(by_name[name], words) for name, words in _WORDS if name in by_name]
    figure = go.Figure()
    looks = ((theme.ink, "solid", 4.0), (theme.series[0], "solid", 1.6), (theme.series[1], "dash", 1.6))
    for (curve, words), (colour, dash, width) in reversed(list(zip(shown, looks, strict=False))):
        figure.add_scatter(
            x=curve.layers,
            y=curve.mean,
            mode="lines+markers" if len(curve.layers) < 3 else "lines",
            name=words,
            line={"color": colour, "dash": dash, "width": width},
            hovertemplate=f"<b>{words}</b>, layer %{{x}}: %{{y:.2f}}<extra></extra>",
        )
    figure.add_vline(x=golden, line={"color": theme.gold, "width": 3}, layer="below", name="golden layer")
    n_layers = shown[0][0].n_layers if shown else 1
    layer_axis(figure, n_layers)
    figure.update_yaxes(range=[-0.03, 1.03], tickvals=[0, 0.5, 1], ticktext=[percent(share) for share in (0, 0.5, 1)])
    figure.update_layout(showlegend=True, legend={"traceorder": "reversed"})
    requests = max((curve.n_requests for curve, _ in shown), default=0)
    return dress(
        figure,
        dark=dark,
        title=_kept_finding(by_name.get("locality"), golden),
        subtitle="Share of probes that come out as wished after an edit at the layer. Neighbours keep their answer, "
        f"the fact takes, also in other words. Means over {counted(requests, 'request')}. Gold: the golden layer. "
        f"{about}",
        kind=f"Line chart of {counted(len(shown), 'kind')} of probe over {counted(n_layers, 'layer')}",
        body=260,
        bottom=76,
    )


def _kept_finding(kept: LayerCurve | None, golden: int) -> str:
    if kept is None or golden not in kept.layers or not np.isfinite(kept.mean).any():
        return "What an edit does at every layer"
    there, least = float(kept.mean[kept.layers.index(golden)]), int(np.nanargmin(kept.mean))
    if kept.layers[least] == golden:
        return f"At layer {golden}, {percent(there)} of neighbours stay, fewer than at any other layer"
    return (
        f"At layer {golden}, {percent(there)} of neighbours stay; at layer {kept.layers[least]}, "
        f"{percent(float(kept.mean[least]))}"
    )


def told_of(card: LayerCard) -> list[Pick]:
    """At most four ways whose layer was judged, least regret first: real edits, gradients, literature, the worst."""
    judged = [pick for pick in card.picks if pick.regret is not None]
    worst = max(judged, key=lambda pick: pick.regret or 0.0, default=None)
    wanted = ["sweep", "lga", "literature_default", *([worst.way] if worst else []), "edit_aware", "causal_trace"]
    order = list(dict.fromkeys(wanted))
    chosen = sorted((pick for pick in judged if pick.way in order), key=lambda pick: order.index(pick.way))[:MOST]
    return sorted(chosen, key=lambda pick: pick.regret or 0.0)


def few_regrets(card: LayerCard, dark: bool = False) -> go.Figure:
    """What the layers of at most four ways give away: a bar each, with the way, its layer and the number above it.

    customdata of a bar: [layer, way].
    """
    theme = colours(dark)
    rows = told_of(card)
    largest = max([*(pick.regret or 0.0 for pick in rows), 0.05])
    figure = go.Figure()
    for place, pick in enumerate(rows):
        _bar(figure, place, pick, theme)
    figure.update_xaxes(range=[0, largest * 1.04], visible=False)
    figure.update_yaxes(range=[max(len(rows), 1) - 0.45, -0.55], visible=False)
    figure.update_layout(showlegend=False, barmode="overlay")
    title = "No pick is judged by real edits yet"
    if rows:
        first, last = rows[0], rows[-1]
        title = f"{first.info.short} gives away {number(first.regret or 0.0, 2)}"
        if last is not first:
            title += f", {last.info.short} {number(last.regret or 0.0, 2)}"
    judged = sum(pick.regret is not None for pick in card.picks)
    return dress(
        figure,
        dark=dark,
        title=title,
        subtitle=f"Regret = mean over {counted(card.n_requests, 'request')} of (score at the request's own best layer "
        f"{MINUS} score at this layer). {SCORE}. Shown: {len(rows)} of {counted(judged, 'way')} that were judged. "
        f"{provenance(card)}",
        kind=f"Bar chart of the regret of {counted(len(rows), 'way')} to choose a layer",
        body=60 * max(len(rows), 1),
        bottom=12,
    )


def _bar(figure: go.Figure, place: int, pick: Pick, theme: Colours) -> None:
    regret = pick.regret or 0.0
    figure.add_bar(
        y=[place + 0.2],
        x=[regret],
        orientation="h",
        width=0.34,
        name=pick.info.short,
        marker={"color": way_colour(pick.way, theme)},
        customdata=[[pick.layer, pick.way]],
        hovertemplate=f"<b>{pick.info.short}</b>, layer {pick.layer}<br>regret %{{x:.3f}}<extra></extra>",
    )
    figure.add_annotation(
        x=0,
        y=place - 0.02,
        xanchor="left",
        yanchor="bottom",
        text=f"<b>{pick.info.short}</b>, layer {pick.layer}: {number(regret, 2)}",
        showarrow=False,
        font={"size": 12, "color": theme.ink},
        name="way",
    )
