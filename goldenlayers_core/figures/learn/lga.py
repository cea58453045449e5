"""Lesson 6: an inner product as an area, and LGA's sums above what real edits say."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import BAR, arrow, dress, interval_band, layer_axis
from goldenlayers_core.figures.scores.selection import UNIT, cut_bars, layer_groups, provenance, set_aside_sentence
from goldenlayers_core.figures.text import counted, number, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.results import SCORE, LayerCurve, LayerScores, Selection, SweepResult
from goldenlayers_core.results.learn.lga import Arrows, LgaJudged


def two_arrows(arrows: Arrows, dark: bool = False) -> go.Figure:
    """The old answer's and the new answer's direction of descent, the shadow of the new on the old, and the inner
    product as the area of the rectangle over both; blue where it is positive, rust and hatched where it is negative."""
    theme, figure = colours(dark), go.Figure()
    _area(figure, arrows, theme)
    reach = 1.25 * max(arrows.old_length, arrows.new_length, 0.8)
    foot = arrows.foot
    figure.add_scatter(
        x=[arrows.new[0], foot[0]],
        y=[arrows.new[1], foot[1]],
        mode="lines",
        line={"color": theme.muted, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
        name="plumb line",
    )
    figure.add_scatter(
        x=[0, foot[0]],
        y=[0, foot[1]],
        mode="lines",
        line={"color": theme.gold, "width": 7},
        opacity=0.75,
        hovertemplate=f"shadow of the new on the old: {number(arrows.shadow, 2)}<extra></extra>",
        name="shadow",
    )
    for tip, name, colour in ((arrows.old, "old answer", theme.blue), (arrows.new, "new answer", theme.rust)):
        _arrow(figure, tip, name, colour)
    figure.update_xaxes(range=[-reach, reach], zeroline=True, showticklabels=False, constrain="domain")
    figure.update_yaxes(
        range=[-reach, reach], zeroline=True, showticklabels=False, scaleanchor="x", scaleratio=1, constrain="domain"
    )
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_arrows_finding(arrows),
        subtitle=sentences(
            (
                "Arrows: the step that lowers each answer's loss fastest, in a plane of two weights. Thick gold: the "
                "shadow of the new answer's arrow on the old one's direction.",
                "Inner product = length of the old arrow times the shadow = the shaded area; hatched where negative. "
                f"Here {number(arrows.old_length, 2)} times {number(arrows.shadow, 2)}; the cosine is "
                f"{number(arrows.cosine, 2)}. Drawn, not measured: you set these arrows.",
            )
        ),
        kind="Two arrows from one point",
        body=330,
        bottom=16,
    )


def _area(figure: go.Figure, arrows: Arrows, theme: Colours) -> None:
    """The rectangle with the shadow as one side, and the old arrow's length, turned by a right angle, as the other."""
    foot, up = arrows.foot, (arrows.old[1], -arrows.old[0])
    corners = [(0.0, 0.0), foot, (foot[0] + up[0], foot[1] + up[1]), up, (0.0, 0.0)]
    positive = arrows.inner >= 0
    figure.add_scatter(
        x=[x for x, _ in corners],
        y=[y for _, y in corners],
        mode="lines",
        fill="toself",
        fillcolor=(theme.blue if positive else theme.rust),
        fillpattern={"shape": "" if positive else "/", "fgcolor": theme.rust, "bgcolor": theme.background},
        line={"color": theme.blue if positive else theme.rust, "width": 1},
        opacity=0.3,
        hoverinfo="skip",
        name="inner product",
    )


def _arrow(figure: go.Figure, tip: tuple[float, float], name: str, colour: str) -> None:
    arrow(figure, tip, colour, 3, arrowsize=1.2, name=name)
    figure.add_annotation(
        x=tip[0],
        y=tip[1],
        text=f"<b>{name}</b>",
        showarrow=False,
        font={"color": colour, "size": 13},
        xanchor="right" if tip[0] > 0.4 else "left" if tip[0] < -0.4 else "center",  # inwards: a phone is narrow
        yanchor="bottom" if tip[1] >= 0 else "top",
        yshift=8 if tip[1] >= 0 else -8,
        name=name,
    )


