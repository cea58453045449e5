"""One fact at every layer: small multiples of before and after, and the next tokens at the layer looked at."""

import math
from typing import Final

import plotly.graph_objects as go

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.edit.token_bars import ROW, token_bars
from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted, escape, layer_list, number, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.fact_layers import FactLayers, probability_of, score

COLUMNS: Final = 5
_WIDE, _HIGH = 1.32, 1.72  # of a cell, whose panel is 1 by 1
_PANEL: Final = 62  # px that a cell is high
_SHORT: Final = {"rephrase": "rephrases", "locality": "neighbours", "portability": "consequences"}


def fact_panels(found: FactLayers, layer: int, dark: bool = False) -> go.Figure:
    """A panel per layer: P(new) and P(old) from before (left) to after the edit there (right), ticked where it took.

    The panel of `layer` is framed; a layer that was not measured has an empty one. customdata of a mark: [layer].
    Raises ConfigError for a layer the model does not have.
    """
    if layer not in found.wanted:
        raise ConfigError(f"Layer {layer} was asked for; this fact is written at {layer_list(found.wanted)}.")
    theme, figure = colours(dark), go.Figure()
    rows = math.ceil(len(found.wanted) / COLUMNS)
    for place, at in enumerate(found.wanted):
        _frame(figure, place, at == layer, found.at(at), theme)
    for side, colour, symbol in (("new", theme.blue, "circle"), ("true", theme.rust, "diamond")):
        _slopes(figure, found, side, colour, symbol)
    _titles(figure, found, theme)
    figure.update_xaxes(range=[-0.16, COLUMNS * _WIDE - 0.16], visible=False)
    figure.update_yaxes(range=[-(rows * _HIGH) + 0.62, 1.5], visible=False)
    figure.update_layout(showlegend=True, legend={"entrywidth": 108, "entrywidthmode": "pixels"})
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=_definition(found),
        kind=f"{counted(len(found.wanted), 'small panel')} of probabilities before and after an edit at each layer",
        body=_PANEL * rows + 16,
        bottom=30,
    )


