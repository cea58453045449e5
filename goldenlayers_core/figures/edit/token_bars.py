"""The same few next tokens, before as outlines and after filled, in an order that does not move."""

from collections.abc import Sequence

import plotly.graph_objects as go

from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.theme import Colours

ROW = 26  # px per token


def token_bars(
    figure: go.Figure,
    tokens: Sequence[str],
    sides: tuple[Sequence[float], Sequence[float]],
    fills: Sequence[str],
    theme: Colours,
) -> None:
    """Adds the bars; `sides` are the probabilities before and after. customdata of a bar: [token, before, after]."""
    before, after = (list(map(float, side)) for side in sides)
    places = list(range(len(tokens)))
    custom = [[token_text(t), b, a] for t, b, a in zip(tokens, before, after, strict=True)]
    for name, values, marker in (
        ("after", after, {"color": list(fills)}),
        ("before", before, {"color": "rgba(0,0,0,0)", "line": {"color": theme.ink, "width": 1.2}}),
    ):
        figure.add_bar(
            y=places,
            x=values,
            orientation="h",
            name=name,
            width=0.62,
            marker=marker,
            customdata=custom,
            hovertemplate=(
                "<b>%{customdata[0]}</b><br>before %{customdata[1]:.3g}, after %{customdata[2]:.3g}<extra></extra>"
            ),
        )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", zeroline=False, title_text="probability of the next token")
    figure.update_yaxes(
        range=[len(places) - 0.4, -0.6],
        tickvals=places,
        ticktext=[token_text(token) for token in tokens],
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(showlegend=False, barmode="overlay")
