"""Two runs beside each other: do they choose the same layer?"""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.figures.frame import dress, provenance, set_aside_mask
from goldenlayers_core.figures.text import counted, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import Floats, LayerScores, Selection

EDGE = 1.25  # layers set aside may lie far out; they are drawn at this relative score and hover tells the value


def compare_runs(a: LayerScores, b: LayerScores, sel_a: Selection, sel_b: Selection, dark: bool = False) -> go.Figure:
    """Summed score per layer of two runs, each divided by its largest |S| among the layers kept.

    Runs of models with different numbers of layers are drawn over relative depth (0 first block, 1 last block).
    """
    theme = colours(dark)
    same_depth = a.n_layers == b.n_layers
    figure = go.Figure()
    runs = (("run A", sel_a, theme.blue, "circle", "solid"), ("run B", sel_b, theme.rust, "square", "dash"))
    for name, selection, colour, symbol, dash in runs:
        _run(figure, name, selection, colour, symbol, dash, theme, same_depth)
    figure.update_layout(showlegend=True)
    figure.update_yaxes(
        title_text="S ÷ largest |S| kept", range=[-EDGE - 0.1, EDGE + 0.1], tickvals=[-1, -0.5, 0, 0.5, 1]
    )
    figure.update_xaxes(
        title_text="layer (0 is the first block)" if same_depth else "relative depth (0 first, 1 last block)",
        range=[-0.5, a.n_layers - 0.5] if same_depth else [-0.03, 1.03],
        showgrid=False,
        zeroline=False,
        tickformat="d" if same_depth else ".1f",
        dtick=1 if same_depth and a.n_layers <= 12 else None,
    )
    return dress(
        figure,
        dark=dark,
        title=_finding(a, b, sel_a, sel_b),
        subtitle=sentences(
            (
                "S divided by the run's largest |S| among the layers kept; gold: golden layer; open: set aside "
                "(far ones at the edge).",
                f"Run A: {provenance(a)}",
                f"Run B: {provenance(b)}",
                _shared_requests(a, b),
            )
        ),
        kind="Line chart of the summed score of two runs",
        body=300,
        bottom=76,
    )


def relative_scores(selection: Selection) -> Floats:
    """(L,) S divided by the largest |S| among the layers kept; 0 where that is 0."""
    kept = ~set_aside_mask(selection)
    largest = float(np.abs(selection.totals[kept]).max(initial=0.0))
    return selection.totals / largest if largest > 0 else np.zeros_like(selection.totals)


def rank_correlation(sel_a: Selection, sel_b: Selection) -> tuple[float, int] | None:
    """Spearman's correlation of S over the layers both runs keep, and their number; None where it is not defined."""
    if len(sel_a.totals) != len(sel_b.totals):
        return None
    both = ~(set_aside_mask(sel_a) | set_aside_mask(sel_b))
    left, right = _mean_ranks(sel_a.totals[both]), _mean_ranks(sel_b.totals[both])
    if both.sum() < 3 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(left, right)[0, 1]), int(both.sum())


def _mean_ranks(values: Floats) -> Floats:
    """(N,) ranks from 0, equal values sharing their mean rank."""
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count + 1) / 2)[code]


def _run(
    figure: go.Figure,
    name: str,
    selection: Selection,
    colour: str,
    symbol: str,
    dash: str,
    theme: Colours,
    same_depth: bool,
) -> None:
    layers = np.arange(len(selection.totals))
    place: NDArray[np.float64] = layers.astype(float) if same_depth else layers / max(len(layers) - 1, 1)
    relative = relative_scores(selection)
    aside, golden = set_aside_mask(selection), selection.golden_layer
    shown = np.clip(relative, -EDGE, EDGE)
    hover = f"<b>{name}, layer " + "%{customdata[0]}</b> (%{customdata[2]})<br>S %{customdata[1]:.3g}<extra></extra>"
    for mask, state in ((~aside, "kept"), (aside, "set aside")):
        if not mask.any():
            continue
        figure.add_scatter(
            x=place,
            y=[float(value) if drawn else None for value, drawn in zip(shown, mask, strict=True)],
            mode="lines+markers" if state == "kept" else "markers",
            name=f"{name}: layer {golden}" if state == "kept" else f"{name}, set aside",
            showlegend=state == "kept",
            line={"color": colour, "width": 1.5, "dash": dash},
            marker={
                "symbol": symbol if state == "kept" else f"{symbol}-open",
                "size": 7,
                "color": colour,
                "line": {"color": colour, "width": 1.5},
            },
            customdata=[
                [int(layer), float(total), state] for layer, total in zip(layers, selection.totals, strict=True)
            ],
            hovertemplate=hover,
        )
    figure.add_scatter(
        x=[place[golden]],
        y=[shown[golden]],
        mode="markers",
        name=f"{name}: golden layer",
        showlegend=False,
        hoverinfo="skip",
        marker={"symbol": f"{symbol}-open", "size": 17, "color": theme.gold, "line": {"width": 3}},
    )


def _finding(a: LayerScores, b: LayerScores, sel_a: Selection, sel_b: Selection) -> str:
    correlation = rank_correlation(sel_a, sel_b)
    agree = f"; rank correlation {number(correlation[0], 2)} over {correlation[1]} layers" if correlation else ""
    if a.n_layers == b.n_layers and sel_a.golden_layer == sel_b.golden_layer:
        return f"Both runs choose layer {sel_a.golden_layer}{agree}"
    return f"Run A chooses layer {sel_a.golden_layer}, run B layer {sel_b.golden_layer}{agree}"


def _shared_requests(a: LayerScores, b: LayerScores) -> str:
    if a.n_layers != b.n_layers:
        return f"The models have {a.n_layers} and {b.n_layers} layers."
    place = {digest: index for index, digest in enumerate(b.request_digests)}
    pairs = [(index, place[digest]) for index, digest in enumerate(a.request_digests) if digest in place]
    if not pairs:
        return "The runs share no request."
    left, right = np.array(pairs).T
    same = int((a.best_layers[left] == b.best_layers[right]).sum())
    return (
        f"Of {counted(len(pairs), 'shared request')}, {same:,} ({percent(same / len(pairs))}) have the same best layer."
    )
