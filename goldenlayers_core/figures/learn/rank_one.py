"""Lesson 3: where the keys of other prompts lie, seen along the direction that an edit writes to."""

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import arrow, dress
from goldenlayers_core.figures.text import clean, counted, escape, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.learn.rank_one import KINDS, KeyKind, KeyRow, RankOne

_SYMBOLS = ("star", "diamond", "square", "circle-open")
_NAMES = ("edited prompt", "rephrase", "neighbour", "something else")
_ROW = 44  # px per prompt: its words above, its bar below


def key_plane(found: RankOne, dark: bool = False) -> go.Figure:
    """Every prompt's key as a mark: across, its length along the written direction; up, the rest of it.

    The further right, the more the edit moves it: nothing at 0, as much as the edited prompt at 1. customdata of a
    mark: [prompt, token, cosine, measured movement].
    """
    theme = colours(dark)
    figure = go.Figure()
    _shade(figure, found, theme)
    for kind, symbol, name in zip(KINDS, _SYMBOLS, _NAMES, strict=True):
        _marks(figure, found, kind, symbol, name, theme)
    across = [row.share for row in found.rows]
    figure.update_xaxes(
        range=[min(-0.12, min(across) - 0.1), max(across) + 0.16],
        title_text="how much of the change this key gets",
        tickformat=".0%",
        zeroline=True,
        showgrid=True,
    )
    figure.update_yaxes(
        range=[-0.06, 1.14 * max(row.across for row in found.rows)],
        title_text="rest of the key (the edit does not see it)",
        rangemode="tozero",
        zeroline=False,
    )
    figure.update_layout(showlegend=True, legend={"entrywidth": 118, "entrywidthmode": "pixels"})
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=sentences(
            (
                "Across: (k' · u) / (k · u), with k the edited prompt's key and k' another's; u is the direction the "
                "edit is written to. The edit moves the output at k' by this share of what it moves it at k. Up: "
                "length of the rest of k', in the same unit. Arrows begin at the origin, where a key has no length.",
                f"Layer {found.layer}, {counted(len(found.rows), 'prompt')}: keys at the subject's last token, of "
                "prompts without the subject at the token that meets u most (of other facts at their own subject). "
                f"ROME; {found.model}.",
            )
        ),
        kind=f"Scatter of {counted(len(found.rows), 'key')} in a plane",
        body=330,
        bottom=96,
    )


def _shade(figure: go.Figure, found: RankOne, theme: Colours) -> None:
    """Arrows to the edited prompt's key and to the neighbour's that gets most."""
    first, others = found.rows[0], found.of("neighbour")
    ends = [first, *([max(others, key=lambda row: abs(row.share))] if others else [])]
    for row, colour in zip(ends, (theme.blue, theme.rust), strict=False):
        arrow(figure, (row.share, row.across), colour, 1.6)
        figure.add_scatter(
            x=[row.share, row.share],
            y=[row.across, 0],
            mode="lines",
            line={"color": colour, "width": 1, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_annotation(
            x=row.share,
            y=row.across,
            text=escape(shorten(row.token.strip(), 16)),
            showarrow=False,
            yanchor="bottom",
            yshift=9,
            font={"size": 12, "color": colour, "weight": 600},
        )
        figure.add_annotation(
            x=row.share,
            y=0,
            text=percent(row.share),
            showarrow=False,
            yanchor="bottom",
            xanchor="left",
            xshift=3,
            font={"size": 12, "color": colour, "weight": 600},
        )


def _marks(figure: go.Figure, found: RankOne, kind: KeyKind, symbol: str, name: str, theme: Colours) -> None:
    rows = found.of(kind)
    if not rows:
        return
    tint = dict(zip(KINDS, (theme.blue, theme.blue, theme.rust, theme.slate), strict=True))[kind]
    figure.add_scatter(
        x=[row.share for row in rows],
        y=[row.across for row in rows],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": 15 if kind == "rewrite" else 10, "color": tint},
        customdata=[[escape(shorten(r.prompt, 60)), escape(clean(r.token)), r.cosine, r.moved] for r in rows],
        hovertemplate=(
            "<b>%{customdata[0]}</b><br>key at “%{customdata[1]}”, cosine with k %{customdata[2]:.2f}<br>share "
            "%{x:.1%}, measured %{customdata[3]:.1%}<extra></extra>"
        ),
    )


def _finding(found: RankOne) -> str:
    others = found.of("neighbour")
    same = found.of("rephrase")
    if not others:
        return f"The change is written along one direction; {found.subject} gets all of it"
    most = max(abs(row.share) for row in others)
    least = min((row.share for row in same), default=1.0)
    told = f"a neighbour gets up to {percent(most)} of the change"
    return f"The edit is written for one key: {told}" + (
        f", a rephrase as little as {percent(max(least, 0.0))}" if same and least < most else ""
    )


def key_rows(found: RankOne, dark: bool = False) -> go.Figure:
    """Per prompt the new answer's probability before (ring) and after (filled), under its share of the change.

    customdata of a mark: [prompt, share].
    """
    theme = colours(dark)
    figure = go.Figure()
    places = list(range(len(found.rows)))
    for row, place in zip(found.rows, places, strict=True):
        _dumbbell(figure, row, place, theme)
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%", zeroline=False)
    figure.update_xaxes(title_text=f"probability of “{escape(shorten(found.target_new, 20))}”")
    figure.update_yaxes(range=[len(places) - 0.5, -0.8], visible=False)
    follow = sum(row.p_new_after > 0.5 for row in found.of("rephrase", "neighbour", "unrelated"))
    return dress(
        figure,
        dark=dark,
        title=f"After the edit {follow} of {len(found.rows) - 1} other prompts give “{shorten(found.target_new, 20)}” "
        "more than 50 %",
        subtitle=sentences(
            (
                "Ring: probability of the new answer before the edit; filled: after. In bold the share of the change "
                "that the prompt's key gets. The deeper layers decide what a moved output does to the answer: a large "
                "share need not change it, a small one can.",
                f"{counted(len(found.rows), 'prompt')}, ROME at layer {found.layer}; {found.model}.",
            )
        ),
        kind=f"Dumbbells of {counted(len(found.rows), 'prompt')}",
        body=_ROW * len(places),
        bottom=48,
    )


def _dumbbell(figure: go.Figure, row: KeyRow, place: int, theme: Colours) -> None:
    """Before and after of one prompt, under its words and its share."""
    figure.add_scatter(
        x=[row.p_new_before, row.p_new_after],
        y=[place, place],
        mode="lines+markers",
        line={"color": _tint(row, theme), "width": 2},
        marker={
            "size": 10,
            "symbol": ["circle-open", "circle"],
            "color": _tint(row, theme),
            "line": {"width": 2, "color": _tint(row, theme)},
        },
        customdata=[[escape(shorten(row.prompt, 60)), row.share]] * 2,
        hovertemplate="<b>%{customdata[0]}</b><br>probability %{x:.3g}<extra></extra>",
        showlegend=False,
    )
    figure.add_annotation(
        x=0,
        y=place - 0.42,
        text=f"{escape(shorten(row.prompt, 38))} <b>{percent(abs(row.share))}</b>",
        showarrow=False,
        xanchor="left",
        font={"size": 11, "color": theme.ink},
        bgcolor=theme.background,  # no line of the grid runs through it
    )


def _tint(row: KeyRow, theme: Colours) -> str:
    return theme.slate if row.kind == "unrelated" else theme.rust if row.kind == "neighbour" else theme.blue
