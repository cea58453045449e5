"""From cell to cell of a heatmap of requests by layers: where a step leads, and the frame around the open cell."""

from collections.abc import Sequence
from typing import Final, Literal

import plotly.graph_objects as go

from goldenlayers_core.figures.scores.cells import Rows
from goldenlayers_core.figures.theme import colours

Step = Literal["up", "down", "left", "right"]
MOST_CELLS: Final = 4_000  # of a picture that is drawn anew for every step
OPEN: Final = "open cell"  # name of the frame


def row_of(rows: Rows, request: int) -> int:
    """The row that a request is in."""
    return int((rows.order == request).argmax()) // rows.size


def walked(rows: Rows, layers: Sequence[int], at: tuple[int, int], step: Step) -> tuple[int, int]:
    """(request, layer) one cell further, or the same at an edge; of a row of several requests its first."""
    request, layer = at
    row, column = row_of(rows, request), list(layers).index(layer) if layer in layers else 0
    if step in ("up", "down"):
        row = min(max(row + (1 if step == "down" else -1), 0), len(rows) - 1)
        return int(rows.firsts[row]), layers[column]
    column = min(max(column + (1 if step == "right" else -1), 0), len(layers) - 1)
    return request, layers[column]


def with_open_cell(drawn: go.Figure, rows: Rows, columns: int, request: int, column: int, dark: bool) -> go.Figure:
    """A copy with the cell of the open request in a column framed; the figure itself where it is too large to be drawn
    for each step."""
    if len(rows) * columns > MOST_CELLS:
        return drawn
    row = row_of(rows, request)
    framed = go.Figure(drawn)
    framed.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": colours(dark).ink, "width": 2.5},
        name=OPEN,
    )
    return framed
