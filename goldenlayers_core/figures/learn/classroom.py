"""The classroom: where every way looks for a fact whose layer is known, for one planted layer and for all of them."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, layer_axis, mark_column
from goldenlayers_core.figures.text import TIMES, counted, layer_list, listed, number, sentences
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.results import Floats
from goldenlayers_core.results.learn.classroom import CLASSROOM_WAYS, Classroom, ClassroomWay, PlantedRun, classroom_way

_ROW = 34  # px


def classroom_ways(run: PlantedRun, dark: bool = False) -> go.Figure:
    """Layers across, one row per way: its numbers, each row on its own scale, and the layer it names.

    customdata of a cell: [the number in its own unit, the unit].
    """
    theme = colours(dark)
    rows, layers = len(CLASSROOM_WAYS), run.n_layers
    figure = go.Figure(
        go.Heatmap(
            z=row_scaled(run.values),
            zmin=0,
            zmax=1,
            x=list(range(layers)),
            y=list(range(rows)),
            customdata=[
                [[float(value), way.unit] for value in row] for way, row in zip(CLASSROOM_WAYS, run.values, strict=True)
            ],
            text=[[way.title] * layers for way in CLASSROOM_WAYS],
            colorscale=colour_scale(theme.sequential),
            showscale=False,
            xgap=2,
            ygap=4,
            hovertemplate="<b>%{text}</b>, layer %{x}<br>%{customdata[0]:.3g} (%{customdata[1]})<extra></extra>",
        )
    )
    _named(figure, run, theme)
    mark_column(figure, run.planted, layers, rows, theme, label=f"planted in layer {run.planted}")
    layer_axis(figure, layers)
    figure.update_xaxes(title_text="layer (0 is the first block)")
    _way_axis(figure, [way.short for way in CLASSROOM_WAYS])
    return dress(
        figure,
        dark=dark,
        title=_ways_finding(run),
        subtitle=sentences((_legend(run), _about(run))),
        kind=f"{counted(rows, 'row')}, one per way of naming a layer, over {counted(layers, 'layer')}",
        body=_ROW * rows,
        bottom=48,
        above=22,
    )


def row_scaled(values: Floats) -> Floats:
    """(W, L) every row between 0 and 1, zero staying in its range: a row of large, nearly equal numbers stays even."""
    low, high = values.min(axis=1, keepdims=True, initial=0.0), values.max(axis=1, keepdims=True, initial=0.0)
    scaled: Floats = np.divide(values - low, high - low, out=np.ones_like(values), where=high - low > 1e-9)
    return scaled


def _named(figure: go.Figure, run: PlantedRun, theme: Colours) -> None:
    """A filled mark where a way names a layer, open ones where others are level with it, crosses where set aside."""
    named = [(pick, row) for row, pick in enumerate(run.picks)]
    level = [
        (layer, row)
        for row, way in enumerate(CLASSROOM_WAYS)
        for layer in run.level(way.name)
        if layer != run.picks[row]
    ]
    for places, symbol, name in ((level, "circle-open", "level with it"), (named, "circle", "named")):
        figure.add_scatter(
            x=[layer for layer, _ in places],
            y=[row for _, row in places],
            mode="markers",
            name=name,
            hoverinfo="skip",
            showlegend=False,
            marker={
                "symbol": symbol,
                "size": 13,
                "color": theme.background,
                "line": {"color": theme.ink if symbol == "circle" else theme.background, "width": 3},
            },
        )
    for layer in run.aside:
        figure.add_annotation(
            x=layer,
            y=[way.name for way in CLASSROOM_WAYS].index("lga"),
            text=TIMES,
            showarrow=False,
            name="set aside",
            bgcolor=theme.background,
            borderpad=0,
            font={"size": 14, "color": theme.ink},
        )


def _way_axis(figure: go.Figure, labels: Sequence[str]) -> None:
    figure.update_yaxes(
        range=[len(labels) - 0.5, -0.5],
        tickvals=list(range(len(labels))),
        ticktext=list(labels),
        showgrid=False,
        zeroline=False,
    )


def _ways_finding(run: PlantedRun) -> str:
    right = [classroom_way(name).short for name in run.right]
    wrong = [_said(run, way) for way in CLASSROOM_WAYS if way.name not in run.right]
    start = f"Planted in layer {run.planted}: "
    if not right:
        return f"{start}no way names it; they say {', '.join(wrong)}"
    found = f"{listed(right)} {'names' if len(right) == 1 else 'name'} it"
    return f"{start}{found}" + (f"; others say {', '.join(wrong)}" if wrong else "")


def _said(run: PlantedRun, way: ClassroomWay) -> str:
    """What a way says: "LGA 5", or how many layers it cannot tell apart."""
    level = run.level(way.name)
    if len(level) == 1:
        return f"{way.short} {level[0]}"
    return f"{way.short} {'all' if len(level) == run.n_layers else len(level)} layers level"


def _legend(run: PlantedRun) -> str:
    level = len(run.level("sweep"))
    return sentences(
        (
            "The farther from the background, the larger the number; each row has its own scale with 0 in it (hover "
            "for the numbers). Dot: the layer that the way names; ring: level with it.",
            f"{level} of {run.n_layers} layers are level in the real edits, and the shallowest is named."
            if level > 1
            else "",
            f"Cross: set aside by LGA's fences ({layer_list(run.aside)})." if run.aside else "",
            f"The MLP window is {counted(run.window, 'layer')}.",
        )
    )


def _about(run: PlantedRun) -> str:
    return (
        f"One fact, “{run.prompt}” → “{run.answer}”: probability {number(run.p_base, 2)} before and "
        f"{number(run.p_planted, 2)} after planting; {run.n_kept} of {run.n_known} other facts kept."
    )


def classroom_matrix(found: Classroom, dark: bool = False) -> go.Figure:
    """Planted layers across, one row per way: the layer it named, and whether that is right."""
    theme = colours(dark)
    labels = [
        f"{way.short}: {count} of {len(found.runs)}" for way, count in zip(CLASSROOM_WAYS, found.counts, strict=True)
    ]
    marks = [[_cell(run, way) for run in found.runs] for way in CLASSROOM_WAYS]
    figure = go.Figure(
        go.Heatmap(
            z=found.hits.astype(float),
            x=[str(layer) for layer in found.planted],
            y=list(range(len(CLASSROOM_WAYS))),
            zmin=0,
            zmax=1,
            text=marks,
            texttemplate="%{text}",
            textfont={"size": 13} if dark else {"size": 13, "color": theme.ink},
            customdata=[[way.title] * len(found.runs) for way in CLASSROOM_WAYS],
            colorscale=[(0, theme.surface), (1, theme.gold)],
            showscale=False,
            xgap=2,
            ygap=4,
            hovertemplate="<b>%{customdata}</b><br>planted in layer %{x}, names layer %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="layer the fact was planted in", type="category", showgrid=False, zeroline=False)
    _way_axis(figure, labels)
    return dress(
        figure,
        dark=dark,
        title=_matrix_finding(found),
        subtitle=sentences(
            (
                "In a cell: the layer that the way names; gold: the planted one and no other; =: several layers are "
                "level.",
                f"n = {counted(len(found.runs), 'planted layer')}, the same fact each time; a guess would be right in "
                f"1 of {found.runs[0].n_layers}.",
            )
        ),
        kind=f"Table of {counted(len(CLASSROOM_WAYS), 'way')} by {counted(len(found.runs), 'planted layer')}",
        body=_ROW * len(CLASSROOM_WAYS),
        bottom=48,
    )


def _cell(run: PlantedRun, way: ClassroomWay) -> str:
    """The layer named, bold where it is right; "=" where layers are level and none stands out."""
    if len(run.level(way.name)) > 1:
        return "="
    pick = run.pick_of(way.name)
    return f"<b>{pick}</b>" if way.name in run.right else str(pick)


def _matrix_finding(found: Classroom) -> str:
    count, most = len(found.runs), max(found.counts)
    best = [way.short for way, hits in zip(CLASSROOM_WAYS, found.counts, strict=True) if hits == most]
    lga = found.counts[0]
    start = f"{listed(best)} {'finds' if len(best) == 1 else 'find'} the planted layer {most} of {count} times"
    start = start[0].upper() + start[1:]
    return start if "LGA" in best else f"{start}, LGA {lga} of {count}"
