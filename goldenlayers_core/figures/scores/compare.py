"""Two runs beside each other: do they choose the same layer?"""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.figures.frame import dress, layer_axis
from goldenlayers_core.figures.scores.selection import provenance, set_aside_mask
from goldenlayers_core.figures.text import counted, number, percent, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import Floats, LayerScores, Selection, spearman

EDGE = 1.25  # layers set aside may lie far out; they are drawn at this relative score and hover tells the value


@dataclass(frozen=True, slots=True)
class Look:
    """How one of the two runs is drawn."""

    name: str
    colour: str
    symbol: str
    dash: str


def compare_runs(a: LayerScores, b: LayerScores, sel_a: Selection, sel_b: Selection, dark: bool = False) -> go.Figure:
    """Summed score per layer of two runs, each divided by its largest |S| among the layers kept.

    Runs of models with different numbers of layers are drawn over relative depth (0 first block, 1 last block).
    """
    theme = colours(dark)
    by_layer = a.n_layers == b.n_layers
    figure = go.Figure()
    _run(figure, sel_a, Look("run A", theme.blue, "circle", "solid"), theme, by_layer)
    _run(figure, sel_b, Look("run B", theme.rust, "square", "dash"), theme, by_layer)
    _axes(figure, a.n_layers, by_layer)
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


def _axes(figure: go.Figure, n_layers: int, by_layer: bool) -> None:
    figure.update_layout(showlegend=True)
    figure.update_yaxes(title_text="S ÷ largest |S| kept", range=[-EDGE - 0.1, EDGE + 0.1], dtick=0.5)
    if by_layer:
        layer_axis(figure, n_layers)
    else:
        figure.update_xaxes(range=[-0.03, 1.03], showgrid=False, zeroline=False, tickformat=".1f")
        figure.update_xaxes(title_text="relative depth (0 first, 1 last block)")


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
    correlation = spearman(sel_a.totals[both], sel_b.totals[both])
    return None if correlation is None else (correlation, int(both.sum()))


def _run(figure: go.Figure, selection: Selection, look: Look, theme: Colours, by_layer: bool) -> None:
    layers = np.arange(len(selection.totals))
    place: NDArray[np.float64] = layers.astype(float) if by_layer else layers / max(len(layers) - 1, 1)
    shown = np.clip(relative_scores(selection), -EDGE, EDGE)
    aside, golden = set_aside_mask(selection), selection.golden_layer
    for mask, state in ((~aside, "kept"), (aside, "set aside")):
        kept = state == "kept"
        figure.add_scatter(
            x=place,
            y=[float(value) if drawn else None for value, drawn in zip(shown, mask, strict=True)],
            mode="lines+markers" if kept else "markers",
            name=f"{look.name}: layer {golden}" if kept else f"{look.name}, set aside",
            showlegend=kept,
            line={"color": look.colour, "width": 1.5, "dash": look.dash},
            marker={
                "symbol": look.symbol if kept else f"{look.symbol}-open",
                "size": 7,
                "color": look.colour,
                "line": {"color": look.colour, "width": 1.5},
            },
            customdata=[[int(layer), float(selection.totals[layer])] for layer in layers],
            hovertemplate=f"<b>{look.name}, layer " + "%{customdata[0]}</b><br>S %{customdata[1]:.3g}<extra></extra>",
        )
    figure.add_scatter(
        x=[place[golden]],
        y=[shown[golden]],
        mode="markers",
        name=f"{look.name}: golden layer",
        showlegend=False,
        hoverinfo="skip",
        marker={"symbol": f"{look.symbol}-open", "size": 17, "color": theme.gold, "line": {"width": 3}},
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
