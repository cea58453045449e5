"""One number per layer: the summed scores behind the golden layer, and where single requests have their best layer."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.figures.frame import BAR, colour_bar, dress, layer_axis
from goldenlayers_core.figures.scores.selection import (
    PREDICTED_SCORE,
    UNIT,
    cut_bars,
    layer_groups,
    mark_layers,
    provenance,
    set_aside_sentence,
)
from goldenlayers_core.figures.text import TIMES, counted, escape, number, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.results import Floats, LayerScores, Selection

MAX_RELATIONS = 30


def totals_bars(selection: Selection, dark: bool = False, value: str = PREDICTED_SCORE) -> go.Figure:
    """S per layer with its 95 % bootstrap interval; golden layer in gold, layers set aside grey and hatched.

    Bars of layers set aside that would flatten all others are cut at the edge, with their value written there.
    customdata of a bar: [layer, low, high, rank, share of resamples]. `value`: what a mean is of (`mean_value`).
    """
    theme = colours(dark)
    figure = go.Figure()
    for name, layers, marker in layer_groups(selection, theme):
        _total_bars_of(figure, selection, layers, theme, {"name": name, "marker": marker})
    layer_axis(figure, len(selection.totals))
    figure.update_layout(barmode="overlay", showlegend=True, clickmode="event+select")
    mean = selection.by == "mean"
    figure.update_yaxes(title_text=f"mean {value.partition(',')[0]} S" if mean else "summed score S")
    notes = _cut_and_fences(figure, selection, theme)
    return dress(
        figure,
        dark=dark,
        title=_totals_finding(selection, value.partition(",")[0]),
        subtitle=sentences(
            (
                f"S = mean over {counted(selection.n_requests, 'request')} of the {value}; no fences apply."
                if mean
                else f"S = sum of the layer score over {counted(selection.n_requests, 'request')}; "
                f"for LGA, the inner product of the two answers' loss gradients, in {UNIT}.",
                f"Whiskers: 95 % interval of {selection.n_resamples:,} bootstrap resamples (seed {selection.seed}); "
                f"{percent(selection.stability)} of them pick layer {selection.golden_layer}.",
                set_aside_sentence(selection, "hatched"),
                notes,
            )
        ),
        kind=f"Bar chart of the summed score of {counted(len(selection.totals), 'layer')}",
        body=300,
        bottom=76,
    )


def _total_bars_of(
    figure: go.Figure, selection: Selection, layers: NDArray[np.int64], theme: Colours, look: dict[str, object]
) -> None:
    totals, (low, high) = selection.totals, selection.interval.T
    rank = {layer: f"rank {place + 1}" for place, layer in enumerate(selection.ranking)}
    figure.add_bar(
        x=layers,
        y=totals[layers],
        width=BAR,
        customdata=[
            [int(layer), low[layer], high[layer], rank.get(int(layer), "set aside"), selection.pick_share[layer]]
            for layer in layers
        ],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.maximum(high - totals, 0)[layers],
            "arrayminus": np.maximum(totals - low, 0)[layers],
            "color": theme.ink,
            "thickness": 1,
            "width": 2,
        },
        hovertemplate=(
            "<b>layer %{x}</b>, %{customdata[3]}<br>S %{y:.3g}<br>95 % interval %{customdata[1]:.3g} to "
            "%{customdata[2]:.3g}<br>picked in %{customdata[4]:.1%} of resamples<extra></extra>"
        ),
        **look,
    )


def _totals_finding(selection: Selection, value: str) -> str:
    aside, layers = len(selection.outliers), len(selection.raw_ranking)
    if not np.any(selection.totals):
        return f"Every layer's summed score is 0; layer {selection.golden_layer} is chosen only as the shallowest"
    if selection.by == "mean":
        return f"Layer {selection.golden_layer} has the largest mean {value}"
    among = " of those kept" if aside and selection.raw_ranking[0] != selection.golden_layer else ""
    rest = f"{aside} of {layers} layers {'is' if aside == 1 else 'are'} set aside" if aside else "none is set aside"
    return f"Layer {selection.golden_layer} has the largest summed score{among}; {rest}"


def _cut_and_fences(figure: go.Figure, selection: Selection, theme: Colours) -> str:
    totals, (low, high) = selection.totals, selection.interval.T
    notes = cut_bars(figure, totals, selection, theme, selection.interval)
    ends = figure.layout.yaxis.range or (min(low.min(), totals.min(), 0), max(high.max(), totals.max(), 0))
    drawn = [fence for fence in selection.fences if ends[0] <= fence <= ends[1]]
    for fence in drawn:
        figure.add_hline(y=fence, line={"color": theme.muted, "width": 1, "dash": "dot"}, name="fence")
    if drawn:
        notes = sentences((notes, f"Dotted: fences {number(selection.fences[0])} and {number(selection.fences[1])}."))
    return notes


def best_layer_distribution(
    scores: LayerScores, selection: Selection, by_relation: bool = False, dark: bool = False
) -> go.Figure:
    """How many requests have their largest value at each layer; or, by relation, the share of each relation's requests.

    Layers set aside count as well, so that the picture shows what the fences hide. customdata of a bar:
    [layer, share]; of a cell: [count, requests of the relation].
    """
    theme = colours(dark)
    counts = np.bincount(scores.best_layers, minlength=scores.n_layers)
    figure, kind, body, above = (
        _relation_cells(scores, selection, theme) if by_relation else _count_bars(counts, selection, theme)
    )
    layer_axis(figure, scores.n_layers, "layer with the request's largest value")
    return dress(
        figure,
        dark=dark,
        title=_distribution_finding(counts, selection),
        subtitle=sentences(
            (
                "Best layer: where a request's value is largest. "
                + ("Layers set aside count, too." if selection.by == "sum" else "Ties go to the shallower layer."),
                set_aside_sentence(selection, f"marked {TIMES}" if by_relation else "hatched"),
                provenance(scores),
            )
        ),
        kind=kind,
        body=body,
        bottom=96 if by_relation else 76,
        above=above,
    )


def _distribution_finding(counts: NDArray[np.int64], selection: Selection) -> str:
    top, golden, total = int(counts.argmax()), selection.golden_layer, int(counts.sum())
    if counts[golden] == counts[top]:
        return (
            f"The golden layer {golden} is the best layer of {counts[golden]:,} of {counted(total, 'request')}; "
            "no layer is more often"
        )
    aside = " (set aside)" if top in selection.outliers else ""
    return (
        f"Layer {top}{aside} is the best layer of {counts[top]:,} of {counted(total, 'request')}, "
        f"the golden layer {golden} of {counts[golden]:,}"
    )


def _count_bars(counts: NDArray[np.int64], selection: Selection, theme: Colours) -> tuple[go.Figure, str, int, int]:
    figure = go.Figure()
    share = counts / max(int(counts.sum()), 1)
    for name, layers, marker in layer_groups(selection, theme):
        figure.add_bar(
            x=layers,
            y=counts[layers],
            name=name,
            width=BAR,
            marker=marker,
            customdata=[[int(layer), float(share[layer])] for layer in layers],
            hovertemplate="<b>layer %{x}</b><br>best for %{y} requests (%{customdata[1]:.1%})<extra></extra>",
        )
    figure.update_layout(barmode="overlay", showlegend=True)
    figure.update_yaxes(title_text="requests", rangemode="tozero", tickformat=",d")
    if counts.max() <= 5:
        figure.update_yaxes(dtick=1)
    return figure, f"Bar chart of the best layer of {counted(int(counts.sum()), 'request')}", 280, 0


def _relation_cells(scores: LayerScores, selection: Selection, theme: Colours) -> tuple[go.Figure, str, int, int]:
    names, counts = _relation_counts(scores)
    body = max(18 * len(names), 90)
    sizes = counts.sum(axis=1)
    share: Floats = counts / sizes[:, None]
    details = [[[int(count), int(size)] for count in row] for row, size in zip(counts, sizes, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=share,
            zmin=0,
            zmax=float(share.max()),
            colorscale=colour_scale(theme.sequential),
            customdata=details,
            xgap=1,
            ygap=1,
            hovertemplate=(
                "<b>%{y}</b><br>layer %{x}: best for %{customdata[0]} of %{customdata[1]} (%{z:.0%})<extra></extra>"
            ),
            colorbar=colour_bar(theme, "share of the relation's requests", body) | {"tickformat": ".0%", "nticks": 5},
        )
    )
    mark_layers(figure, selection, theme, len(names))
    labels = [f"{escape(shorten(name, 16))} ({size:,})" for name, size in zip(names, sizes, strict=True)]
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        tickvals=list(range(len(names))),
        ticktext=labels,
        showgrid=False,
        zeroline=False,
    )
    kind = f"Heatmap of {counted(len(names), 'relation')} by {counted(scores.n_layers, 'layer')}"
    return figure, kind, body, 34 if selection.outliers else 22


def _relation_counts(scores: LayerScores) -> tuple[list[str], NDArray[np.int64]]:
    """Relation names, most requests first, and (R, L) counts of best layers; the rarest are joined beyond 30."""
    relations = np.array([relation or "no relation given" for relation in scores.relations])
    names, code = np.unique(relations, return_inverse=True)
    counts = np.zeros((len(names), scores.n_layers), dtype=np.int64)
    np.add.at(counts, (code, scores.best_layers), 1)
    order = np.lexsort((names, -counts.sum(axis=1)))
    labels, counts = [str(name) for name in names[order]], counts[order]
    if len(labels) > MAX_RELATIONS:
        rest = len(labels) - MAX_RELATIONS + 1
        counts = np.vstack([counts[: MAX_RELATIONS - 1], counts[MAX_RELATIONS - 1 :].sum(axis=0)])
        labels = [*labels[: MAX_RELATIONS - 1], f"{rest} further"]
    return labels, counts
