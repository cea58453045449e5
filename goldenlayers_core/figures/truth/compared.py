"""Two sweeps beside each other: do they choose the same layer, and what does the other's give away?"""

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, layer_axis
from goldenlayers_core.figures.text import counted, number, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import SCORE
from goldenlayers_core.results.truth.compared import Carried, ComparedSweeps


def compare_sweeps(found: ComparedSweeps, dark: bool = False) -> go.Figure:
    """Mean real score per layer of sweep A (blue) and sweep B (rust), their golden layers ringed in gold.

    Sweeps of models with different numbers of layers are drawn over relative depth (0 first block, 1 last block).
    customdata of a mark: [layer, low, high].
    """
    theme = colours(dark)
    alike = found.curves[0].n_layers == found.curves[1].n_layers
    figure = go.Figure()
    _sweep(figure, found, 0, (theme.blue, "circle", "solid"), theme, alike)
    _sweep(figure, found, 1, (theme.rust, "square", "dash"), theme, alike)
    if alike:
        layer_axis(figure, found.curves[0].n_layers)
    else:
        figure.update_xaxes(range=[-0.03, 1.03], showgrid=False, zeroline=False, tickformat=".1f")
        figure.update_xaxes(title_text="relative depth (0 first, 1 last block)")
    figure.update_yaxes(title_text="mean real score", range=[-0.03, 1.03], dtick=0.2, zeroline=False)
    figure.update_layout(showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=_definition(found),
        kind="Line chart of the mean real score of two sweeps",
        body=260,
        bottom=76,
    )


def _sweep(
    figure: go.Figure, found: ComparedSweeps, which: int, look: tuple[str, str, str], theme: Colours, alike: bool
) -> None:
    curve, golden, name = found.curves[which], found.golden[which], "AB"[which]
    colour, symbol, dash = look
    depth = 1 if alike else max(curve.n_layers - 1, 1)
    figure.add_scatter(
        x=[layer / depth for layer in curve.layers],
        y=curve.mean,
        mode="lines+markers",
        name=f"sweep {name}: layer {golden}",
        line={"color": colour, "width": 1.5, "dash": dash},
        marker={"symbol": symbol, "size": 7, "color": colour},
        error_y={
            "type": "data",
            "array": curve.interval[:, 1] - curve.mean,
            "arrayminus": curve.mean - curve.interval[:, 0],
            "thickness": 1,
            "width": 0,
            "color": colour,
        },
        customdata=[[layer, *map(float, row)] for layer, row in zip(curve.layers, curve.interval, strict=True)],
        hovertemplate=(
            f"<b>sweep {name}, layer %{{customdata[0]}}</b><br>mean real score %{{y:.3f}} (%{{customdata[1]:.3f}} to "
            "%{customdata[2]:.3f})<extra></extra>"
        ),
    )
    figure.add_scatter(
        x=[golden / depth],
        y=[float(curve.mean[curve.layers.index(golden)])],
        mode="markers",
        name=f"sweep {name}: golden layer",
        showlegend=False,
        hoverinfo="skip",
        marker={"symbol": f"{symbol}-open", "size": 17, "color": theme.gold, "line": {"width": 3}},
    )


def _finding(found: ComparedSweeps) -> str:
    """What each chooses; a choice among some of its requests may be another than the one it is known by."""
    said = _chosen(found)
    if not found.n_shared or found.n_requests == (found.n_shared, found.n_shared):
        return said
    return f"On the {counted(found.n_shared, 'request')} that they share, {said[0].lower()}{said[1:]}"


def _chosen(found: ComparedSweeps) -> str:
    a, b = found.golden
    if found.curves[0].n_layers != found.curves[1].n_layers:
        return (
            f"Sweep A chooses layer {a} of {found.curves[0].n_layers}, sweep B layer {b} of {found.curves[1].n_layers}"
        )
    if a == b:
        return f"Both sweeps choose layer {a}"
    told = [_gives(one, "BA"[which]) for which, one in enumerate(found.carried) if one is not None]
    return f"Sweep A chooses layer {a}, sweep B layer {b}" + (f"; {', '.join(told)}" if told else "")


def _gives(carried: Carried, judge: str) -> str:
    if not carried.mean:
        return f"layer {carried.layer} scores the same in {judge}"
    level = " (level with it)" if carried.low <= 0 else ""
    return f"layer {carried.layer} is {number(carried.mean, 2)} behind in {judge}{level}"


def _definition(found: ComparedSweeps) -> str:
    one = found.curves[0]
    intervals = [
        f"layer {carried.layer} in {'BA'[which]}: {number(carried.low, 2)} to {number(carried.high, 2)}"
        for which, carried in enumerate(found.carried)
        if carried is not None and found.golden[0] != found.golden[1]
    ]
    return sentences(
        (
            _shared(found),
            f"{SCORE}. Bars: 95 % intervals of {one.n_resamples:,} bootstrap resamples (seed {one.seed}); gold: golden "
            f"layers. Behind = mean over requests of what the layer scores less than the other golden layer"
            f"{'; intervals: ' + ', '.join(intervals) if intervals else ''}.",
            f"Sweep A: {found.names[0]}. Sweep B: {found.names[1]}.",
            _correlation(found),
        )
    )


def _shared(found: ComparedSweeps) -> str:
    a, b = found.n_requests
    apart = [] if found.same_model else ["the model"]
    apart += [] if found.same_method else ["the method or its settings"]
    if not found.n_shared:
        apart.append("the requests")
        return (
            f"They share no request: A stands for its {counted(a, 'request')}, B for its {b:,}. What differs: "
            f"{', '.join(apart)}."
        )
    rest = "" if found.n_shared == a == b else f" The others of A's {a:,} and B's {b:,} are left out."
    differs = f"What differs: {', '.join(apart)}." if apart else "Model, method and settings are the same."
    return f"Both on the {counted(found.n_shared, 'request')} that they share.{rest} {differs}"


def _correlation(found: ComparedSweeps) -> str:
    if found.correlation is None:
        return ""
    return (
        f"Spearman correlation of the mean scores {number(found.correlation, 2)}, over the "
        f"{counted(found.n_layers, 'layer')} that both measured."
    )
