"""Requests by layers: every layer score of a run in one picture."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.figures.frame import colour_bar, dress, layer_axis
from goldenlayers_core.figures.scores.cells import (
    ORDER_WORDS,
    Order,
    Rows,
    body_height,
    cells,
    click_layer,
    of_scores,
    ordered,
    row_axis,
    rows_kind,
    rows_note,
    rows_of,
)
from goldenlayers_core.figures.scores.scale import Scale, Scaled, scaled
from goldenlayers_core.figures.scores.selection import (
    mark_layers,
    provenance,
    set_aside_mask,
    set_aside_sentence,
    value_definition,
)
from goldenlayers_core.figures.text import TIMES, counted, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import LayerScores, Selection


def ordered_requests(scores: LayerScores, order: Order) -> NDArray[np.int64]:
    """(Q,) request indices, first row first: by best layer, by relation then best layer, or as in the dataset.

    Raises
    ------
    ConfigError: an unknown order.
    """
    return ordered(scores.relations, scores.best_layers, scores.values.max(axis=1, initial=-np.inf), order)


def shown_rows(scores: LayerScores, order: Order) -> Rows:
    """The rows drawn: one per request in `order`, or several requests per row where they are too many."""
    return rows_of(ordered_requests(scores, order), scores.n_layers)


def scores_heatmap(
    scores: LayerScores,
    selection: Selection,
    scale: Scale = "row",
    order: Order = "best",
    dark: bool = False,
) -> go.Figure:
    """Heatmap of the layer scores, one row per request, with the golden layer framed.

    A transparent marker lies on every cell: it carries the hover text, answers clicks, and its customdata is
    [request index, layer, value, cosine, norm of the old answer's gradient, norm of the new answer's gradient], or
    [request index, layer, value, nats per token] of the damage.
    Beyond 400 rows or 16,000 cells a row is the mean of several requests, which the subtitle says.

    Raises
    ------
    ConfigError: an unknown scale or order.
    """
    theme = colours(dark)
    shades = scaled(scores.values, scale, set_aside_mask(selection))
    rows = shown_rows(scores, order)
    bar = colour_bar(theme, shades.title, body_height(len(rows)))
    bar |= {"tickvals": shades.ticks, "ticktext": shades.tick_texts}
    coloured = cells(rows.mean(shades.colour), (-shades.limit, shades.limit), theme.diverging, bar)
    figure = go.Figure([coloured, _clicks(scores, rows, theme)])
    mark_layers(figure, selection, theme, len(rows))
    layer_axis(figure, scores.n_layers)
    row_axis(figure, of_scores(scores), rows)
    return dress(
        figure,
        dark=dark,
        title=_finding(scores, selection),
        subtitle=_definition(scores, selection, shades, order, rows),
        kind=rows_kind(rows, scores.n_layers),
        body=body_height(len(rows)),
        bottom=96,
        above=34 if selection.outliers else 22,
    )


def _clicks(scores: LayerScores, rows: Rows, theme: Colours) -> go.Scatter:
    if scores.method == "damage":
        damage = "layer %{customdata[1]}: <b>%{customdata[3]:.2g} nats per token</b>, value %{customdata[2]:.3g}"
        return click_layer(
            of_scores(scores), rows, range(scores.n_layers), (scores.values, np.exp(-scores.values)), damage, theme
        )
    numbers = (
        "layer %{customdata[1]}: value <b>%{customdata[2]:.3g}</b>, cosine %{customdata[3]:.2f}"
        "<br>gradient norms: old %{customdata[4]:.3g}, new %{customdata[5]:.3g}"
    )
    parts = (scores.values, scores.cosine, scores.norm_old, scores.norm_new)
    return click_layer(of_scores(scores), rows, range(scores.n_layers), parts, numbers, theme)


def _finding(scores: LayerScores, selection: Selection) -> str:
    hits = int((scores.best_layers == selection.golden_layer).sum())
    return (
        f"Layer {selection.golden_layer} is the golden layer of these {counted(scores.n_requests, 'request')}; it has "
        f"the largest value in {hits:,} of them ({percent(hits / max(scores.n_requests, 1))})"
        if scores.n_requests > 1
        else f"Layer {selection.golden_layer} is the golden layer of this one request"
    )


def _definition(scores: LayerScores, selection: Selection, shades: Scaled, order: Order, rows: Rows) -> str:
    return sentences(
        (
            rows_note(rows),
            f"{value_definition(scores)} {shades.note} Rows by {ORDER_WORDS[order]}.",
            set_aside_sentence(selection, f"marked {TIMES}"),
            provenance(scores),
        )
    )
