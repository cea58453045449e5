"""Every request at every layer by real edits: the heatmap that opens requests."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import LAYER, dress, layer_axis, mark_column
from goldenlayers_core.figures.scores.cells import (
    ORDER_WORDS,
    Order,
    Rows,
    body_height,
    click_layer,
    of_sweep,
    ordered,
    row_axis,
    rows_kind,
    rows_note,
    rows_of,
    share_cells,
)
from goldenlayers_core.figures.text import counted, layer_list, number, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import PROBE_METRICS, SCORE, SweepResult


def about(sweep: SweepResult) -> str:
    """One sentence: method, requests, model."""
    return f"{sweep.used.edits} of {counted(sweep.n_requests, 'request')} of {sweep.dataset}; {sweep.model}."


def swept_rows(sweep: SweepResult, order: Order) -> Rows:
    """The rows drawn. Raises ConfigError for an unknown order."""
    scores = sweep.score
    best = np.asarray(sweep.layers, dtype=np.int64)[scores.argmax(axis=1)]
    return rows_of(ordered(sweep.relations, best, scores.max(axis=1), order), len(sweep.layers))


def sweep_heatmap(sweep: SweepResult, order: Order = "best", dark: bool = False) -> go.Figure:
    """Real score of every request at every layer measured, the golden layer's column framed.

    A transparent mark on every cell answers clicks: customdata [request index, layer, score, rewrite, rephrase,
    locality, portability, P(new)]. Raises ConfigError for an unknown order.
    """
    theme, scores, rows = colours(dark), sweep.score, swept_rows(sweep, order)
    figure = go.Figure([share_cells(rows.mean(scores), "real score", theme), _clicks(sweep, rows, theme)])
    place, columns = sweep.layers.index(sweep.golden_layer), len(sweep.layers)
    mark_column(figure, place, columns, len(rows), theme, label=f"golden layer {sweep.golden_layer}")
    column_axis(figure, sweep.layers, sweep.n_layers)
    row_axis(figure, of_sweep(sweep), rows)
    return dress(
        figure,
        dark=dark,
        title=_heatmap_finding(sweep),
        subtitle=sentences(
            (
                rows_note(rows),
                f"{SCORE}. Rows by {ORDER_WORDS[order]}.",
                "" if columns == sweep.n_layers else f"Measured: {layer_list(sweep.layers)} of {sweep.n_layers}.",
                about(sweep),
            )
        ),
        kind=rows_kind(rows, columns),
        body=body_height(len(rows)),
        bottom=96,
        above=22,
    )


def _clicks(sweep: SweepResult, rows: Rows, theme: Colours) -> go.Scatter:
    kinds = "<br>".join(f"{name} %{{customdata[{3 + k}]:.2f}}" for k, name in enumerate(PROBE_METRICS))
    numbers = (
        f"layer %{{customdata[1]}}: score <b>%{{customdata[2]:.2f}}</b><br>{kinds}<br>P(new) %{{customdata[7]:.3f}}"
    )
    parts = (sweep.score, *(sweep.of(name) for name in PROBE_METRICS), sweep.of("p_new"))
    return click_layer(of_sweep(sweep), rows, sweep.layers, parts, numbers, theme)


def column_axis(figure: go.Figure, layers: Sequence[int], n_layers: int) -> None:
    """Columns of the layers measured, side by side; as a plain layer axis where that is all of them."""
    layer_axis(figure, len(layers), LAYER if len(layers) == n_layers else "layer measured (0 is the first block)")
    if len(layers) < n_layers:
        step = -(-len(layers) // 12)
        places = list(range(0, len(layers), step))
        figure.update_xaxes(tickvals=places, ticktext=[str(layers[place]) for place in places])


def _heatmap_finding(sweep: SweepResult) -> str:
    scores, golden = sweep.score, sweep.golden_layer
    column = scores[:, sweep.layers.index(golden)]
    if sweep.n_requests == 1:
        return f"Layer {golden} is the best layer of this one request: score {number(float(column[0]), 2)}"
    hits = int((scores.max(axis=1) - column <= 1e-9).sum())
    return (
        f"Layer {golden} is the golden layer by real edits: mean score {number(float(column.mean()), 2)}, and no layer "
        f"is better for {hits:,} of {counted(sweep.n_requests, 'request')}"
    )
