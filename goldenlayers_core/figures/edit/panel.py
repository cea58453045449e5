"""Blast radius: how far the next token moved on every prompt of the panel, and the guard's curve over the stack."""

from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import HOVER_WIDTH, counted, multiple, number, percent, sentences, shorten, wrap
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.edit.panel import CAUTION, COLLAPSE, MOVED, SAMPLE, PanelResult

_FLOOR: Final = 1e-5  # nats; what moved less stands at the left edge
_ROW: Final = 34  # px per kind of prompt


def panel_strip(found: PanelResult, dark: bool = False) -> go.Figure:
    """One mark per prompt by kind (up) and divergence (across, log); diamonds where the likeliest token changed.

    customdata of a mark: [number of the prompt in the panel].
    """
    theme = colours(dark)
    kinds = tuple(dict.fromkeys(p.kind for p in found.prompts))
    figure = go.Figure()
    changed = np.asarray(found.changed)
    for is_changed, name, symbol, colour in (
        (False, "same likeliest token", "circle", theme.slate),
        (True, "another likeliest token", "diamond", theme.rust),
    ):
        chosen = np.flatnonzero(changed == is_changed)
        figure.add_scatter(
            x=np.maximum(found.divergence[chosen], _FLOOR),
            y=[_height(found, kinds, int(i)) for i in chosen],
            mode="markers",
            name=f"{name} ({len(chosen)})",
            marker={"symbol": symbol, "size": 7, "color": colour, "opacity": 0.75},
            customdata=[[int(i)] for i in chosen],
            text=[_hover(found, int(i)) for i in chosen],
            hovertemplate="%{text}<extra></extra>",
        )
    largest = max(float(found.divergence.max(initial=0.0)), 10 * MOVED)
    figure.add_vline(x=MOVED, line={"color": theme.muted, "width": 1, "dash": "dot"}, name="moved")
    figure.update_xaxes(
        type="log",
        range=[np.log10(_FLOOR) - 0.1, np.log10(largest) + 0.2],
        dtick=1,
        exponentformat="power",
        title_text="divergence of the next token, nats (logarithmic)",
    )
    figure.update_yaxes(
        range=[len(kinds) - 0.4, -0.6], tickvals=list(range(len(kinds))), ticktext=list(kinds), showgrid=False
    )
    figure.update_yaxes(zeroline=False)
    figure.update_layout(showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=_definition(found),
        kind=f"Strip of {counted(len(found.prompts), 'prompt')} by divergence",
        body=_ROW * len(kinds) + 20,
        bottom=84,
    )


def _height(found: PanelResult, kinds: tuple[str, ...], index: int) -> float:
    """The kind's row, spread a little by the place in the panel so that marks do not hide each other."""
    return kinds.index(found.prompts[index].kind) + ((index * 7) % 11 - 5) / 18


def _hover(found: PanelResult, index: int) -> str:
    (before, p), (after, q) = found.tops_before[index][0], found.tops_after[index][0]
    return "<br>".join(
        (
            f"<b>{wrap(shorten(found.prompts[index].prompt, 120), HOVER_WIDTH)}</b>",
            f"before: {token_text(before)} {percent(p)}",
            f"after: {token_text(after)} {percent(q)}",
            f"moved by {number(float(found.divergence[index]))} nats",
        )
    )


def _finding(found: PanelResult) -> str:
    moved = int((found.divergence > MOVED).sum())
    total = len(found.prompts)
    if not moved:
        return f"On none of {counted(total, 'prompt')} did the next token move by more than {number(MOVED)} nats"
    worst = found.prompts[found.order[0]].prompt
    return (
        f"On {moved} of {counted(total, 'prompt')} the next token moved by more than {number(MOVED)} nats; the worst: "
        f"“{shorten(worst, 48)}”"
    )


def _definition(found: PanelResult) -> str:
    return sentences(
        (
            "Divergence = KL(before || after) of the next token: before is the unedited model, after the whole stack. "
            f"Dotted: {number(MOVED)} nats. Mean {number(float(found.divergence.mean()))} nats.",
            f"General prompts in {len({p.kind for p in found.prompts})} kinds, written for this project (panel "
            f"{found.panel[:8]}); {counted(len(found.edit_ids), 'edit')}; {found.model}.",
        )
    )


