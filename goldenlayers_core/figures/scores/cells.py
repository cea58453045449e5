"""Requests by layers, whatever is measured: the order of the rows, their labels, and the marks that answer clicks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.frame import colour_bar
from goldenlayers_core.figures.text import HOVER_WIDTH, counted, escape, row_labels, shorten, wrap
from goldenlayers_core.figures.theme import Colours, colour_scale
from goldenlayers_core.results import Floats, LayerScores, SweepResult

Order = Literal["best", "relation", "dataset"]
ORDERS: tuple[Order, ...] = get_args(Order)
ORDER_WORDS: Final = MappingProxyType(
    {"best": "best layer", "relation": "relation, then best layer", "dataset": "order in the dataset"}
)

MAX_ROWS = 400
MAX_CELLS = 16_000  # what a browser still draws, hovers and answers clicks on without delay
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
    subjects: tuple[str, ...] = ()  # where they are known

    def labels(self, requests: Sequence[int], length: int) -> list[str]:
        """A short escaped label per request: its subject, with the new answer where several have the same; without
        subjects the words of the prompt that tell it apart."""
        names = [self.subjects[r] if self.subjects else "" for r in requests]
        shared = {name for name, count in Counter(names).items() if count > 1}
        told = [f"{n} → {self.news[r]}" if n in shared and n else n for n, r in zip(names, requests, strict=True)]
        words = row_labels([self.prompts[r] for r in requests], length)
        return [escape(shorten(name, length)) if name else text for name, text in zip(told, words, strict=True)]

    def hover_text(self, request: int) -> str:
        """The lines that name a request: prompt, old and new answer, relation and case. Escaped."""
        prompt = f"<b>{wrap(shorten(self.prompts[request], 160), HOVER_WIDTH)}</b>"
        answers = f"{shorten(self.olds[request], 60)} → {shorten(self.news[request], 60)}"
        where = " · ".join(filter(None, (self.relations[request], f"case {self.case_ids[request]}")))
        return f"{prompt}<br>{wrap(answers, HOVER_WIDTH)}<br>{escape(shorten(where, HOVER_WIDTH))}"

    def told(self, request: int) -> str:
        """A line with the prompt and one with both answers. Raises ConfigError where there is no such request."""
        if not 0 <= request < len(self.prompts):
            raise ConfigError(f"Request {request} was asked for; there are requests 0 to {len(self.prompts) - 1}.")
        answers = f"{shorten(self.olds[request], 50) or '?'} → {shorten(self.news[request], 50)}"
        return f"{shorten(self.prompts[request], 150)}\n{answers}"


def of_scores(scores: LayerScores) -> Requests:
    """The requests of layer scores."""
    names = scores.case_ids, scores.prompts, scores.targets_old, scores.targets_new, scores.relations
    return Requests(*names, scores.subjects)


def of_sweep(sweep: SweepResult) -> Requests:
    """The requests of a sweep."""
    names = sweep.case_ids, sweep.prompts, sweep.targets_true, sweep.targets_new, sweep.relations
    return Requests(*names, sweep.subjects)


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


@dataclass(frozen=True, slots=True)
class Rows:
    """Which requests each row of a heatmap stands for: one, or several that follow each other in the chosen order."""

    order: NDArray[np.int64]
    """(Q,) request indices, first row first"""
    size: int  # requests per row; the last row may have fewer

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """(R,) the first request of each row: what a click on it opens."""
        return self.order[:: self.size]

    def members(self, row: int) -> NDArray[np.int64]:
        """The requests of a row."""
        return self.order[row * self.size : (row + 1) * self.size]

    def mean(self, values: Floats) -> Floats:
        """(R, L) mean of (Q, L) `values` over each row's requests, of those that have the value; NaN where none has."""
        listed = values[self.order]
        if self.size == 1:
            return listed
        starts = np.arange(0, len(self.order), self.size)
        have = ~np.isnan(listed)
        counts = np.add.reduceat(have.astype(np.float64), starts, axis=0)
        sums = np.add.reduceat(np.where(have, listed, 0.0), starts, axis=0)
        means: Floats = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
        return means


