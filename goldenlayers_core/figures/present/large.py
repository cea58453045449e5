"""A figure for the back row: large type, no small print, the plot as high as the screen leaves room for."""

from typing import Final

import plotly.graph_objects as go

_LARGE: Final = 2.2  # times the size on a page
_LINE: Final = 24  # px between small labels below which a row of them is left out


def enlarged(drawn: go.Figure, height: int, factor: float = _LARGE) -> go.Figure:
    """A copy without title, colour bar and row labels that would run into each other; its type `factor` times as large.

    `height`: px. What title and definition said stays in `layout.meta`.
    """
    figure = go.Figure(drawn)
    base = drawn.layout.template.layout
    ticks = factor * float(base.xaxis.tickfont.size or 11)
    figure.update_layout(title=None, height=height, font_size=factor * float(base.font.size or 12))
    figure.update_xaxes(tickfont_size=ticks, title_font_size=ticks, title_standoff=10, nticks=8)
    figure.update_yaxes(tickfont_size=ticks, title_font_size=ticks, nticks=6)
    figure.update_layout(legend={"font": {"size": ticks}, "entrywidth": None})
    figure.update_traces(showscale=False, selector={"type": "heatmap"})
    figure.for_each_annotation(lambda a: a.update(font_size=factor * float(a.font.size or 12)))
    figure.for_each_trace(lambda trace: _bold(trace, ticks), "scatter")
    rows = max((len(axis.ticktext or ()) for axis in figure.select_yaxes()), default=0)
    if rows * _LINE > height:
        figure.update_yaxes(showticklabels=False, title_text="facts")
    above = int((drawn.layout.meta or {}).get("above", 0)) if drawn.layout.meta else 0
    figure.update_layout(margin={"t": int(factor * above) + 20, "b": int(factor * 44), "l": 12, "r": 12})
    return figure


def _bold(trace: go.Scatter, size: float) -> None:
    """Lines and marks that are seen from afar."""
    if trace.mode == "text":
        trace.update(textfont_size=size)
    if "lines" in (trace.mode or ""):
        trace.update(line_width=max(4.0, 1.5 * float(trace.line.width or 2)))