def guard_curve(found: PanelResult, dark: bool = False) -> go.Figure:
    """As edits pile up: share of likeliest words changed, perplexity over that of the unedited model, summed norm.

    customdata of a mark: [mean divergence] in the first row, [perplexity] in the second.
    """
    theme, sizes = colours(dark), [point.size for point in found.curve]
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    for row, (title, values, more, hover) in enumerate(_curve_rows(found), start=1):
        figure.add_scatter(
            x=sizes,
            y=[value if np.isfinite(value) else None for value in values],
            mode="lines+markers",
            line={"color": (theme.rust, theme.blue, theme.slate)[row - 1], "width": 2},
            marker={"size": 7},
            customdata=[[value] for value in more],
            hovertemplate=f"<b>%{{x}} edits</b><br>{hover}<extra></extra>",
            row=row,
            col=1,
        )
        figure.update_yaxes(title_text=title, row=row, col=1)
        if row < 3:
            _thresholds(figure, row, values, theme)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", row=3, col=1)
    step = {"dtick": 1} if len(found.edit_ids) <= 12 else {}
    figure.update_xaxes(range=[-0.3, max(sizes[-1], 1) + 0.3], tickformat="d", zeroline=False, **step)
    figure.update_xaxes(title_text="edits laid on, from the bottom of the stack", row=3, col=1)
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_guard_finding(found),
        subtitle=_guard_definition(found),
        kind=f"Three lines over {counted(len(sizes), 'size')} of the stack",
        body=450,
        bottom=52,
    )


def _guard_finding(found: PanelResult) -> str:
    last = found.curve[-1]
    return (
        f"With {counted(last.size, 'edit')}: {percent(last.changed)} of the sampled words changed, perplexity "
        f"{multiple(found.ratio)} that of the unedited model, summed norm {percent(last.norm)}"
    )


def _curve_rows(found: PanelResult) -> tuple[tuple[str, list[float], list[float], str], ...]:
    """(axis title, values, what the hover adds, hover) of each row."""
    first = found.curve[0].perplexity
    return (
        (
            "words changed",
            [point.changed for point in found.curve],
            [point.divergence for point in found.curve],
            "%{y:.1%} of the sampled prompts go on with another word<br>mean divergence %{customdata[0]:.3g} nats",
        ),
        (
            "perplexity ratio",
            [point.perplexity / first for point in found.curve],
            [point.perplexity for point in found.curve],
            "perplexity ratio %{y:.3f}, perplexity %{customdata[0]:.4g}",
        ),
        ("summed norm", [point.norm for point in found.curve], [0.0] * len(found.curve), "summed norm %{y:.3g}"),
    )


def _thresholds(figure: go.Figure, row: int, values: list[float], theme: Colours) -> None:
    """Dotted lines at the guard's thresholds that are near what was measured."""
    top = max((value for value in values if np.isfinite(value)), default=0.0)
    for levels, word in ((CAUTION, "caution"), (COLLAPSE, "collapse")):
        level = levels[row - 1]
        if word == "caution" or top > 0.6 * level:
            figure.add_hline(
                y=level,
                line={"color": theme.muted, "width": 1, "dash": "dot"},
                annotation={"text": word, "font": {"size": 11, "color": theme.muted}},
                annotation_position="top left",
                row=row,
                col=1,
            )


def _guard_definition(found: PanelResult) -> str:
    first, last = found.curve[0], found.curve[-1]
    return sentences(
        (
            f"Words changed: share of every {SAMPLE}th prompt of the panel whose likeliest next token is another. "
            f"Perplexity of a fixed text of about 120 words, written for this project: {number(first.perplexity)} "
            f"without edits, {number(last.perplexity)} with {counted(last.size, 'edit')}.",
            f"Caution above {percent(CAUTION[0])} of the words or {CAUTION[1]:g} times the perplexity, collapse from "
            f"{percent(COLLAPSE[0])} or {COLLAPSE[1]:g} times on, read off ROME edits piled up on the bundled model "
            "(benchmarks/collapse.py): of 32 other known facts 78 to 97 % were still answered about the first, at most "
            "72 % from the second on. Perplexity, Yang et al. 2024's sign of a collapse, moved later than the words.",
            "Summed norm: Frobenius norm of the sum of all changes over that of the matrices that the whole stack "
            f"changes. {found.model}.",
        )
    )
