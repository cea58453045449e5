"""What every figure shares: the finding as title, definition and provenance beneath it, margins that hold both."""

from types import MappingProxyType
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.figures import room
from goldenlayers_core.figures.text import TIMES, clean, counted, layer_list, number, wrap
from goldenlayers_core.figures.theme import LABEL_SIZE, SUBTITLE_SIZE, Colours, figure_template
from goldenlayers_core.results import Floats, LayerScores, Selection

UNIT = "nats² per squared unit of weight"
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


def provenance(scores: LayerScores) -> str:
    """One sentence: method, scope, old answer, requests, dataset, model."""
    how = (
        f"{scores.method.upper()}, scope {scores.scope}, old answer from the {scores.old_answer}"
        if scores.method == "lga"
        else "Edit-aware analysis of the MLP output"
    )
    return f"{how}; {counted(scores.n_requests, 'request')} of {scores.dataset}; {scores.model}."


def value_definition(scores: LayerScores) -> str:
    """What one layer score is, with its unit."""
    if scores.method == "lga":
        return f"Value = ⟨∇L(old answer), ∇L(new answer)⟩, signed, in {UNIT}."
    return (
        "Value = predicted score of an edit, 0 to 1: mean of rewrite, rephrases, locality and portability over the "
        "kinds of probe that the request has. No edit was run."
    )


def set_aside_sentence(selection: Selection, shown_as: str) -> str:
    """Which layers the fences put aside, and how the figure shows them."""
    if selection.by == "mean":
        return ""
    if not selection.outliers:
        return "No layer is set aside."
    return (
        f"Set aside by the Tukey fences (k = {selection.fence_factor:g}, {shown_as}): {layer_list(selection.outliers)}."
    )


def set_aside_mask(selection: Selection) -> NDArray[np.bool_]:
    """(L,) True where the fences put the layer aside."""
    mask = np.zeros(len(selection.raw_ranking), dtype=np.bool_)
    mask[list(selection.outliers)] = True
    return mask


def layer_axis(figure: go.Figure, n_layers: int, **where: int) -> None:
    """Whole layer numbers on the x axis, half a layer of room at both ends."""
    step = {"dtick": 1} if n_layers <= 12 else {}
    figure.update_xaxes(
        range=[-0.5, n_layers - 0.5], tick0=0, tickformat="d", showgrid=False, zeroline=False, **step, **where
    )


def mark_layers(figure: go.Figure, selection: Selection, theme: Colours, rows: int) -> None:
    """Frame the golden layer's column of a heatmap with `rows` rows and put a cross above each layer set aside."""
    mark_column(
        figure,
        selection.golden_layer,
        len(selection.raw_ranking),
        rows,
        theme,
        label=f"golden layer {selection.golden_layer}",
        above=12 if selection.outliers else 0,
    )
    for layer in selection.outliers:
        figure.add_annotation(
            x=layer, text=TIMES, font={"color": theme.muted, "size": 12}, name="set aside", **_ABOVE_PLOT
        )


_ABOVE_PLOT: Final = MappingProxyType({"xref": "x", "yref": "paper", "y": 1.0, "yanchor": "bottom", "showarrow": False})


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
        **_ABOVE_PLOT,
    )


def cut_range(values: Floats, low: Floats, high: Floats, aside: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Axis range that keeps the layers inside the fences readable; None where everything fits anyway.

    `values`, `low`, `high`: (L,) bars and the ends of their intervals. Bars of layers set aside that are more than 2.5
    times as long as the rest are cut; the caller writes their values.
    """
    kept = ~aside
    if not kept.any():
        return None
    bottom = min(0.0, float(low[kept].min()), float(values[kept].min()))
    top = max(0.0, float(high[kept].max()), float(values[kept].max()))
    span = top - bottom
    if span == 0 or not np.any((values[aside] > bottom + 2.5 * span) | (values[aside] < top - 2.5 * span)):
        return None
    return bottom - 0.3 * span * (bottom < 0 or values.min() < 0), top + 0.3 * span * (top > 0 or values.max() > 0)


def cut_bars(figure: go.Figure, values: Floats, limits: tuple[float, float], theme: Colours) -> str:
    """Set the y range of the first panel and write the value of every bar it cuts at the edge; the sentence on it."""
    low, high = limits
    beyond = np.flatnonzero((values < low) | (values > high))
    figure.layout.yaxis.range = [low, high]  # the first panel's, where there are several
    for layer in beyond:
        up = values[layer] > high
        figure.add_annotation(
            x=int(layer),
            y=high if up else low,
            yanchor="top" if up else "bottom",
            text=("▲ " if up else "▼ ") + number(values[layer]),
            textangle=-90,
            showarrow=False,
            bgcolor=theme.background,
            font={"size": 10, "color": theme.ink},
            name="cut",
        )
    if len(beyond) == 1:
        return "One bar set aside is cut at the edge; its value is written there."
    return f"{len(beyond)} bars set aside are cut at the edge; their values are written there."


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