def _arrows_finding(arrows: Arrows) -> str:
    value, angle = number(round(arrows.inner, 2), 2), f"{arrows.between:.0f}"
    if arrows.sign == 0:
        return f"{angle} degrees apart: the inner product is 0; a step for the new answer does nothing to the old one"
    how = "helps the old one too" if arrows.sign > 0 else "works against the old one"
    return f"{angle} degrees apart: the inner product is {value}; a small step for the new answer {how}"


def lga_and_edits(
    scores: LayerScores,
    selection: Selection,
    sweep: SweepResult,
    curve: LayerCurve,
    judged: LgaJudged | None,
    dark: bool = False,
) -> go.Figure:
    """Above LGA's sums with what was set aside, below the mean score of real edits on the same layer axis.

    `curve` is the sweep's mean score with its interval. customdata of a bar: [rank], of a mark: [low, high].
    """
    theme, figure = colours(dark), make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    cut = _sums(figure, selection, theme)
    _real(figure, curve, theme)
    for row in (1, 2):
        figure.add_vline(
            x=selection.golden_layer, line={"color": theme.rust, "width": 2, "dash": "dot"}, row=row, col=1, name="LGA"
        )
        figure.add_vline(
            x=sweep.golden_layer, line={"color": theme.gold, "width": 5}, opacity=0.5, row=row, col=1, name="edits"
        )
    layer_axis(figure, scores.n_layers)
    figure.update_yaxes(title_text="LGA: sum S", row=1, col=1)
    figure.update_yaxes(title_text="real edits: score", row=2, col=1)
    figure.update_layout(barmode="overlay", showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_judged_finding(selection, sweep, judged),
        subtitle=sentences(
            (
                f"Above: S = sum over {counted(scores.n_requests, 'request')} of ⟨∇L(old answer), ∇L(new answer)⟩, in "
                f"{UNIT}. {set_aside_sentence(selection, 'hatched')}",
                cut,
                f"Below: mean score of real edits, band 95 % bootstrap interval over "
                f"{counted(curve.n_requests, 'request')}. {SCORE}.",
                f"Dotted rust: LGA's pick {selection.golden_layer}. Gold: the golden layer by real edits, "
                f"{sweep.golden_layer}.",
                f"{provenance(scores)} {about(sweep)}",
            )
        ),
        kind=f"Bars over a line, both over {counted(scores.n_layers, 'layer')}",
        body=420,
        bottom=76,
    )


def _sums(figure: go.Figure, selection: Selection, theme: Colours) -> str:
    """LGA's bars; the sentence on those that are cut."""
    rank = {layer: place + 1 for place, layer in enumerate(selection.raw_ranking)}
    for name, layers, marker in layer_groups(selection, theme):
        if name == "golden layer":
            name, marker = "LGA's pick", {"color": theme.rust, "line": {"width": 0}}
        figure.add_bar(
            x=layers,
            y=selection.totals[layers],
            name=name,
            width=BAR,
            marker=marker,
            customdata=[[rank[int(layer)]] for layer in layers],
            hovertemplate="<b>layer %{x}</b><br>S %{y:.3g}, number %{customdata[0]} of all<extra></extra>",
            row=1,
            col=1,
        )
    return cut_bars(figure, selection.totals, selection, theme)


def _real(figure: go.Figure, curve: LayerCurve, theme: Colours) -> None:
    low, high = curve.interval.T
    interval_band(figure, curve.layers, low, high, theme, showlegend=False, row=2, col=1)
    figure.add_scatter(
        x=curve.layers,
        y=curve.mean,
        mode="lines+markers",
        name="mean score of real edits",
        line={"color": theme.ink, "width": 2.5},
        marker={"size": 5},
        customdata=curve.interval,
        hovertemplate="<b>layer %{x}</b><br>score %{y:.3f}, 95 % interval %{customdata[0]:.3f} to %{customdata[1]:.3f}"
        "<extra></extra>",
        row=2,
        col=1,
    )


def _judged_finding(selection: Selection, sweep: SweepResult, judged: LgaJudged | None) -> str:
    if judged is None:
        return (
            f"LGA picks layer {selection.golden_layer}, which this sweep did not edit; real edits choose layer "
            f"{sweep.golden_layer}"
        )
    if judged.pick == judged.golden_layer:
        return f"LGA and real edits choose the same layer, {judged.pick}"
    return (
        f"LGA picks layer {judged.pick}: number {judged.rank} of {judged.n_layers} by real edits, "
        f"{number(judged.apart, 2)} behind layer {judged.golden_layer}"
    )
