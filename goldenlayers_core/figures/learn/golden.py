"""Lesson 5: which requests choose the golden layer, which judge it, and how many it takes."""

from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import dress, interval_band
from goldenlayers_core.figures.text import MINUS, counted, number, percent, row_labels, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.figures.truth.sweep import about, column_axis
from goldenlayers_core.results import SCORE, SweepResult
from goldenlayers_core.results.learn.golden import SETTLED, Draw, ProxyCurve

_ROW: Final = 15  # px per request
_REGRET: Final = f"Regret = mean over requests of (score at the request's own best layer {MINUS} score at the layer)"


def proxy_map(sweep: SweepResult, draw: Draw, dark: bool = False) -> go.Figure:
    """Requests (rows) by layers (columns): real scores, every request's own best layers as rings, the proxies on top
    and the held-out requests below, the golden layer of the proxies framed through both.

    customdata of a cell: [layer, score, the request's best score, its prompt].
    """
    theme = colours(dark)
    figure = go.Figure()
    rows = [*draw.proxies, *draw.held_out]
    gap = len(draw.proxies)  # an empty row parts those that choose from those that judge
    heights = [*range(gap), *range(gap + 1, len(rows) + 1)]
    grid = np.full((len(rows) + 1, len(sweep.layers)), np.nan)
    grid[heights] = sweep.score[rows]
    figure.add_heatmap(
        z=grid,
        zmin=0,
        zmax=1,
        colorscale=colour_scale(theme.sequential),
        showscale=False,
        xgap=1,
        ygap=1,
        hoverongaps=False,
        customdata=_told(sweep, rows, heights, grid.shape),
        hovertemplate="<b>%{customdata[3]}</b><br>layer %{customdata[0]}: score <b>%{customdata[1]:.2f}</b>, its best "
        "%{customdata[2]:.2f}<extra></extra>",
        name="score",
    )
    _rings(figure, sweep, rows, heights, theme)
    _frames(figure, sweep, draw, theme)
    _axes(figure, sweep, rows, heights)
    return dress(
        figure,
        dark=dark,
        title=_draw_finding(draw),
        subtitle=sentences(
            (
                "Rows above the gap: the proxy requests that choose. Below: the held-out ones that judge. Darker: a "
                "higher real score. Rings: the request's own best layers, its oracle layers (several where they tie).",
                f"Gold frame: the golden layer {draw.golden_layer} of the proxies. {_REGRET}. {SCORE}.",
                f"95 % interval {number(draw.low, 2)} to {number(draw.high, 2)} of 2,000 bootstrap resamples of "
                f"{counted(len(draw.held_out), 'held-out request')}; draw {draw.number + 1}. {about(sweep)}",
            )
        ),
        kind=f"Heatmap of {counted(len(rows), 'request')} by {counted(len(sweep.layers), 'layer')}",
        body=_ROW * (len(rows) + 1) + 20,
        bottom=44,
    )


def _axes(figure: go.Figure, sweep: SweepResult, rows: list[int], heights: list[int]) -> None:
    """Layers across, the requests' subjects down."""
    column_axis(figure, sweep.layers, sweep.n_layers)
    labels = row_labels([sweep.subjects[q] or sweep.prompts[q] for q in rows], 18)
    figure.update_yaxes(
        range=[len(rows) + 0.6, -0.6], tickvals=heights, ticktext=labels, showgrid=False, zeroline=False
    )
    figure.update_layout(showlegend=False)


def _told(sweep: SweepResult, rows: list[int], heights: list[int], shape: tuple[int, ...]) -> list[list[list[object]]]:
    told: list[list[list[object]]] = [[["", 0.0, 0.0, ""]] * shape[1] for _ in range(shape[0])]
    for height, q in zip(heights, rows, strict=True):
        best, prompt = float(sweep.score[q].max()), shorten(sweep.prompts[q], 60)
        told[height] = [
            [layer, float(score), best, prompt] for layer, score in zip(sweep.layers, sweep.score[q], strict=True)
        ]
    return told


def _rings(figure: go.Figure, sweep: SweepResult, rows: list[int], heights: list[int], theme: Colours) -> None:
    """A ring on every layer that is a request's best."""
    scores = sweep.score[rows]
    best = scores >= scores.max(axis=1, keepdims=True) - 1e-9
    at, places = np.nonzero(best)
    figure.add_scatter(
        x=places,
        y=[heights[row] for row in at],
        mode="markers",
        marker={"symbol": "circle-open", "size": 7, "color": theme.rust, "line": {"width": 2}},
        hoverinfo="skip",
        name="oracle layer",
    )