def rows_of(order: NDArray[np.int64], n_layers: int) -> Rows:
    """One row per request, or so many requests per row that a browser carries the picture."""
    most = min(MAX_ROWS, max(MAX_CELLS // n_layers, 1))
    return Rows(order, max(-(-len(order) // most), 1))


def cells(values: Floats, span: tuple[float, float], steps: tuple[str, ...], bar: dict[str, Any]) -> go.Heatmap:
    """(R, L) values in the colours `steps` from `span[0]` to `span[1]`, with the colour bar `bar`.

    Without hover text, which the click layer above has.
    """
    gap = 1 if len(values) <= MAX_LABELS else 0
    return go.Heatmap(
        z=values,
        zmin=span[0],
        zmax=span[1],
        colorscale=colour_scale(steps),
        hoverinfo="skip",
        xgap=gap,
        ygap=gap,
        colorbar=bar,
    )


def share_cells(values: Floats, title: str, theme: Colours) -> go.Heatmap:
    """The cells of (R, L) numbers between 0 and 1; `title` says what they are."""
    return cells(values, (0, 1), theme.sequential, share_bar(theme, title, body_height(len(values))))


def share_bar(theme: Colours, title: str, body: int) -> dict[str, Any]:
    """The colour bar of numbers between 0 and 1, below a plot of `body` px."""
    return colour_bar(theme, title, body) | {"tickvals": [0, 0.25, 0.5, 0.75, 1]}


def click_layer(
    requests: Requests,
    rows: Rows,
    layers: Sequence[int],
    parts: Sequence[Floats],
    numbers: str,
    theme: Colours,
) -> go.Scatter:
    """A transparent mark on every cell: it carries the hover text and answers clicks.

    customdata: [request index, layer, *parts]; `parts` are (Q, L), and `numbers` is what the hover text says of them.
    In a row of several requests the index is the first one's, and the parts are means.
    Marks stand at the column's place, which is the layer's number where every layer has its column.
    """
    columns = len(layers)
    told = [np.repeat(rows.firsts, columns), np.tile(np.asarray(layers), len(rows))]
    told += [rows.mean(part).ravel() for part in parts]
    # of objects: a selection hands customdata back as JSON, where numeric arrays would arrive as mappings
    details = np.empty((len(rows) * columns, len(told)), dtype=object)
    for place, column in enumerate(told):
        details[:, place] = column.tolist()
    labelled = len(rows) <= MAX_LABELS
    texts = [_row_text(requests, rows, row) for row in range(len(rows))] if labelled else []
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


def _row_text(requests: Requests, rows: Rows, row: int) -> str:
    """What the hover text says of a row."""
    members = rows.members(row)
    if len(members) == 1:
        return requests.hover_text(int(members[0]))
    ends = (wrap(shorten(requests.prompts[request], 80), HOVER_WIDTH) for request in (members[0], members[-1]))
    return f"<b>Means of {len(members)} requests</b><br>from {'<br>to '.join(ends)}"


def row_axis(figure: go.Figure, requests: Requests, rows: Rows) -> None:
    """One short label per row; where there are too many rows, none. A click anywhere on a row's cells selects one."""
    labelled = len(rows) <= MAX_LABELS
    # Unlabelled rows keep their hover text as the axis's hidden tick texts: once per row, not once per cell.
    texts = (
        requests.labels([int(request) for request in rows.firsts], _LABEL_LENGTH)
        if labelled
        else [_row_text(requests, rows, row) for row in range(len(rows))]
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
    figure.update_layout(clickmode="event+select", hoverdistance=-1)


def body_height(rows: int) -> int:
    """px of the cells."""
    if rows <= MAX_LABELS:
        return max(15 * rows, 120)
    return min(560 + rows, 900)


def rows_note(rows: Rows) -> str:
    """A sentence where a row is not one request."""
    if rows.size == 1:
        return ""
    return (
        f"Notice: {len(rows.order):,} requests in {len(rows):,} rows; each row is the mean of {rows.size} requests "
        "that follow each other in this order. A click opens the first of them; the list below has every one."
    )


def rows_kind(rows: Rows, columns: int) -> str:
    """What is drawn, for readers who do not see it."""
    means = "" if rows.size == 1 else f", {counted(len(rows), 'row')} of means"
    return f"Heatmap of {counted(len(rows.order), 'request')} by {counted(columns, 'layer')}{means}"
