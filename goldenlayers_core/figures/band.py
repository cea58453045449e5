"""The band of an interval around a curve."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from goldenlayers_core.figures.theme import Colours
from goldenlayers_core.results import Floats


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
