"""What a fixed layer gives away: of every way to choose one, and of golden layers carried to other requests."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import MINUS, counted, number, percent, sentences, shorten, wrap
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.figures.truth.card import provenance, way_colour
from goldenlayers_core.results import SCORE, WAYS, Generalisation, LayerCard, Pick


def regret_bars(card: LayerCard, dark: bool = False) -> go.Figure:
    """What each way's layer gives away against the best layer of every single request, with interval and cost.

    One row per way, least regret first; the text above the bar says it in words. customdata of a bar: [layer, way].
    """
    theme = colours(dark)
    rows = sorted(card.picks, key=lambda p: (p.regret is None, p.layer is None, p.regret or 0.0, WAYS.index(p.way)))
    judged = [(place, pick) for place, pick in enumerate(rows) if pick.regret is not None]
    ends = [float(pick.high or pick.regret or 0.0) for _, pick in judged]
    largest = max([*ends, 0.05])
    figure = go.Figure()
    for place, pick in judged:
        figure.add_trace(_bar(place, pick, theme))
    figure.add_scatter(
        x=[0.0] * len(rows),
        y=[place - 0.2 for place in range(len(rows))],
        mode="text",
        text=[row_text(pick) for pick in rows],
        textposition="middle right",
        textfont={"size": 12, "color": [theme.ink if p.regret is not None else theme.muted for p in rows]},
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_xaxes(range=[0, largest * 1.04], rangemode="tozero", title_text="regret (0: as good as the oracle)")
    figure.update_yaxes(range=[len(rows) - 0.4, -0.6], visible=False)
    figure.update_layout(showlegend=False, barmode="overlay")
    return dress(
        figure,
        dark=dark,
        title=_regret_finding(card),
        subtitle=_regret_definition(card),
        kind=f"Bar chart of the regret of {counted(len(rows), 'way')} to choose a layer",
        body=40 * len(rows),
        bottom=44,
    )


def _bar(place: int, pick: Pick, theme: Colours) -> go.Bar:
    regret = float(pick.regret or 0.0)
    high = pick.high if pick.high is not None else regret
    low = pick.low if pick.low is not None else regret
    return go.Bar(
        y=[place + 0.2],
        x=[regret],
        orientation="h",
        width=0.28,
        name=pick.info.short,
        marker={"color": way_colour(pick.way, theme)},
        customdata=[[pick.layer, pick.way]],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(high - regret, 0.0)],
            "arrayminus": [max(regret - low, 0.0)],
            "color": theme.ink,
            "thickness": 1.2,
            "width": 4,
        },
        hovertemplate=(
            f"<b>{pick.info.short}</b>, layer {pick.layer}<br>regret %{{x:.3f}}, 95 % interval {low:.3f} to "
            f"{high:.3f}<extra></extra>"
        ),
    )


def row_text(pick: Pick) -> str:
    """A way, its layer, its regret and its cost in one line of at most about 50 characters."""
    name = f"<b>{pick.info.short}</b>"
    if pick.layer is None:
        return f"{name}: none"
    if pick.regret is None:
        return f"{name}: layer {pick.layer}, not measured"
    return f"{name}: layer {pick.layer}, regret {number(pick.regret, 2)}{_cost(pick.seconds)}"


def _cost(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds <= 0:
        return ", free"
    if seconds < 120:
        return f", {number(seconds, 2)} s"
    return f", {number(seconds / 60, 2)} min" if seconds < 7200 else f", {number(seconds / 3600, 2)} h"


def _regret_finding(card: LayerCard) -> str:
    judged = [pick for pick in card.picks if pick.regret is not None]
    if not judged:
        return "No pick is judged by real edits yet"
    worst = max(judged, key=lambda p: p.regret or 0.0)
    best = card.pick("sweep")
    if best.regret is None or worst.layer == best.layer:
        return f"The largest regret is {number(float(worst.regret or 0), 2)}, at layer {worst.layer}"
    return (
        f"Layer {best.layer} gives away {number(best.regret, 2)}, the worst pick ({worst.info.short}, layer "
        f"{worst.layer}) {number(float(worst.regret or 0), 2)}"
    )


def _regret_definition(card: LayerCard) -> str:
    if not card.n_requests:
        return sentences(("0 requests were swept: a sweep of real edits is needed to judge them.", provenance(card)))
    return sentences(
        (
            f"Regret = mean over requests of (score at the request's own best layer {MINUS} score at this layer).",
            f"{SCORE}.",
            f"Whiskers: 95 % interval of {card.n_resamples:,} bootstrap resamples of "
            f"{counted(card.n_requests, 'request')} (seed {card.seed}). Time: what choosing the layer took.",
            provenance(card),
        )
    )


def generalisation_matrix(found: Generalisation, dark: bool = False) -> go.Figure:
    """Regret of golden layers (rows: found on) on every set of requests that was swept (columns: judged on).

    Cells whose row and column share requests are framed: their regret is optimistic. customdata of a cell:
    [golden layer, low, high, requests].
    """
    theme = colours(dark)
    rows, columns = found.regret.shape
    figure = go.Figure(_matrix_cells(found, theme))
    for g, row in enumerate(found.same):
        for d in (place for place, same in enumerate(row) if same):
            box = {"x0": d - 0.46, "x1": d + 0.46, "y0": g - 0.44, "y1": g + 0.44}
            line = {"color": theme.gold, "width": 2, "dash": "dot"}
            figure.add_shape(type="rect", name="shared requests", line=line, **box)
    lines = _matrix_axes(figure, found)
    return dress(
        figure,
        dark=dark,
        title=_carried_finding(found),
        subtitle=sentences(
            (
                "Row: the requests a golden layer was found on. Column: the requests it is judged on. Number: its "
                "regret there, against the best layer of every single request.",
                "Dotted gold: row and column share requests, so the regret is optimistic. ?: not measured there.",
                f"{SCORE}. Intervals: {found.n_resamples:,} bootstrap resamples (seed {found.seed}); "
                f"{found.used.edits}.",
            )
        ),
        kind=f"Matrix of {rows} by {columns} regrets",
        body=max(58 * rows, 100),
        bottom=40 + 14 * lines,
    )


def _matrix_cells(found: Generalisation, theme: Colours) -> go.Heatmap:
    rows, columns = found.regret.shape
    details = [
        [[found.golden_layers[g], *found.interval[g, d], found.n_requests[d]] for d in range(columns)]
        for g in range(rows)
    ]
    largest = float(np.nanmax(found.regret)) if np.isfinite(found.regret).any() else 0.0
    return go.Heatmap(
        z=found.regret,
        zmin=0,
        zmax=max(largest, 0.05),
        colorscale=colour_scale(theme.sequential),
        customdata=details,
        xgap=2,
        ygap=2,
        text=[[_cell(value) for value in row] for row in found.regret],
        texttemplate="%{text}",
        textfont={"size": 13},
        hovertemplate=(
            "golden layer %{customdata[0]} of %{y}<br>judged on %{customdata[3]} requests of %{x}<br>"
            "regret <b>%{z:.3f}</b>, 95 % interval %{customdata[1]:.3f} to %{customdata[2]:.3f}<extra></extra>"
        ),
        showscale=False,  # every cell says its number
    )


def _matrix_axes(figure: go.Figure, found: Generalisation) -> int:
    """Names of rows and columns; how many lines the columns' names take."""
    rows, columns = found.regret.shape
    across = [wrap(name, max(34 // max(columns, 1), 7)) for name in short_names(found.judged_on)]
    figure.update_xaxes(
        tickvals=list(range(columns)),
        ticktext=[f"{name}<br>({count:,})" for name, count in zip(across, found.n_requests, strict=True)],
        showgrid=False,
        zeroline=False,
        tickangle=0,
        title_text="judged on (requests)",
    )
    figure.update_yaxes(
        range=[rows - 0.5, -0.5],
        tickvals=list(range(rows)),
        ticktext=[
            f"{wrap(name, 16)}<br><b>layer {layer}</b>"
            for name, layer in zip(short_names(found.found_on), found.golden_layers, strict=True)
        ],
        showgrid=False,
        zeroline=False,
    )
    return max(2 + name.count("<br>") for name in across)


def short_names(names: Sequence[str]) -> list[str]:
    """Each name up to its first comma where that tells all of them apart, else as much of it as fits."""
    starts = [name.split(",")[0] for name in names]
    return [shorten(name, 32) for name in (starts if len(set(starts)) == len(starts) else names)]


def _cell(value: float) -> str:
    return number(value, 2) if np.isfinite(value) else "?"


def _carried_finding(found: Generalisation) -> str:
    there = found.elsewhere
    if not len(there):
        return f"Layer {found.golden_layers[0]} was found on {found.found_on[0]}; nothing else was swept yet"
    if len(there) == 1:
        return f"Carried to requests it was not found on, the golden layer gives away {number(float(there[0]), 2)}"
    good = float((there <= 0.05).mean())
    return (
        f"Carried to requests they were not found on, golden layers give away {number(float(there.min()), 2)} to "
        f"{number(float(there.max()), 2)} (at most 0.05 in {percent(good)} of the cases)"
    )
