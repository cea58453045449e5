"""How many requests a golden layer needs: the chance of a good layer over the number of requests."""

from typing import Final

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.results.truth.needed import RequestsNeeded

_LOOKS: Final = (("square", "dash"), ("circle", "solid"))  # of the margins, the narrow one first


def needed_curves(found: RequestsNeeded, about_sweep: str, dark: bool = False) -> go.Figure:
    """Chance of a layer within each margin of the best one, by number of requests.

    customdata of a mark: [requests, chance].
    """
    theme = colours(dark)
    figure = go.Figure()
    for w, margin in enumerate(found.margins):
        _margin(figure, found, w, margin, theme)
    figure.add_hline(y=found.wanted, line={"color": theme.muted, "width": 1, "dash": "dot"}, name="wanted")
    if found.enough is not None:
        place = found.numbers.index(found.enough)
        figure.add_vline(x=place, line={"color": theme.gold, "width": 2}, layer="below", name="enough")
    figure.update_xaxes(
        tickvals=list(range(len(found.numbers))),
        ticktext=[str(n) for n in found.numbers],
        range=[-0.4, len(found.numbers) - 0.6],
        title_text="requests that choose the layer",
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(title_text="chance", tickformat=".0%", range=[-0.03, 1.05], dtick=0.2, zeroline=False)
    figure.update_layout(showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=needed_finding(found),
        subtitle=_definition(found, about_sweep),
        kind=f"Line chart over {counted(len(found.numbers), 'number')} of requests",
        body=190,
        bottom=84,
    )


def needed_finding(found: RequestsNeeded) -> str:
    """The answer in one sentence, without its stop."""
    chance, margin = percent(found.wanted), number(found.margins[-1], 2)
    if found.enough is None:
        reached = percent(float(found.chance[-1, -1]))
        return (
            f"{counted(found.n_requests, 'request')} choose a layer within {margin} of the best with a chance of "
            f"{reached}; it takes more of them for {chance}"
        )
    verb = "chooses" if found.enough == 1 else "choose"
    chosen = f"{counted(found.enough, 'request')} {verb} a layer within {margin} of the best"
    return f"{chosen} with a chance of {chance} or more"


def needed_answer(found: RequestsNeeded) -> str:
    """The answer in a few words."""
    if found.enough is None:
        return f"more than the {found.n_requests} swept"
    return f"{found.enough}, by these {found.n_requests} alone" if found.n_requests < FEW else f"{found.enough} do here"


def _margin(figure: go.Figure, found: RequestsNeeded, w: int, margin: float, theme: Colours) -> None:
    symbol, dash = _LOOKS[w % len(_LOOKS)]
    colour = theme.blue if w == len(found.margins) - 1 else theme.slate
    figure.add_scatter(
        x=list(range(len(found.numbers))),
        y=found.chance[w],
        mode="lines+markers",
        name=f"within {number(margin, 2)}",
        line={"color": colour, "width": 2, "dash": dash},
        marker={"symbol": symbol, "size": 7, "color": colour},
        customdata=[[n, float(share)] for n, share in zip(found.numbers, found.chance[w], strict=True)],
        hovertemplate=(
            f"<b>%{{customdata[0]}} requests</b><br>within {number(margin, 2)} of the best layer in "
            "%{customdata[1]:.0%} of samples<extra></extra>"
        ),
    )


def _definition(found: RequestsNeeded, about_sweep: str) -> str:
    return sentences(
        (
            f"Chance = share of {found.n_resamples:,} samples of so many requests whose golden layer comes that near. "
            f"Drawn with replacement from the {found.n_requests:,} swept, seed {found.seed}; near: a mean score, over "
            f"all {found.n_requests:,}, at most so much below the best of the {counted(found.n_layers, 'layer')}.",
            f"Dotted: {percent(found.wanted)}; gold: the fewest requests that reach it within "
            f"{number(found.margins[-1], 2)} and stay there. The {found.n_requests:,} stand for all others, which "
            "flatters a small sweep.",
            about_sweep,
        )
    )
