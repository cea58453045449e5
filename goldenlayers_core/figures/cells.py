"""Requests by layers, whatever is measured: the order of the rows, their labels, and the marks that answer clicks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.text import HOVER_WIDTH, escape, row_labels, shorten, wrap
from goldenlayers_core.figures.theme import Colours
from goldenlayers_core.results import Floats, LayerScores, SweepResult

Order = Literal["best", "relation", "dataset"]
ORDERS: tuple[Order, ...] = get_args(Order)

MAX_ROWS = 400
MAX_CELLS = 24_000  # what a browser still zooms and hovers without delay
MAX_LABELS = 60
MAX_DRAWN_MARKERS = 2_000  # beyond it the markers of the click layer are not drawn (hover and click still find them)
_LABEL_LENGTH = 18


@dataclass(frozen=True, slots=True)
class Requests:
    """What names the rows."""

    case_ids: tuple[str, ...]
    prompts: tuple[str, ...]
    olds: tuple[str, ...]  # old answers
    news: tuple[str, ...]
    relations: tuple[str, ...]

    def hover_text(self, request: int) -> str:
        """The lines that name a request: prompt, old and new answer, relation and case. Escaped."""
        prompt = f"<b>{wrap(shorten(self.prompts[request], 160), HOVER_WIDTH)}</b>"
        answers = f"{shorten(self.olds[request], 60)} → {shorten(self.news[request], 60)}"
        where = " · ".join(filter(None, (self.relations[request], f"case {self.case_ids[request]}")))
        return f"{prompt}<br>{wrap(answers, HOVER_WIDTH)}<br>{escape(shorten(where, HOVER_WIDTH))}"


def of_scores(scores: LayerScores) -> Requests:
    """The requests of layer scores."""
    return Requests(scores.case_ids, scores.prompts, scores.targets_old, scores.targets_new, scores.relations)


def of_sweep(sweep: SweepResult) -> Requests:
    """The requests of a sweep."""
    return Requests(sweep.case_ids, sweep.prompts, sweep.targets_true, sweep.targets_new, sweep.relations)


def ordered(relations: Sequence[str], best: NDArray[np.int64], largest: Floats, order: Order) -> NDArray[np.int64]:
    """(Q,) request indices, first row first: by best layer, by relation then best layer, or as in the dataset.

    `best`, `largest`: (Q,) each request's best layer and its value there. Raises ConfigError for an unknown order.
    """
    index = np.arange(len(relations))
    if order == "dataset":
        return index
    if order == "best":
        return np.lexsort((index, -largest, best))
    if order == "relation":
        names = np.array([relation or "\uffff" for relation in relations])
        return np.lexsort((index, best, names))
    raise ConfigError(f"The order {order!r} is unknown; choose one of {', '.join(ORDERS)}.")


def sampled(rows: NDArray[np.int64], n_layers: int) -> NDArray[np.int64]:
    """All rows, or an evenly spaced sample of them where a browser could not carry all."""
    most = min(MAX_ROWS, max(MAX_CELLS // n_layers, 1))
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def click_layer(
    requests: Requests,
    rows: NDArray[np.int64],
    layers: Sequence[int],
    parts: Sequence[Floats],
    numbers: str,
    theme: Colours,
) -> go.Scatter:
    """A transparent mark on every cell: it carries the hover text and answers clicks.

    customdata: [request index, layer, *parts]; `parts` are (Q, L), and `numbers` is what the hover text says of them.
    Marks stand at the column's place, which is the layer's number where every layer has its column.
    """
    columns = len(layers)
    told = [np.repeat(rows, columns), np.tile(np.asarray(layers), len(rows)), *(part[rows].ravel() for part in parts)]
    # of objects: a selection hands customdata back as JSON, where numeric arrays would arrive as mappings
    details = np.empty((len(rows) * columns, len(told)), dtype=object)
    for place, column in enumerate(told):
        details[:, place] = column.tolist()
    labelled = len(rows) <= MAX_LABELS
    texts = [requests.hover_text(int(request)) for request in rows] if labelled else []
    drawn = len(rows) * columns <= MAX_DRAWN_MARKERS
    return go.Scatter(
        x=np.tile(np.arange(columns), len(rows)),
        y=np.repeat(np.arange(len(rows)), columns),
        mode="markers",
        name="cells",
        showlegend=False,
        customdata=details,
        text=np.repeat(np.array(texts, dtype=object), columns) if labelled else None,
        hovertemplate=("%{text}" if labelled else "%{y}") + f"<br>{numbers}<extra></extra>",
        marker={"symbol": "square", "size": 8, "opacity": 0, "color": theme.ink, "maxdisplayed": 0 if drawn else 1},
        selected={"marker": {"opacity": 1, "color": theme.ink, "size": 8}},
        unselected={"marker": {"opacity": 0}},
    )


def row_axis(figure: go.Figure, requests: Requests, rows: NDArray[np.int64]) -> None:
    """One short label per row; where there are too many rows, none."""
    labelled = len(rows) <= MAX_LABELS
    # Unlabelled rows keep their hover text as the axis's hidden tick texts: once per row, not once per cell.
    texts = (
        row_labels([requests.prompts[request] for request in rows], _LABEL_LENGTH)
        if labelled
        else [requests.hover_text(int(request)) for request in rows]
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


def body_height(rows: int) -> int:
    """px of the cells."""
    if rows <= MAX_LABELS:
        return max(15 * rows, 120)
    return min(560 + rows, 900)


def sample_note(shown: int, n_requests: int) -> str:
    """A sentence where not every request is drawn."""
    if shown == n_requests:
        return ""
    return f"Notice: {shown:,} of {n_requests:,} requests are drawn, evenly spaced in this order."


ORDER_WORDS: tuple[tuple[Order, str], ...] = (
    ("best", "best layer"),
    ("relation", "relation, then best layer"),
    ("dataset", "order in the dataset"),
)


def order_words(order: Order) -> str:
    """How the rows are ordered, in words."""
    return dict(ORDER_WORDS)[order]
