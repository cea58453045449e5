"""The look of every figure: one gold accent on neutral slate, light and dark.

Colours are told apart by lightness as well as hue, so that they survive colour blindness and grey print: signed values
run from blue (negative) over the background to rust (positive), shares run from the background to deep blue, and gold
is kept for the golden layer alone.
"""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif'
TITLE_SIZE = 15
SUBTITLE_SIZE = 12
LABEL_SIZE = 11


@dataclass(frozen=True, slots=True)
class Colours:
    """The named colours of one theme, as #rrggbb."""

    background: str
    surface: str
    ink: str
    muted: str
    grid: str
    slate: str  # ordinary marks
    faint: str  # set aside
    gold: str  # the golden layer, as a mark
    gold_text: str  # the golden layer, as text
    blue: str  # success, first run, negative pole
    rust: str  # failure, second run, positive pole
    diverging: tuple[str, ...]  # negative to positive, the background in the middle
    sequential: tuple[str, ...]  # 0 to largest
    series: tuple[str, ...]  # lines of one chart, none of them gold: Okabe and Ito's colours (2008), sky only on dark


LIGHT = Colours(
    background="#FFFFFF",
    surface="#F4F6F8",
    ink="#1B2733",
    muted="#536270",
    grid="#E2E7EC",
    slate="#62778A",
    faint="#CBD3DA",
    gold="#BC8500",
    gold_text="#855D00",
    blue="#1F5F99",
    rust="#B5501B",
    diverging=("#143F6B", "#2F6FA8", "#7DADD4", "#CFE1F0", "#FFFFFF", "#F9DCC6", "#EBA373", "#C9652B", "#84330B"),
    sequential=("#F3F6F9", "#DCE8F2", "#A9C7E0", "#6B9DC6", "#34719F", "#12446F"),
    series=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#332288", "#5B6B7A"),
)
DARK = Colours(
    background="#12181F",
    surface="#1A232C",
    ink="#E8EDF2",
    muted="#A3B2C0",
    grid="#2B3642",
    slate="#8EA3B6",
    faint="#43505C",
    gold="#EBBB3F",
    gold_text="#F2CB65",
    blue="#74B4EE",
    rust="#E4713C",
    diverging=("#A9D4FA", "#5FA6E3", "#34709F", "#1E3E5A", "#18212A", "#56301A", "#9C5124", "#E0803F", "#FBC79C"),
    sequential=("#18212A", "#1F3A52", "#2B5F88", "#4389BD", "#78B5E4", "#C6E3FA"),
    series=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#5B6B7A"),
)


def colours(dark: bool) -> Colours:
    """The colours of the light or the dark theme."""
    return DARK if dark else LIGHT


def colour_scale(steps: tuple[str, ...]) -> list[tuple[float, str]]:
    """`steps` spread evenly over [0, 1], as plotly wants a colour scale."""
    last = len(steps) - 1
    return [(place / last, colour) for place, colour in enumerate(steps)]


def _axis(theme: Colours) -> dict[str, Any]:
    return {
        "automargin": True,
        "gridcolor": theme.grid,
        "linecolor": theme.grid,
        "zerolinecolor": theme.muted,
        "zerolinewidth": 1,
        "ticks": "",
        "tickfont": {"size": LABEL_SIZE, "color": theme.muted},
        "title": {"font": {"size": SUBTITLE_SIZE, "color": theme.muted}, "standoff": 6},
    }


def _title(theme: Colours) -> dict[str, Any]:
    return {
        "x": 0.0,
        "xanchor": "left",
        "xref": "container",
        "y": 1.0,
        "yanchor": "top",
        "yref": "container",
        "pad": {"l": 8, "t": 12},
        "font": {"size": TITLE_SIZE, "weight": 600, "color": theme.ink},
        "subtitle": {"font": {"size": SUBTITLE_SIZE, "color": theme.muted}},
    }


def _legend(theme: Colours) -> dict[str, Any]:
    return {
        "orientation": "h",
        "x": 0.0,
        "xanchor": "left",
        "xref": "container",
        "y": 0.0,
        "yanchor": "bottom",
        "yref": "container",
        "font": {"size": LABEL_SIZE, "color": theme.muted},
        "itemclick": False,
        "itemdoubleclick": False,
    }


def _template(theme: Colours) -> go.layout.Template:
    layout = go.Layout(
        paper_bgcolor=theme.background,
        plot_bgcolor=theme.background,
        font={"family": FONT, "size": SUBTITLE_SIZE, "color": theme.ink},
        colorway=[theme.slate, *theme.series],
        margin={"l": 12, "r": 12, "t": 60, "b": 40, "pad": 0},
        title=_title(theme),
        legend=_legend(theme),
        hoverlabel={
            "align": "left",
            "bgcolor": theme.surface,
            "bordercolor": theme.muted,
            "font": {"family": FONT, "size": SUBTITLE_SIZE, "color": theme.ink},
        },
        hovermode="closest",
        dragmode=False,
        bargap=0.18,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": theme.muted, "activecolor": theme.ink, "orientation": "v"},
        xaxis=_axis(theme),
        yaxis=_axis(theme),
    )
    return go.layout.Template(layout=layout)


TEMPLATE_LIGHT: go.layout.Template = _template(LIGHT)
TEMPLATE_DARK: go.layout.Template = _template(DARK)


def figure_template(dark: bool) -> go.layout.Template:
    """The plotly template of the light or the dark theme."""
    return TEMPLATE_DARK if dark else TEMPLATE_LIGHT
