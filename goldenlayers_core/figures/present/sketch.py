"""A figure as a small drawing without a word, for an overview of screens."""

from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

_WIDE, _HIGH = 160, 60  # units of the drawing
_ROWS: Final = 12  # of a heatmap, at most
_COLOUR: Final = "#64748b"  # of marks that have none of their own


def sketch(drawn: go.Figure) -> str:
    """SVG of a figure's heatmap, bars or lines."""
    parts: list[str] = []
    for trace in drawn.data:
        if trace.type == "heatmap":
            parts += _cells(trace)
        elif trace.type == "bar":
            parts += _bars(trace, drawn)
        elif trace.type == "scatter" and "lines" in (trace.mode or "") and len(trace.x or ()) > 1:
            parts.append(_line(trace, drawn))
    box = f"viewBox='0 0 {_WIDE} {_HIGH}' preserveAspectRatio='none'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {box}>{''.join(parts)}</svg>"


def _cells(trace: go.Heatmap) -> list[str]:
    values = np.asarray(trace.z, dtype=np.float64)
    values = values[np.linspace(0, len(values) - 1, min(len(values), _ROWS)).astype(int)]
    low = float(trace.zmin) if trace.zmin is not None else float(np.nanmin(values))
    high = float(trace.zmax) if trace.zmax is not None else float(np.nanmax(values))
    shares = np.clip(np.nan_to_num((values - low) / ((high - low) or 1.0)), 0, 1)
    rows, columns = shares.shape
    wide, high_ = _WIDE / columns, _HIGH / rows
    scale = [list(stop) for stop in trace.colorscale]
    found = []
    for r in range(rows):
        colours = sample_colorscale(scale, [float(share) for share in shares[r]])
        found += [
            f"<rect x='{c * wide:.1f}' y='{r * high_:.1f}' width='{wide:.1f}' height='{high_:.1f}' fill='{colour}'/>"
            for c, colour in enumerate(colours)
        ]
    return found


def _span(drawn: go.Figure, letter: str) -> tuple[float, float]:
    """The range of an axis: its own, or of what is drawn."""
    axis = drawn.layout[f"{letter}axis"]
    if axis.range is not None:
        return float(axis.range[0]), float(axis.range[1])
    kinds = [np.asarray(trace[letter], dtype=np.float64) for trace in drawn.data if trace[letter] is not None]
    values = np.concatenate([*kinds, [0.0]])
    return float(np.nanmin(values)), float(np.nanmax(values)) or 1.0


def _at(drawn: go.Figure, letter: str, value: float) -> float:
    low, high = _span(drawn, letter)
    share = (value - low) / ((high - low) or 1.0)
    return share * _WIDE if letter == "x" else (1 - share) * _HIGH


def _bars(trace: go.Bar, drawn: go.Figure) -> list[str]:
    width = float(trace.width or 0.8) if not isinstance(trace.width, tuple) else 0.8
    across = trace.orientation == "h"
    colour = trace.marker.color
    found = []
    for n, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
        one = colour if isinstance(colour, str) else colour[n] if colour is not None else _COLOUR
        ends = (
            ((0.0, y - width / 2), (float(x), y + width / 2)) if across else ((x - width / 2, 0.0), (x + width / 2, y))
        )
        (x0, y0), (x1, y1) = ((_at(drawn, "x", float(a)), _at(drawn, "y", float(b))) for a, b in ends)
        box = f"x='{min(x0, x1):.1f}' y='{min(y0, y1):.1f}' width='{abs(x1 - x0):.1f}' height='{abs(y1 - y0):.1f}'"
        found.append(f"<rect {box} fill='{one}'/>")
    return found


def _line(trace: go.Scatter, drawn: go.Figure) -> str:
    points = " ".join(
        f"{_at(drawn, 'x', float(x)):.1f},{_at(drawn, 'y', float(y)):.1f}"
        for x, y in zip(trace.x, trace.y, strict=True)
        if y is not None and np.isfinite(float(y))
    )
    colour = trace.line.color or _COLOUR
    return f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>"
