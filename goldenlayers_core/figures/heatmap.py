"""Requests by layers: every layer score of a run in one picture."""

from typing import Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.frame import (
    colour_bar,
    dress,
    layer_axis,
    mark_layers,
    provenance,
    set_aside_mask,
    set_aside_sentence,
    value_definition,
)
from goldenlayers_core.figures.scale import Scale, Scaled, scaled
from goldenlayers_core.figures.text import (
    HOVER_WIDTH,
    TIMES,
    counted,
    escape,
    percent,
    row_labels,
    sentences,
    shorten,
    wrap,
)
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.results import LayerScores, Selection

Order = Literal["best", "relation", "dataset"]
ORDERS: tuple[Order, ...] = get_args(Order)

MAX_ROWS = 400
MAX_CELLS = 24_000  # what a browser still zooms and hovers without delay
MAX_LABELS = 60
MAX_DRAWN_MARKERS = 2_000  # beyond it the markers of the click layer are not drawn (hover and click still find them)
_LABEL_LENGTH = 18


def ordered_requests(scores: LayerScores, order: Order) -> NDArray[np.int64]:
    """(Q,) request indices, first row first: by best layer, by relation then best layer, or as in the dataset.

    Raises
    ------
    ConfigError: an unknown order.
    """
    index = np.arange(scores.n_requests)
    if order == "dataset":
        return index
    if order == "best":
        return np.lexsort((index, -scores.values.max(axis=1, initial=-np.inf), scores.best_layers))
    if order == "relation":
        names = np.array([relation or "\uffff" for relation in scores.relations])
        return np.lexsort((index, scores.best_layers, names))
    raise ConfigError(f"The order {order!r} is unknown; choose one of {', '.join(ORDERS)}.")