def _corner(place: int) -> tuple[float, float]:
    """Lower left corner of a panel."""
    return (place % COLUMNS) * _WIDE, -(place // COLUMNS) * _HIGH


def _frame(figure: go.Figure, place: int, looked_at: bool, report: EditReport | None, theme: Colours) -> None:
    x, y = _corner(place)
    line = {"color": theme.ink, "width": 2.5} if looked_at else {"color": theme.grid, "width": 1}
    fill = theme.surface if report is not None else "rgba(0,0,0,0)"
    figure.add_shape(
        type="rect",
        x0=x - 0.06,
        x1=x + 1.06,
        y0=y - 0.08,
        y1=y + 1.08,
        line=line,
        fillcolor=fill,
        layer="below",
        name="looked at" if looked_at else "panel",
    )


def _slopes(figure: go.Figure, found: FactLayers, side: str, colour: str, symbol: str) -> None:
    xs: list[float | None] = []
    ys: list[float | None] = []
    custom: list[list[object]] = []
    for report in found.reports:
        before, after = (getattr(view, f"target_{side}_probability") for view in (report.before, report.after))
        if not (math.isfinite(before) and math.isfinite(after)):
            continue
        x, y = _corner(found.wanted.index(report.layer))
        told = [report.layer, _told(report), percent(before), percent(after)]
        xs += [x + 0.08, x + 0.92, None]
        ys += [y + before, y + after, None]
        custom += [told, told, told]
    name = "new" if side == "new" else "old"
    figure.add_scatter(
        x=xs,
        y=ys,
        mode="lines+markers",
        name=f"P({name} answer)",
        line={"color": colour, "width": 2.2},
        marker={"size": [0 if i % 3 == 0 else 7 for i in range(len(xs))], "symbol": symbol, "opacity": 1},
        customdata=custom,
        hovertemplate=f"<b>layer %{{customdata[0]}}</b><br>P({name}) %{{customdata[2]}} → %{{customdata[3]}}<br>"
        "%{customdata[1]}<extra></extra>",
    )


def _told(report: EditReport) -> str:
    rates = report.rates()
    parts = [f"{rates[k][0]} of {rates[k][1]} {_SHORT[k]} as wished" for k in PROBE_KINDS if k in rates and k in _SHORT]
    return "<br>".join([f"says “{escape(shorten(report.after.answer, 40))}”", *parts])


def _titles(figure: go.Figure, found: FactLayers, theme: Colours) -> None:
    failed = dict(found.failed)
    for place, layer in enumerate(found.wanted):
        (x, y), report = _corner(place), found.at(layer)
        mark = " ✗" if layer in failed else "" if report is None else " ✓" if report.took else " ✗"
        good = report is not None and report.took
        figure.add_annotation(
            x=x - 0.06,
            y=y + 1.08,
            text=f"<b>{layer}</b>{mark}",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            font={"size": 11, "color": theme.blue if good else theme.muted},
        )
        if report is not None:
            figure.add_annotation(
                x=x + 1.06,
                y=y + 1.08,
                text=number(score(report), 2),
                showarrow=False,
                xanchor="right",
                yanchor="bottom",
                font={"size": 10, "color": theme.muted},
            )


def _finding(found: FactLayers) -> str:
    if not found.reports:
        return "No layer was measured yet"
    first = found.reports[0]
    fact = f"{shorten(first.subject or first.prompt, 30)}: {shorten(first.target_true, 20)} → "
    fact += shorten(first.target_new, 20)
    took = f"taken at {len(found.taking)} of {counted(len(found.reports), 'layer')}"
    best = found.at(found.best[0])
    top = number(score(best), 2) if best is not None else ""
    where = layer_list(found.best) if len(found.best) <= 3 else f"{len(found.best)} layers"
    return f"{fact}, {took}; highest score {top} at {where}"


def _definition(found: FactLayers) -> str:
    measured = f"{len(found.reports)} of {counted(len(found.wanted), 'layer')}"
    kinds = found.reports[0].rates() if found.reports else {}
    probes = counted(sum(total for _, total in kinds.values()), "probe")
    return sentences(
        (
            "A panel per layer: probability of the whole answer before (left) and after the edit there (right). Each "
            "panel goes from 0 at the bottom to 1 on top. ✓: the greedy answer is the new one. Right: the score, mean "
            "over the kinds of probe.",
            f"{found.method.upper()} edits of this one fact, each on the unedited model; {measured}, {probes} each. "
            f"{found.model}.",
        )
    )


def fact_tokens(found: FactLayers, layer: int, dark: bool = False) -> go.Figure:
    """The next tokens of the prompt before and after the edit at `layer`, of all layers the likeliest ones.

    customdata of a bar: [token, before, after]; a token that is not among the ten kept counts as 0. Raises ConfigError
    for a layer that was not measured.
    """
    report = found.at(layer)
    if report is None:
        raise ConfigError(f"Layer {layer} was asked for; measured are {layer_list(found.layers) or 'none'}.")
    theme, tokens = colours(dark), found.followed()
    before, after = ([probability_of(view, token) or 0.0 for token in tokens] for view in (report.before, report.after))
    known = {token for token, _ in report.before.top_tokens}
    figure = go.Figure()
    fills = [theme.slate if token in known else theme.blue for token in tokens]
    token_bars(figure, tokens, (before, after), fills, theme)
    said, now = (
        token_text(view.top_tokens[0][0]) if view.top_tokens else "?" for view in (report.before, report.after)
    )
    turned = f"stays {now}" if said == now else f"turns from {said} to {now}"
    return dress(
        figure,
        dark=dark,
        title=f"Edited at layer {layer}, the likeliest next token {turned}",
        subtitle=f"Next token after 1 prompt: the {len(tokens)} likeliest of all layers. Outlined: before; filled: "
        "after; blue: not among the ten likeliest before; · marks a space.",
        kind=f"Bar chart of {counted(len(tokens), 'token')}",
        body=ROW * len(tokens) + 20,
        bottom=48,
    )