def _frames(figure: go.Figure, sweep: SweepResult, draw: Draw, theme: Colours) -> None:
    """The golden layer's column: full where it was chosen, dotted where it is judged."""
    place, n = sweep.layers.index(draw.golden_layer), len(draw.proxies)
    for top, bottom, dash in ((-0.5, n - 0.5, "solid"), (n + 0.5, n + len(draw.held_out) + 0.5, "dot")):
        figure.add_shape(
            type="rect",
            x0=place - 0.5,
            x1=place + 0.5,
            y0=top,
            y1=bottom,
            line={"color": theme.gold, "width": 3, "dash": dash},
            name="golden layer",
        )


def _draw_finding(draw: Draw) -> str:
    return (
        f"{counted(len(draw.proxies), 'proxy request')} {'chooses' if len(draw.proxies) == 1 else 'choose'} layer "
        f"{draw.golden_layer}; on the {len(draw.held_out)} held out it gives away {number(draw.regret, 2)}; the "
        f"best fixed layer there is {draw.best_layer}, with {number(draw.best_regret, 2)}"
    )


def proxy_curve(found: ProxyCurve, n: int, about_sweep: str, dark: bool = False) -> go.Figure:
    """Mean regret on held-out requests by the number of proxy requests, and how often the favourite layer is chosen.

    `n` is marked; `about_sweep`: method, requests and model in one sentence.
    customdata of a mark: [low, high] above, [layer] below.
    """
    theme, figure = colours(dark), make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    _regrets(figure, found, theme)
    _favourites(figure, found, theme)
    for row in (1, 2):
        figure.add_vline(x=n, line={"color": theme.ink, "width": 2, "dash": "dot"}, row=row, col=1, name="proxies")
    figure.add_hline(y=found.best_regret, line={"color": theme.gold, "width": 2}, row=1, col=1, name="best fixed layer")
    figure.update_xaxes(range=[0.4, found.most + 0.6], tickformat="d", **({"dtick": 1} if found.most <= 12 else {}))
    figure.update_xaxes(title_text="proxy requests that choose", row=2, col=1)
    figure.update_yaxes(rangemode="tozero", title_text="regret", row=1, col=1)
    figure.update_yaxes(range=[0, 1.15], tickformat=".0%", tickvals=[0, 0.5, 1], title_text="share", row=2, col=1)
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_curve_finding(found, n),
        subtitle=sentences(
            (
                f"Above: regret on {counted(found.n_held_out, 'held-out request')}, mean of {found.n_draws:,} random "
                f"draws (seed {found.seed}); band: 95 % of the draws. Gold: the best fixed layer of the held-out "
                "requests themselves, which no proxy can know.",
                "Below: the layer that most draws choose (written over its bar), and in what share of them.",
                f"Settled: the mean stays within {number(SETTLED)} of the last one. {_REGRET}. {about_sweep}",
            )
        ),
        kind=f"Line and bars over {counted(found.most, 'number')} of proxy requests",
        body=340,
        bottom=48,
    )


def _regrets(figure: go.Figure, found: ProxyCurve, theme: Colours) -> None:
    """Above: the mean regret and what the draws lie between."""
    numbers = list(range(1, found.most + 1))
    low, high = found.interval.T
    interval_band(figure, numbers, low, high, theme, showlegend=False, row=1, col=1)
    figure.add_scatter(
        x=numbers,
        y=found.regret,
        mode="lines+markers",
        line={"color": theme.ink, "width": 2.5},
        marker={"size": 6},
        customdata=found.interval,
        hovertemplate="<b>%{x} proxy requests</b><br>mean regret %{y:.3f}; 95 % of the draws lie between "
        "%{customdata[0]:.3f} and %{customdata[1]:.3f}<extra></extra>",
        row=1,
        col=1,
    )


def _favourites(figure: go.Figure, found: ProxyCurve, theme: Colours) -> None:
    """Below: the layer that most draws choose."""
    numbers = list(range(1, found.most + 1))
    favourites = [found.favourite(number) for number in numbers]
    figure.add_bar(
        x=numbers,
        y=[share for _, share in favourites],
        text=[str(layer) for layer, _ in favourites],
        textposition="outside",
        cliponaxis=False,
        marker={"color": theme.slate},
        customdata=[[layer] for layer, _ in favourites],
        hovertemplate="<b>%{x} proxy requests</b><br>layer %{customdata[0]} is chosen most often: in %{y:.0%} of the "
        "draws<extra></extra>",
        row=2,
        col=1,
    )


def _curve_finding(found: ProxyCurve, n: int) -> str:
    layer, share = found.favourite(n)
    return (
        f"{counted(n, 'proxy request')}: mean regret {number(float(found.regret[n - 1]), 2)} on the others; layer "
        f"{layer} is chosen in {percent(share)} of the draws"
    )
