"""A predicted score and the parts it is made of: requests by layers, and one request over the layers."""

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress, layer_axis
from goldenlayers_core.figures.scores.cells import (
    Order,
    Rows,
    body_height,
    click_layer,
    of_scores,
    row_axis,
    rows_kind,
    rows_note,
    share_cells,
)
from goldenlayers_core.figures.scores.heatmap import shown_rows
from goldenlayers_core.figures.scores.selection import mark_layers, provenance, value_definition
from goldenlayers_core.figures.text import counted, number, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import Floats, LayerScores, Part, Selection

PREDICTED = "score"  # stands for the predicted score itself among the names of parts


def part_heatmap(
    scores: LayerScores, selection: Selection, part: str = PREDICTED, order: Order = "best", dark: bool = False
) -> go.Figure:
    """Heatmap of the predicted score ("score") or of one of its parts, one row per request, on a scale from 0 to 1.

    A transparent marker lies on every cell: it carries the hover text, answers clicks, and its customdata is
    [request index, layer, predicted score, every part in order]; what a request has not is None and stays blank.

    Raises
    ------
    ConfigError: an unknown order. GoldenLayersError: an unknown part.
    """
    theme = colours(dark)
    rows = shown_rows(scores, order)
    info = None if part == PREDICTED else scores.part(part)
    values = scores.values if info is None else info.values
    title = "predicted score" if info is None else info.title.lower()
    figure = go.Figure([share_cells(rows.mean(values), title, theme), _clicks(scores, rows, theme)])
    mark_layers(figure, selection, theme, len(rows))
    layer_axis(figure, scores.n_layers)
    row_axis(figure, of_scores(scores), rows)
    return dress(
        figure,
        dark=dark,
        title=_finding(scores, selection, info),
        subtitle=sentences(
            (
                rows_note(rows),
                value_definition(scores)
                if info is None
                else f"{info.title}, predicted from gradients; {info.better} is better. {info.definition}",
                provenance(scores),
            )
        ),
        kind=rows_kind(rows, scores.n_layers),
        body=body_height(len(rows)),
        bottom=96,
        above=22,
    )


def _finding(scores: LayerScores, selection: Selection, info: Part | None) -> str:
    golden = selection.golden_layer
    if info is None:
        return (
            f"Layer {golden} is the golden layer: edits there are predicted to score "
            f"{number(float(selection.totals[golden]), 2)} on average"
        )
    means = part_means(info)
    best = int(means.argmax() if info.better == "higher" else means.argmin())
    at_golden = f"{number(float(means[golden]), 2)} at the golden layer {golden}"
    if best == golden:
        return f"{info.title}: mean {at_golden}, where it is best"
    return f"{info.title}: mean {at_golden}, best at layer {best} ({number(float(means[best]), 2)})"


def part_means(info: Part) -> Floats:
    """(L,) mean over the requests that have the part."""
    found: Floats = info.values[~np.isnan(info.values).any(axis=1)].mean(axis=0)
    return found


def _clicks(scores: LayerScores, rows: Rows, theme: Colours) -> go.Scatter:
    lines = [f"{part.title.lower()} %{{customdata[{3 + i}]:.2f}}" for i, part in enumerate(scores.parts)]
    numbers = "layer %{customdata[1]}: predicted score <b>%{customdata[2]:.2f}</b><br>" + ", ".join(lines)
    parts = [scores.values, *(part.values for part in scores.parts)]
    marks = click_layer(of_scores(scores), rows, range(scores.n_layers), parts, numbers, theme)
    told = np.array(marks.customdata, dtype=object)
    told[told != told] = None  # what a request has not: NaN is no JSON
    marks.customdata = told
    return marks


def prediction_profile(scores: LayerScores, index: int, selection: Selection, dark: bool = False) -> go.Figure:
    """Predicted score and its parts over the layers, of request number `index`.

    Raises
    ------
    ConfigError: `index` is not a request of `scores`.
    """
    theme, told = colours(dark), of_scores(scores).told(index)
    figure = go.Figure()
    looks = zip((theme.blue, theme.slate, theme.rust, theme.muted), ("dash", "dot", "dashdot", "longdash"), strict=True)
    for part, (colour, dash) in zip(scores.parts, looks, strict=False):
        if not np.isnan(part.values[index]).any():
            _line(figure, part.title.lower(), part.values[index], colour, dash, 1.5)
    _line(figure, "predicted score", scores.values[index], theme.ink, "solid", 2.5)
    figure.add_vline(
        x=selection.golden_layer, line={"color": theme.gold, "width": 2}, name="golden layer", layer="below"
    )
    layer_axis(figure, scores.n_layers)
    figure.update_yaxes(title_text="predicted share", range=[-0.03, 1.03])
    figure.update_layout(showlegend=True, hovermode="x unified")
    best = int(scores.best_layers[index])
    at = (
        f"{number(float(scores.values[index, selection.golden_layer]), 2)} at the golden layer {selection.golden_layer}"
    )
    top = number(float(scores.values[index, best]), 2)
    return dress(
        figure,
        dark=dark,
        title=f"Predicted to score {at}"
        + ("; no layer more" if best == selection.golden_layer else f"; most at layer {best}: {top}"),
        subtitle=sentences(
            (
                told,
                "Score = mean of feasible, spread, 1 - harm and portability, of those the request has; gold: golden "
                "layer. No edit was run.",
            )
        ),
        kind=f"Lines over {counted(scores.n_layers, 'layer')}: predicted score and its parts",
        body=330,
        bottom=92,
    )


def _line(figure: go.Figure, name: str, values: Floats, colour: str, dash: str, width: float) -> None:
    figure.add_scatter(
        x=np.arange(len(values)),
        y=values,
        mode="lines",
        name=name,
        line={"color": colour, "width": width, "dash": dash},
        hovertemplate=name + " %{y:.2f}<extra></extra>",
    )
