"""What an edit did: next tokens side by side, and every probe's probability before and after."""

import math

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import (
    HOVER_WIDTH,
    counted,
    escape,
    number,
    percent,
    row_labels,
    sentences,
    shorten,
    wrap,
)
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.records import PROBE_KINDS, ProbeKind
from goldenlayers_core.results import EditReport, ProbeOutcome, View

TOP_TOKENS = 10
MAX_PROBES = 60
_KINDS: tuple[str, ...] = PROBE_KINDS
_EXPECTED: tuple[tuple[ProbeKind, str], ...] = (  # whose probability is drawn
    ("rewrite", "new answer"),
    ("rephrase", "new answer"),
    ("locality", "old answer"),
    ("portability", "its own answer"),
)


def token_text(token: str) -> str:
    """A token with its white space made visible: · for a space, ⏎ for a line break; shortened and escaped."""
    shown = token.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "·")
    return escape(shorten(shown, 14)) if shown else "(empty)"


def top_tokens(before: View, after: View, dark: bool = False) -> go.Figure:
    """The ten most probable next tokens, before and after, on one probability axis."""
    theme = colours(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.06, subplot_titles=("before", "after"))
    largest = max([p for view in (before, after) for _, p in view.top_tokens[:TOP_TOKENS]] or [1.0]) or 1.0
    for column, view, other in ((1, before, after), (2, after, before)):
        _token_bars(figure, column, view, other, theme, largest)
    figure.update_annotations(font={"size": 12, "color": theme.muted, "weight": 600})
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_token_finding(before, after),
        subtitle=f"Probability of the next token after 1 prompt, the {TOP_TOKENS} largest. · marks a space; blue: not "
        f"among the {TOP_TOKENS} before.",
        kind="Two bar charts of next-token probabilities, before and after the edit",
        body=300,
        bottom=16,
        above=22,
    )


def _token_bars(figure: go.Figure, column: int, view: View, other: View, theme: Colours, largest: float) -> None:
    tokens = view.top_tokens[:TOP_TOKENS]
    known = {token for token, _ in other.top_tokens[:TOP_TOKENS]}
    new = [column == 2 and token not in known for token, _ in tokens]
    places = list(range(len(tokens)))
    figure.add_bar(
        y=[place + 0.22 for place in places],
        x=[probability for _, probability in tokens],
        orientation="h",
        width=0.34,
        name="before" if column == 1 else "after",
        marker={"color": [theme.blue if fresh else theme.slate for fresh in new]},
        customdata=[[token_text(token)] for token, _ in tokens],
        hovertemplate="<b>%{customdata[0]}</b><br>probability %{x:.4f}<extra></extra>",
        row=1,
        col=column,
    )
    figure.add_scatter(
        x=[0] * len(tokens),
        y=[place - 0.22 for place in places],
        mode="text",
        text=[f"{token_text(token)}  {percent(probability)}" for token, probability in tokens],
        textposition="middle right",
        textfont={"size": 12, "color": theme.ink},
        hoverinfo="skip",
        row=1,
        col=column,
    )
    figure.update_xaxes(range=[0, largest], showgrid=False, showticklabels=False, zeroline=False, row=1, col=column)
    figure.update_yaxes(range=[TOP_TOKENS - 0.4, -0.6], visible=False, row=1, col=column)


def _token_finding(before: View, after: View) -> str:
    if not before.top_tokens or not after.top_tokens:
        return "No next token was recorded"
    (old, p_old), (new, p_new) = before.top_tokens[0], after.top_tokens[0]
    if old == new:
        return f"The most probable next token stays “{_visible(old)}”: {percent(p_old)} before, {percent(p_new)} after"
    turn = f"“{_visible(old)}” ({percent(p_old)}) to “{_visible(new)}” ({percent(p_new)})"
    return f"The most probable next token turns from {turn}"


def _visible(token: str) -> str:
    return shorten(token.replace("\n", "⏎"), 24) or "space"


def tracked_probability(outcome: ProbeOutcome) -> tuple[float, float]:
    """Probability before and after of the answer the probe watches: the true one for locality, else the new one.

    NaN where the probe has no answer to ask for.
    """
    name = "target_true_probability" if outcome.kind == "locality" else "target_new_probability"
    return float(getattr(outcome.before, name)), float(getattr(outcome.after, name))


def probe_changes(report: EditReport, dark: bool = False) -> go.Figure:
    """Dumbbells: each probe's probability before (ring) and after (filled), grouped by kind, ticked or crossed.

    A probe without an expected answer has a label and a note instead. customdata of a mark: [number of the probe].
    """
    theme = colours(dark)
    shown = sorted(enumerate(report.outcomes), key=lambda pair: _KINDS.index(pair[1].kind))[:MAX_PROBES]
    labels = row_labels([outcome.prompt for _, outcome in shown], 20)
    rows = _rows(shown)
    figure = go.Figure()
    for success, colour, name in ((True, theme.blue, "as wished"), (False, theme.rust, "not as wished")):
        _dumbbells(figure, [(y, n, o) for y, n, o in rows if o.success is success], colour, name, theme)
    heads = _kind_headers(figure, report, rows, theme)
    _without_answer(figure, rows, theme)
    last = rows[-1][0] if rows else 0
    ticks: dict[float, str] = {
        y: f"{label} {'✓' if outcome.success else '✗'}" for label, (y, _, outcome) in zip(labels, rows, strict=True)
    }
    ticks |= {y: f"<b>{kind}</b>" for y, kind in heads.items()}
    figure.update_yaxes(range=[last + 0.7, -1.6], tickvals=sorted(ticks), ticktext=[ticks[y] for y in sorted(ticks)])
    figure.update_yaxes(showgrid=False, zeroline=False)
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%", zeroline=False, title_text="probability of the answer")
    figure.update_layout(showlegend=True, legend={"entrywidth": 112, "entrywidthmode": "pixels"})
    return dress(
        figure,
        dark=dark,
        title=_probe_finding(report),
        subtitle=_probe_definition(report, len(rows)),
        kind=f"Before and after of {counted(len(report.outcomes), 'probe')}",
        body=max(20 * (last + 2), 120),
        bottom=78,
    )


