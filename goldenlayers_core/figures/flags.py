"""Short labels above a layer axis, in as few lanes as keep them apart on a phone, and therefore on wider screens."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import PHONE
from goldenlayers_core.figures.theme import Colours

LINE: Final = 16  # px of a label's line
_LETTER: Final = 6.3  # px of a letter
_LONGEST: Final = (34, 27, 20)  # characters of a line; a shorter one where neither side has room for it
_GLUE: Final = "\u00a0"
_SIDES: Final = 40.0  # px of a figure on a phone that are not plot

Anchor = Literal["left", "right", "center"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A label where it fits."""

    lines: tuple[str, ...]
    layer: int
    lane: int  # of its last line; 0 is the lowest
    anchor: Anchor  # of the text at its layer


def placed(
    labels: Sequence[tuple[int, str]], n_layers: int, sides: float = _SIDES, width: float = PHONE
) -> list[Placed]:
    """Each (layer, text) in a lane of its own or beside others, from left to right; `sides` of `width` px are not plot.

    A figure whose type is made larger has less room for it: its width goes down by as much.
    """
    width -= sides
    ends: list[float] = []  # right end of the last label in each lane, px
    found: list[Placed] = []
    for layer, text in sorted(labels):
        lines, anchor, start, size = _wrapped(text, (layer + 0.5) * width / n_layers, width)
        lane = next((n for n in range(len(ends)) if all(end <= start for end in ends[n : n + len(lines)])), len(ends))
        ends += [0.0] * (lane + len(lines) - len(ends))
        ends[lane : lane + len(lines)] = [start + size] * len(lines)
        found.append(Placed(tuple(lines), layer, lane, anchor))
    return found


def _wrapped(text: str, middle: float, width: float) -> tuple[list[str], Anchor, float, float]:
    """Lines of a label at `middle` px of `width`, its anchor, and where it starts and how wide it is, px."""
    for longest in _LONGEST:
        glued = text.replace(": ", f":{_GLUE}")  # the layer stays with the last name
        lines = [line.replace(_GLUE, " ") for line in textwrap.wrap(glued, longest)] or [""]
        size = _LETTER * max(map(len, lines)) + 8
        anchor: Anchor = "left" if middle < size / 2 else "right" if middle > width - size / 2 else "center"
        start = {"left": middle - 4, "right": middle - size + 4, "center": middle - size / 2}[anchor]
        if start >= -4 and start + size <= width + 4:
            break
    return lines, anchor, start, size


def write(figure: go.Figure, label: Placed, height: float, theme: Colours, font: dict[str, Any], name: str) -> None:
    """A placed label at a height of the plot; its lines are markup."""
    figure.add_annotation(
        x=label.layer,
        y=height,
        text="<br>".join(label.lines),
        align=label.anchor,
        showarrow=False,
        xanchor=label.anchor,
        yanchor="bottom",
        xshift={"left": -4, "right": 4, "center": 0}[label.anchor],
        bgcolor=theme.background,
        borderpad=0,
        font={"size": 11, **font},
        name=name,
    )


def lanes(labels: Sequence[Placed]) -> int:
    """How many lines of labels stand above each other."""
    return max((label.lane + len(label.lines) for label in labels), default=0)
