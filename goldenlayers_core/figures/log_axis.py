"""Logarithmic axes whose ticks can be read: by itself plotly labels every step of a decade, one over the other."""

import math
from collections.abc import Iterable
from typing import Any, Final

import plotly.graph_objects as go

from goldenlayers_core.figures.text import number

_FEWEST, _MOST = 3, 6  # ticks on an axis
_ROUND: Final = ((1,), (1, 3), (1, 2, 5))  # of a decade, the roundest first
_NARROW: Final = 1.1
_PAD: Final = 0.05  # of the axis's length, at both ends


def log_axis(figure: go.Figure, values: Iterable[float], title: str, across: bool = False, **where: int) -> None:
    """Make a y axis, or the x axis (`across`), logarithmic over these values, with ticks that are written out.

    What is not above 0, or not finite, has no place on it. `where`: row and column of the panel.
    """
    there = [float(value) for value in values if math.isfinite(value) and value > 0]
    low, high = min(there, default=1.0), max(there, default=10.0)
    if high < _NARROW * low:  # three digits could not tell its ticks apart
        low, high = low / _NARROW, high * _NARROW
    pad = _PAD * math.log10(high / low)
    ticks = log_ticks(low, high)
    settings: dict[str, Any] = {
        "type": "log",
        "range": [math.log10(low) - pad, math.log10(high) + pad],
        "tickvals": ticks,
        "ticktext": [number(tick) for tick in ticks],
        "title_text": title,
    }
    (figure.update_xaxes if across else figure.update_yaxes)(**settings, **where)


def log_ticks(low: float, high: float) -> list[float]:
    """Two to six ticks in [low, high], 0 < low < high: powers of ten where there are enough, else round numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _ROUND:
        found = [tick for power in powers for step in steps if low <= (tick := step * 10.0**power) <= high]
        if len(found) >= _FEWEST:
            return found[:: math.ceil(len(found) / _MOST)]
    part = (high - low) / _MOST  # hardly a decade: even steps
    size = 10.0 ** math.floor(math.log10(part))
    step = next(size * round_ for round_ in (1, 2, 2.5, 5, 10) if size * round_ >= part)
    return [step * place for place in range(math.ceil(low / step), math.floor(high / step) + 1)]