def _rows(shown: list[tuple[int, ProbeOutcome]]) -> list[tuple[int, int, ProbeOutcome]]:
    """(y, number of the probe, outcome); a free line above every kind for its header."""
    rows: list[tuple[int, int, ProbeOutcome]] = []
    y, kind = -1, ""
    for place, outcome in shown:
        y += 1 if outcome.kind == kind or not kind else 2
        kind = outcome.kind
        rows.append((max(y, 0), place, outcome))
    return rows


def _dumbbells(
    figure: go.Figure, rows: list[tuple[int, int, ProbeOutcome]], colour: str, name: str, theme: Colours
) -> None:
    rows = [row for row in rows if all(math.isfinite(p) for p in tracked_probability(row[2]))]
    if not rows:
        return
    ends = [tracked_probability(outcome) for _, _, outcome in rows]
    figure.add_scatter(
        x=[x for before, after in ends for x in (before, after, None)],
        y=[y for place, _, _ in rows for y in (place, place, None)],
        mode="lines",
        line={"color": colour, "width": 2},
        hoverinfo="skip",
        showlegend=False,
        name=f"{name}: change",
    )
    marks = ((0, "before", theme.background), (1, "after", colour))
    for side, when, fill in marks:
        figure.add_scatter(
            x=[pair[side] for pair in ends],
            y=[place for place, _, _ in rows],
            mode="markers",
            name=f"{when}, {name}",
            marker={
                "symbol": "circle" if name == "as wished" else "diamond",
                "size": 9,
                "color": fill,
                "line": {"color": colour, "width": 2},
            },
            customdata=[[number_] for _, number_, _ in rows],
            text=[_probe_hover(outcome) for _, _, outcome in rows],
            hovertemplate="%{text}<extra></extra>",
        )


def _probe_hover(outcome: ProbeOutcome) -> str:
    before, after = tracked_probability(outcome)
    return "<br>".join(
        (
            f"<b>{wrap(shorten(outcome.prompt, 160), HOVER_WIDTH)}</b>",
            wrap(f"before: {shorten(outcome.before.answer, 80)}", HOVER_WIDTH),
            wrap(f"after: {shorten(outcome.after.answer, 80)}", HOVER_WIDTH),
            f"probability {number(before)} → {number(after)}",
            f"next token moved by {number(outcome.divergence)} nats",
        )
    )


def _kind_headers(
    figure: go.Figure, report: EditReport, rows: list[tuple[int, int, ProbeOutcome]], theme: Colours
) -> dict[float, str]:
    """Right of the axis what of a kind is asked and how many came out as wished; its name, by height, for the axis."""
    rates, heads = report.rates(), dict[float, str]()
    for kind, expected in _EXPECTED:
        first = next((y for y, _, outcome in rows if outcome.kind == kind), None)
        if first is None:
            continue
        good, count = rates[kind]
        heads[first - 0.9] = kind
        figure.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            xshift=2,
            y=first - 0.9,
            text=f"{expected}: {good} of {count}",
            showarrow=False,
            font={"size": 11, "color": theme.muted, "weight": 600},
            bgcolor=theme.background,  # no line of the grid runs through it
            name="kind",
        )
    return heads


def _without_answer(figure: go.Figure, rows: list[tuple[int, int, ProbeOutcome]], theme: Colours) -> None:
    for y, _, outcome in rows:
        if not all(math.isfinite(p) for p in tracked_probability(outcome)):
            figure.add_annotation(
                x=0.02,
                xanchor="left",
                y=y,
                text="no answer given" if outcome.kind != "locality" else f"moved by {number(outcome.divergence)} nats",
                showarrow=False,
                font={"size": 11, "color": theme.muted},
                name="no answer",
            )


def _probe_finding(report: EditReport) -> str:
    rates = report.rates()
    good = sum(success for success, _ in rates.values())
    count = sum(total for _, total in rates.values())
    took = "The edit took" if report.took else "The edit did not take"
    return f"{took}: {good} of {counted(count, 'probe')} came out as wished"


def _probe_definition(report: EditReport, shown: int) -> str:
    cut = (
        f"Notice: the first {shown} of {len(report.outcomes)} probes are drawn." if shown < len(report.outcomes) else ""
    )
    return sentences(
        (
            cut,
            f"{shorten(report.prompt, 110)} → {shorten(report.target_new, 40)}",
            "Probability of the new answer (locality: of the old one), over all its tokens. ✓ as wished, ✗ not.",
            f"{report.method.upper()} at layer {report.layer} ({shorten(report.layer_evidence, 90)}).",
        )
    )
