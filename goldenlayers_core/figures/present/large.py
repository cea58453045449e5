"""A figure for the back row: large type, no small print, the plot as high as the screen leaves room for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import plotly.graph_objects as go

Screen = Literal["laptop", "hall", "phone"]
_LARGE: Final[Mapping[Screen, float]] = MappingProxyType({"laptop": 2.2, "hall": 3.0, "phone": 1.2})  # times a page's
_STRIP: Final[Mapping[Screen, float]] = MappingProxyType({"laptop": 1.9, "hall": 2.6, "phone": 1.05})
SCREENS: Final[tuple[Screen, ...]] = ("laptop", "hall", "phone")
_LINE: Final = 1.5  # of a line of type, times its size
_SMALL: Final = ("set aside", "cut", "fence", "oracle")  # names of what is only read from near
_UNLIKE: Final = ("heatmap", "bar")  # traces whose colours the headline explains


def enlarged(drawn: go.Figure, height: int, screen: Screen = "laptop") -> go.Figure:
    """A copy without title, small print, colour bar and row labels; its type is as large as the screen asks for.

    `height`: px. What title and definition said stays in `layout.meta`. A legend is kept where lines have to be told
    apart, above the plot; of bars the golden layer's is named instead.
    """
    figure, factor = go.Figure(drawn), _LARGE[screen]
    base = drawn.layout.template.layout
    size = factor * float(base.font.size or 12)
    ticks = factor * float(base.xaxis.tickfont.size or 11)
    kinds = {trace.type for trace in figure.data}
    if "heatmap" in kinds:  # the marks on its cells only answer clicks
        figure.data = tuple(trace for trace in figure.data if trace.type == "heatmap")
    figure.layout.annotations = tuple(_plain(note, factor) for note in figure.layout.annotations if _far(note))
    figure.layout.shapes = tuple(shape for shape in figure.layout.shapes if _far(shape))
    figure.update_layout(title=None, height=height, font_size=size)
    figure.update_xaxes(tickfont_size=ticks, title_font_size=ticks, title_standoff=8, nticks=8, tickangle=0)
    figure.update_yaxes(tickfont_size=ticks, title_font_size=ticks, title_standoff=8, nticks=4, automargin=True)
    figure.for_each_xaxis(lambda axis: axis.update(title_text=(axis.title.text or "").partition(" (")[0]))
    figure.update_traces(showscale=False, selector={"type": "heatmap"})
    figure.for_each_trace(lambda trace: _bold(trace, ticks), "scatter")
    if "heatmap" in kinds:
        figure.update_yaxes(showticklabels=False, title_text="facts")
    named = _named(figure) if "bar" in kinds else False
    legend = bool(figure.layout.showlegend) and not kinds & set(_UNLIKE)
    _legend(figure, legend, ticks)
    above = named or legend or bool((drawn.layout.meta or {}).get("above", 0))
    shown = any(axis.visible is not False for axis in figure.select_xaxes())
    below = int(_LINE * ticks * (2 if any(axis.title.text for axis in figure.select_xaxes()) else 1)) if shown else 0
    figure.update_layout(margin={"t": int(_LINE * size) + 8 if above else 12, "b": below + 8, "l": 12, "r": 16})
    return figure


def _far(part: Any) -> bool:
    return part.name not in _SMALL


def _plain(note: Any, factor: float) -> Any:
    """A label in large type, on one level."""
    note.update(font_size=factor * float(note.font.size or 12))
    if note.name == "golden layer":
        note.update(yshift=2, text=str(note.text).replace("golden layer", "layer"))
    return note


def _named(figure: go.Figure) -> bool:
    """Name the golden layer's bar above the plot; whether there is one."""
    bar = next((t for t in figure.data if t.type == "bar" and t.name == "golden layer" and len(t.x)), None)
    if bar is None:
        return False
    layer, last = int(bar.x[0]), max(int(x) for trace in figure.data if trace.type == "bar" for x in trace.x)
    side = "left" if layer < last / 3 else "right" if layer > 2 * last / 3 else "center"
    figure.add_annotation(
        x=layer,
        y=1.0,
        yref="paper",
        yanchor="bottom",
        xanchor=side,
        text=f"layer {layer}",
        showarrow=False,
        font={"size": figure.layout.font.size, "weight": 600, "color": bar.marker.line.color},
        name="golden layer",
    )
    figure.add_vline(x=layer, line={"color": bar.marker.color, "width": 2}, layer="below", name="golden layer")
    return True


def _legend(figure: go.Figure, shown: bool, size: float) -> None:
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "itemwidth": 30}
    place |= {"xref": "paper", "yref": "paper"}
    figure.update_layout(showlegend=shown, legend={**place, "font": {"size": size}, "entrywidth": None})


def _bold(trace: go.Scatter, size: float) -> None:
    """Lines and marks that are seen from afar."""
    if trace.mode == "text":
        trace.update(textfont_size=size)
    if "lines" in (trace.mode or ""):
        trace.update(line_width=1.6 * float(trace.line.width or 2))


def strip(drawn: go.Figure, height: int, screen: Screen = "laptop") -> go.Figure:
    """The layer stack in large type; its flags have to be placed for that (`layer_stack(..., large=True)`)."""
    figure, factor = go.Figure(drawn), _STRIP[screen]
    base = drawn.layout.template.layout
    ticks = factor * float(base.xaxis.tickfont.size or 11)
    figure.update_layout(title=None, height=height, margin={"t": 8, "b": int(2 * _LINE * ticks) + 8, "l": 12, "r": 16})
    figure.update_xaxes(tickfont_size=ticks, title_font_size=ticks, title_standoff=8, nticks=8, title_text="layer")
    figure.for_each_annotation(lambda note: note.update(font_size=factor * float(note.font.size or 11)))
    return figure
