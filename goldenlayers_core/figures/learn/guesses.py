"""What a class guesses, as bars."""

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted, escape, sentences, shorten
from goldenlayers_core.figures.theme import colours
from goldenlayers_core.results.learn.class_link import Asked

_ROW = 34  # px per bar


def class_guesses(asked: Asked, dark: bool = False) -> go.Figure:
    """A bar per option with how many chose it; the right ones are blue once the class was told.

    customdata of a bar: [guesses, of how many].
    """
    theme, counts = colours(dark), asked.counts
    total = sum(counts)
    names = [escape(shorten(option, 40)) for option in asked.options]
    figure = go.Figure(
        go.Bar(
            x=counts,
            y=names,
            orientation="h",
            text=[str(n) for n in counts],
            textposition="outside",
            cliponaxis=False,
            marker_color=[theme.blue if place in asked.right else theme.slate for place in range(len(counts))],
            customdata=[[n, total] for n in counts],
            hovertemplate="%{y}: %{customdata[0]} of %{customdata[1]}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, max(*counts, 4) * 1.15], title_text="guesses", tickformat="d", nticks=6)
    figure.update_yaxes(autorange="reversed", title_text=None)
    return dress(
        figure,
        dark=dark,
        title=_finding(asked, total),
        subtitle=sentences((asked.text, f"{counted(total, 'tab')} guessed, each once; nobody's name is known.")),
        kind=f"Bar chart of {counted(len(counts), 'option')}",
        body=_ROW * len(counts),
        bottom=48,
    )


def _finding(asked: Asked, total: int) -> str:
    if not total:
        return "No guess yet"
    if asked.revealed:
        right = sum(asked.counts[place] for place in asked.right)
        return f"{right} of {counted(total, 'guess').replace('guesss', 'guesses')} right"
    most = max(asked.counts)
    leading = [option for option, n in zip(asked.options, asked.counts, strict=True) if n == most]
    said = shorten(leading[0], 40) if len(leading) == 1 else f"{len(leading)} options alike"
    return f"{counted(total, 'guess').replace('guesss', 'guesses')} so far; most for {said} ({most})"
