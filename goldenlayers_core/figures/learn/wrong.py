"""Lesson 7: edits pile up at several layers; what breaks first, and which sign tells it."""

from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted, layer_list, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.edit.panel import CAUTION, COLLAPSE
from goldenlayers_core.results.learn.pile import Pile, PileCurve

_LOOKS: Final = (("solid", "circle", 0), ("dash", "square", 3), ("dot", "diamond", 1), ("dashdot", "triangle-up", 2))
_CEILING: Final = 100.0  # perplexity ratios beyond are drawn at the edge; the hover tells them


def pile_curves(found: Pile, dark: bool = False) -> go.Figure:
    """Words of the panel changed, other facts still answered, and perplexity, by the number of edits laid on; one
    line per layer, a cross where the guard says collapse.

    customdata of a mark: [words changed, facts kept, perplexity ratio].
    """
    theme, figure = colours(dark), make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    for place, curve in enumerate(found.curves):
        _lines(figure, curve, place, theme)
    for row, (level, caution) in enumerate(((COLLAPSE[0], CAUTION[0]), (None, None), (COLLAPSE[1], CAUTION[1])), 1):
        if level is not None and caution is not None:
            _level(figure, row, caution, "caution" if row == 1 else "", theme)
            _level(figure, row, level, "collapse" if row == 1 else "", theme)
    figure.update_yaxes(title_text="words changed", tickformat=".0%", range=[-0.04, 1.06], row=1, col=1)
    figure.update_yaxes(title_text="other facts kept", tickformat=".0%", range=[-0.04, 1.06], row=2, col=1)
    figure.update_yaxes(
        title_text="perplexity ratio",
        type="log",
        range=[np.log10(0.85), np.log10(_CEILING * 1.3)],
        tickvals=[1, 10, 100],
        row=3,
        col=1,
    )
    sizes = list(found.sizes)
    figure.update_xaxes(range=[-0.4, sizes[-1] + 0.4], tickvals=sizes, zeroline=False)
    figure.update_xaxes(title_text="edits laid on at one layer", row=3, col=1)
    figure.update_layout(showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=_definition(found),
        kind=f"Three panels of {counted(len(found.curves), 'line')} over {counted(len(sizes), 'number')} of edits",
        body=450,
        bottom=80,
    )


def _lines(figure: go.Figure, curve: PileCurve, place: int, theme: Colours) -> None:
    dash, symbol, colour = _LOOKS[place % len(_LOOKS)]
    sizes = [each.size for each in curve.passes]
    ratios = [curve.ratio(i) for i in range(len(sizes))]
    told = [[each.changed, kept, ratio] for each, kept, ratio in zip(curve.passes, curve.kept, ratios, strict=True)]
    rows = ([each.changed for each in curve.passes], list(curve.kept), [_drawn(ratio) for ratio in ratios])
    for row, values in enumerate(rows, 1):
        figure.add_scatter(
            x=sizes,
            y=values,
            mode="lines+markers",
            name=f"layer {curve.layer}",
            legendgroup=str(curve.layer),
            showlegend=row == 1,
            line={"color": theme.series[colour], "dash": dash, "width": 2.2},
            marker={"symbol": symbol, "size": 8},
            customdata=told,
            hovertemplate=f"<b>layer {curve.layer}, %{{x}} edits</b><br>words changed %{{customdata[0]:.0%}}<br>other "
            "facts kept %{customdata[1]:.0%}<br>perplexity ratio %{customdata[2]:.3g}<extra></extra>",
            row=row,
            col=1,
        )
    broken = curve.breaks_at
    if broken is not None:
        figure.add_scatter(
            x=[broken],
            y=[rows[0][sizes.index(broken)]],
            mode="markers",
            marker={"symbol": "x", "size": 15, "color": theme.ink, "line": {"width": 1, "color": theme.background}},
            name="collapse",
            showlegend=False,
            hovertemplate=f"<b>layer {curve.layer}</b> collapses here<extra></extra>",
            row=1,
            col=1,
        )


def _drawn(ratio: float) -> float:
    return min(ratio, _CEILING) if np.isfinite(ratio) else _CEILING


def _level(figure: go.Figure, row: int, level: float, word: str, theme: Colours) -> None:
    figure.add_hline(
        y=level,
        line={"color": theme.muted, "width": 1, "dash": "dot"},
        **(
            {
                "annotation": {"text": word, "font": {"size": 11, "color": theme.muted}},
                "annotation_position": "bottom right" if word == "caution" else "top left",
            }
            if word  # on the logarithmic axis below they would stand elsewhere
            else {}
        ),
        row=row,
        col=1,
    )


def _finding(found: Pile) -> str:
    last = found.sizes[-1]
    first = found.first_to_break
    if not first:
        return f"None of {layer_list([c.layer for c in found.curves])} collapses under {counted(last, 'edit')}"
    curve = next(c for c in found.curves if c.layer in first)
    spared = ", ".join(
        f"{percent(c.passes[-1].changed)} at layer {c.layer}" for c in found.curves if c.breaks_at is None
    )
    start = f"At {layer_list(first)} the model collapses with {counted(int(curve.breaks_at or 0), 'edit')}"
    return f"{start}; with {last}, words changed: {spared}" if spared else start


def _definition(found: Pile) -> str:
    return sentences(
        (
            f"Words changed: share of {counted(found.n_prompts, 'general prompt')} whose likeliest next token is "
            f"another. Other facts kept: share of {counted(len(found.facts), 'fact')}, all known before, that are "
            "still answered. Perplexity ratio: of a fixed text, over that of the unedited model; logarithmic, drawn up "
            f"to {number(_CEILING)}.",
            f"Caution above {percent(CAUTION[0])} of the words or {CAUTION[1]:g} times the perplexity, collapse (a "
            f"cross) at {percent(COLLAPSE[0])} or {COLLAPSE[1]:g} times. Dotted lines: both. Measured with "
            f"{', '.join(map(str, found.sizes))} edits.",
            f"{found.method.upper()} edits, each computed on the unedited model, of {found.dataset}; {found.model}.",
        )
    )
