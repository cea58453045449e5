"""What every figure shares: the finding as title, definition and provenance beneath it, margins that hold both."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import plotly.graph_objects as go

from goldenlayers_core.figures import room
from goldenlayers_core.figures.text import clean, wrap
from goldenlayers_core.figures.theme import LABEL_SIZE, SUBTITLE_SIZE, Colours, figure_template
from goldenlayers_core.results import Floats

LAYER = "layer (0 is the first block)"  # title of the layers' axis
BAR = 0.82  # of the room between two layers; by itself plotly takes it from the gaps between the layers of a group
PHONE = 358  # px a figure has on a phone 390 px wide, less the page's padding
_TITLE_LINE, _TITLE_LETTER = 20, 8.9  # px, of the widest font in the stack
_SUBTITLE_LINE, _SUBTITLE_LETTER = 16, 6.3
_LONGEST_TITLE, _LONGEST_SUBTITLE = 90, 125  # characters; longer lines are hard to read


def dress(
    figure: go.Figure,
    *,
    dark: bool,
    title: str,
    subtitle: str,
    kind: str,
    body: int,
    bottom: int = 48,
    above: int = 0,
) -> go.Figure:
    """Give `figure` its title, subtitle, height and the text that stands for it, for any screen from a phone upwards.

    Parameters
    ----------
    title, subtitle: plain text; escaped and wrapped here (line breaks in the subtitle start a new line).
    kind: what is drawn, for readers who do not see it ("Heatmap of 32 requests by 30 layers").
    body, bottom, above: px for the plot, below it (axis title, legend, colour bar) and between it and the subtitle.
    """
    alt = f"{clean(kind)}. {clean(title)}. {clean(subtitle)}"
    words = {"alt": alt, "title": title, "subtitle": subtitle}
    figure.update_layout(
        template=figure_template(dark),
        meta={**words, "body": body, "bottom": room.below(figure, bottom), "above": above},
        margin={"l": room.left(figure), "r": room.RIGHT},
    )
    return _headed(figure, PHONE)


def fit_width(figure: go.Figure, width: int) -> go.Figure:
    """A copy of a figure of this package whose title and subtitle use `width` px; its plot keeps its height.

    Figures come wrapped for a phone, because plotly does not wrap; on a known, wider screen this saves lines.
    """
    return _headed(go.Figure(figure), max(width, PHONE))


def evened(*drawn: go.Figure) -> tuple[go.Figure, ...]:
    """Copies for one row of a page: without their titles they are equally high, and so are their plots."""
    rooms = {
        name: max(int((each.layout.meta or {}).get(name, 0)) for each in drawn) for name in ("body", "bottom", "above")
    }
    copies = tuple(go.Figure(each) for each in drawn)
    for copy in copies:
        copy.layout.meta = {**copy.layout.meta, **rooms}
    return tuple(_headed(copy, PHONE) for copy in copies)


def untitled(drawn: go.Figure) -> go.Figure:
    """A copy without its title and subtitle, which a page sets in its own type; they stay in `layout.meta`."""
    bare = go.Figure(drawn)
    top, height = untitled_room(drawn)
    bare.update_layout(title=None, margin_t=top, height=height)
    return bare


def untitled_room(drawn: go.Figure) -> tuple[int, int]:
    """px above the plot, and of the whole figure, once its title and subtitle are gone."""
    top = int((drawn.layout.meta or {}).get("above", 0)) + 18
    return top, int(drawn.layout.height or 450) - max(int(drawn.layout.margin.t or 0) - top, 0)


def _headed(figure: go.Figure, width: int) -> go.Figure:
    meta = figure.layout.meta
    title = wrap(meta["title"], min(int((width - 18) / _TITLE_LETTER), _LONGEST_TITLE))
    subtitle = wrap(meta["subtitle"], min(int((width - 18) / _SUBTITLE_LETTER), _LONGEST_SUBTITLE))
    lines = 1 + title.count("<br>"), 1 + subtitle.count("<br>")
    top = 24 + _TITLE_LINE * lines[0] + _SUBTITLE_LINE * lines[1] + meta["above"]
    figure.update_layout(
        # plotly hangs the first line of a title of several lines above its anchor
        title={"text": title, "subtitle": {"text": subtitle}, "pad": {"t": 12 if lines[0] == 1 else 22}},
        margin={"t": top, "b": meta["bottom"]},
        height=top + meta["body"] + meta["bottom"],
    )
    return figure


def colour_bar(theme: Colours, title: str, body: int) -> dict[str, Any]:
    """A horizontal colour bar below a plot of `body` px and its axis title; the caller adds the ticks."""
    return {
        "orientation": "h",
        "x": 0.5,
        "xanchor": "center",
        "len": 1.0,
        "y": -50 / body,
        "yanchor": "top",
        "thickness": 10,
        "outlinewidth": 0,
        "tickangle": 0,
        "tickfont": {"size": LABEL_SIZE, "color": theme.muted},
        "title": {"text": title, "side": "top", "font": {"size": SUBTITLE_SIZE, "color": theme.muted}},
    }


def layer_axis(figure: go.Figure, n_layers: int, title: str = LAYER, **where: int) -> None:
    """Whole layer numbers on the x axis, half a layer of room at both ends; of panels, the lowest has the title."""
    step = {"dtick": 1} if n_layers <= 12 else {}
    figure.update_xaxes(
        range=[-0.5, n_layers - 0.5], tick0=0, tickformat="d", showgrid=False, zeroline=False, **step, **where
    )
    figure.for_each_xaxis(
        lambda axis: axis.update(title_text=title), lambda axis: axis.showticklabels is not False, **where
    )


ABOVE_PLOT: Final = MappingProxyType({"xref": "x", "yref": "paper", "y": 1.0, "yanchor": "bottom", "showarrow": False})


def mark_column(
    figure: go.Figure, place: int, columns: int, rows: int, theme: Colours, *, label: str, above: int = 0
) -> None:
    """Frame the golden layer's column, number `place` of `columns`, `label` standing `above` px higher than usual."""
    figure.add_shape(
        type="rect",
        x0=place - 0.5,
        x1=place + 0.5,
        y0=-0.5,
        y1=rows - 0.5,
        line={"color": theme.gold, "width": 2.5},
        name="golden layer",
    )
    last = columns - 1
    side = "left" if place < last / 3 else "right" if place > 2 * last / 3 else "center"
    figure.add_annotation(
        x=place,
        text=label,
        xanchor=side,
        xshift={"left": -8, "right": 8, "center": 0}[side],
        yshift=2 + above,
        font={"color": theme.gold_text, "size": 12, "weight": 600},
        name="golden layer",
        **ABOVE_PLOT,
    )


def interval_band(figure: go.Figure, x: Sequence[int], low: Floats, high: Floats, theme: Colours, **more: Any) -> None:
    """The area between two (L,) curves, behind what is drawn later; `more` places or names the trace."""
    figure.add_scatter(
        x=[*x, *reversed(x)],
        y=[*high, *low[::-1]],
        fill="toself",
        fillcolor=theme.faint,
        opacity=0.45,
        mode="none",
        hoverinfo="skip",
        **more,
    )


def arrow(figure: go.Figure, tip: tuple[float, float], colour: str, width: float, **more: Any) -> None:
    """An arrow from the origin to `tip`, in the axes' own numbers; `more` are further settings of the annotation."""
    figure.add_annotation(
        x=tip[0],
        y=tip[1],
        ax=0,
        ay=0,
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        showarrow=True,
        arrowhead=2,
        arrowwidth=width,
        arrowcolor=colour,
        text="",
        **more,
    )
