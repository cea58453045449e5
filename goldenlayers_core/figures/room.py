"""How much room the words beside a plot need.

Plotly measures them only after it has drawn the whole figure, and draws everything once more where they did not fit:
half of the time a figure takes. So the room is estimated here, on the large side; `automargin` stays on, and mends what
was still too small.
"""

import math
import unicodedata
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

import plotly.graph_objects as go

from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import LABEL_SIZE

LEAST: Final = 18  # px: the first number of an axis hangs over its end, too
RIGHT: Final = 22  # px: the last layer's number hangs over the end of its axis
COLOUR_BAR: Final = 24  # px that the numbers below a horizontal colour bar take beyond what is kept for its title
_TITLE, _GAP = 30, 28  # px of a turned axis title with its distance, and of bare tick texts
# em per letter in DejaVu Sans, the widest font that the stack is likely to end in; anything else counts as usual
_WIDTHS: Final = MappingProxyType(
    {
        **dict.fromkeys("ijl|'I", 0.30),
        **dict.fromkeys(" .,:;!()[]/-ftr", 0.40),
        **dict.fromkeys("sczJ", 0.55),
        **dict.fromkeys("kvxyaeoLF?", 0.61),
        **dict.fromkeys("wCOQDGN", 0.80),
        **dict.fromkeys("mMW…%@", 1.0),
    }
)
_USUAL, _WIDE = 0.65, 1.05
_TICKS = 5


def left(figure: go.Figure) -> int:
    """px that the y axes at the left edge need for their tick texts and titles."""
    return max([LEAST, *(math.ceil(_needed(figure, axis)) for axis in _left_axes(figure))])


def below(figure: go.Figure, bottom: int) -> int:
    """px below the plot: `bottom`, and what a horizontal colour bar needs beyond it."""
    return bottom + COLOUR_BAR * any(_has_bar(trace) for trace in figure.data)


def _has_bar(trace: Any) -> bool:
    return trace.type == "heatmap" and trace.showscale is not False and trace.colorbar.orientation == "h"


def _left_axes(figure: go.Figure) -> Iterator[Any]:
    for axis in figure.select_yaxes():
        across = (
            figure.layout[str(axis.anchor or "x").replace("x", "xaxis", 1)].domain if axis.anchor != "free" else None
        )
        if axis.visible is not False and axis.side != "right" and (not across or across[0] < 0.02):
            yield axis


def _needed(figure: go.Figure, axis: Any) -> float:
    title = _TITLE if axis.title.text else 0
    if axis.showticklabels is False:
        return title
    texts = _tick_texts(figure, axis)
    width = max((_width(line) for text in texts for line in text.split("<br>")), default=0.0)
    return width + (title or _GAP)


def _tick_texts(figure: go.Figure, axis: Any) -> list[str]:
    """What stands beside the axis: its own texts, the categories of its traces, or the longest of its numbers."""
    if axis.ticktext is not None:
        return [str(text) for text in axis.ticktext]
    values = list(_values(figure, axis))
    names = [value for value in values if isinstance(value, str)]
    if names:
        return names
    return _numbers([float(value) for value in values if value is not None], axis)


def _values(figure: go.Figure, axis: Any) -> Iterator[Any]:
    name = axis.plotly_name.replace("axis", "")
    if axis.range is not None:
        yield from axis.range
        return
    if axis.rangemode == "tozero" or any(trace.type == "bar" for trace in figure.data):
        yield 0.0
    for trace in figure.data:
        if (trace.yaxis or "y") == name and trace.y is not None:
            yield from trace.y


def _numbers(values: list[float], axis: Any) -> list[str]:
    """The ends of the axis as tick texts, with as many decimals as about five ticks need."""
    if "%" in (axis.tickformat or ""):
        return ["100%"]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if axis.type == "log":
        return ["0.001"]
    step = (high - low) / _TICKS or 1.0
    decimals = min(max(0, -math.floor(math.log10(step))), 5)
    return [f"{value:,.{decimals}f}" for value in (low, high)]


def _width(text: str) -> float:
    return sum(_letter(letter) for letter in plain(text))


def _letter(letter: str) -> float:
    wide = unicodedata.east_asian_width(letter) in "WF"
    return LABEL_SIZE * (_WIDE if wide else _WIDTHS.get(letter, _USUAL))