def shown_rows(scores: LayerScores, order: Order) -> NDArray[np.int64]:
    """Request indices of the rows drawn: all in `order`, or an evenly spaced sample of that order where too many."""
    rows = ordered_requests(scores, order)
    most = min(MAX_ROWS, max(MAX_CELLS // scores.n_layers, 1))
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def scores_heatmap(
    scores: LayerScores,
    selection: Selection,
    scale: Scale = "row",
    order: Order = "best",
    dark: bool = False,
) -> go.Figure:
    """Heatmap of the layer scores, one row per request, with the golden layer framed.

    A transparent marker lies on every cell: it carries the hover text, answers clicks, and its customdata is
    [request index, layer, value, cosine, norm of the old answer's gradient, norm of the new answer's gradient].
    Beyond 400 rows or 24,000 cells an evenly spaced sample of the ordered requests is drawn, and the subtitle says so.

    Raises
    ------
    ConfigError: an unknown scale or order.
    """
    theme = colours(dark)
    shades = scaled(scores.values, scale, set_aside_mask(selection))
    rows = shown_rows(scores, order)
    figure = go.Figure([_cells(shades, rows, theme), _click_layer(scores, rows, theme)])
    mark_layers(figure, selection, theme, len(rows))
    layer_axis(figure, scores.n_layers)
    figure.update_xaxes(title_text="layer (0 is the first block)")
    _row_axis(figure, scores, rows)
    figure.update_layout(clickmode="event+select", hoverdistance=-1)
    return dress(
        figure,
        dark=dark,
        title=_finding(scores, selection),
        subtitle=_definition(scores, selection, shades, order, len(rows)),
        kind=f"Heatmap of {counted(len(rows), 'request')} by {counted(scores.n_layers, 'layer')}",
        body=_body_height(len(rows)),
        bottom=96,
        above=34 if selection.outliers else 22,
    )


def _cells(shades: Scaled, rows: NDArray[np.int64], theme: Colours) -> go.Heatmap:
    return go.Heatmap(
        z=shades.colour[rows],
        zmin=-shades.limit,
        zmax=shades.limit,
        colorscale=colour_scale(theme.diverging),
        hoverinfo="skip",
        xgap=1 if len(rows) <= MAX_LABELS else 0,
        ygap=1 if len(rows) <= MAX_LABELS else 0,
        colorbar=colour_bar(theme, shades.title, _body_height(len(rows)))
        | {"tickvals": shades.ticks, "ticktext": shades.tick_texts},
    )


def _click_layer(scores: LayerScores, rows: NDArray[np.int64], theme: Colours) -> go.Scatter:
    layers = np.arange(scores.n_layers)
    parts = (scores.values, scores.cosine, scores.norm_old, scores.norm_new)
    columns = [np.repeat(rows, len(layers)), np.tile(layers, len(rows)), *(part[rows].ravel() for part in parts)]
    # of objects: a selection hands customdata back as JSON, where numeric arrays would arrive as mappings
    details = np.empty((len(rows) * len(layers), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        details[:, place] = column.tolist()
    labelled = len(rows) <= MAX_LABELS
    texts = [hover_text(scores, int(request)) for request in rows] if labelled else []
    drawn = len(rows) * len(layers) <= MAX_DRAWN_MARKERS
    return go.Scatter(
        x=np.tile(layers, len(rows)),
        y=np.repeat(np.arange(len(rows)), len(layers)),
        mode="markers",
        name="cells",
        showlegend=False,
        customdata=details,
        text=np.repeat(np.array(texts, dtype=object), len(layers)) if labelled else None,
        hovertemplate=(
            ("%{text}" if labelled else "%{y}")
            + "<br>layer %{customdata[1]}: value <b>%{customdata[2]:.3g}</b>, cosine %{customdata[3]:.2f}"
            + "<br>gradient norms: old %{customdata[4]:.3g}, new %{customdata[5]:.3g}<extra></extra>"
        ),
        marker={"symbol": "square", "size": 8, "opacity": 0, "color": theme.ink, "maxdisplayed": 0 if drawn else 1},
        selected={"marker": {"opacity": 1, "color": theme.ink, "size": 8}},
        unselected={"marker": {"opacity": 0}},
    )


def hover_text(scores: LayerScores, request: int) -> str:
    """The lines that name a request: prompt, old and new answer, relation and case. Escaped."""
    prompt = f"<b>{wrap(shorten(scores.prompts[request], 160), HOVER_WIDTH)}</b>"
    answers = f"{shorten(scores.targets_old[request], 60)} → {shorten(scores.targets_new[request], 60)}"
    where = " · ".join(filter(None, (scores.relations[request], f"case {scores.case_ids[request]}")))
    return f"{prompt}<br>{wrap(answers, HOVER_WIDTH)}<br>{escape(shorten(where, HOVER_WIDTH))}"


def _row_axis(figure: go.Figure, scores: LayerScores, rows: NDArray[np.int64]) -> None:
    labelled = len(rows) <= MAX_LABELS
    # Unlabelled rows keep their hover text as the axis's hidden tick texts: once per row, not once per cell.
    texts = (
        row_labels([scores.prompts[request] for request in rows], _LABEL_LENGTH)
        if labelled
        else [hover_text(scores, int(request)) for request in rows]
    )
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5],
        tickvals=list(range(len(rows))),
        ticktext=texts,
        showticklabels=labelled,
        showgrid=False,
        zeroline=False,
        title_text="" if labelled else "requests",
    )


def _body_height(rows: int) -> int:
    if rows <= MAX_LABELS:
        return max(15 * rows, 120)
    return min(560 + rows, 900)


def _finding(scores: LayerScores, selection: Selection) -> str:
    hits = int((scores.best_layers == selection.golden_layer).sum())
    return (
        f"Layer {selection.golden_layer} is the golden layer of these {counted(scores.n_requests, 'request')}; it has "
        f"the largest value in {hits:,} of them ({percent(hits / max(scores.n_requests, 1))})"
        if scores.n_requests > 1
        else f"Layer {selection.golden_layer} is the golden layer of this one request"
    )


def _definition(scores: LayerScores, selection: Selection, shades: Scaled, order: Order, shown: int) -> str:
    by = {"best": "best layer", "relation": "relation, then best layer", "dataset": "order in the dataset"}[order]
    sample = (
        f"Notice: {shown:,} of {scores.n_requests:,} requests are drawn, evenly spaced in this order."
        if shown < scores.n_requests
        else ""
    )
    return sentences(
        (
            sample,
            f"{value_definition(scores)} {shades.note} Rows by {by}.",
            set_aside_sentence(selection, f"marked {TIMES}"),
            provenance(scores),
        )
    )
