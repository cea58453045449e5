"""What every figure of layer scores shares: what a score is, the golden layer, and the layers that are set aside."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from goldenlayers_core.figures.frame import ABOVE_PLOT, mark_column
from goldenlayers_core.figures.text import MINUS, TIMES, counted, layer_list, number
from goldenlayers_core.figures.theme import Colours
from goldenlayers_core.results import Floats, LayerScores, Selection
from goldenlayers_core.results.scores.parts import METHOD_WORDS
from goldenlayers_core.results.scores.readings import LOSS_WORDS

PREDICTED_SCORE = "predicted score, 0 to 1"
UNIT = "nats² per squared unit of weight"


def provenance(scores: LayerScores) -> str:
    """One sentence: method, scope, old answer, requests, dataset, model."""
    how = (
        f"LGA, {LOSS_WORDS[scores.loss_on]}, scope {scores.scope}, old answer from the {scores.old_answer}"
        if scores.method == "lga"
        else f"{METHOD_WORDS[scores.method].capitalize()}, edits of the MLP output"
    )
    return f"{how}; {counted(scores.n_requests, 'request')} of {scores.dataset}; {scores.model}."


def value_definition(scores: LayerScores) -> str:
    """What one layer score is, with its unit."""
    if scores.method == "lga":
        with_prompt = "prompt and " if scores.loss_on == "sequence" else ""
        return f"Value = ⟨∇L({with_prompt}old answer), ∇L({with_prompt}new answer)⟩, signed, in {UNIT}."
    if scores.method == "damage":
        return (
            f"Value = {MINUS}ln of the damage in nats per token. Damage is how far the edit that a request needs is "
            "predicted to move the model on text of its own. More is better; no edit was run."
        )
    return (
        "Value = predicted score of an edit, 0 to 1. No edit was run. It is the mean of rewrite, rephrases, locality "
        "and portability over the kinds of probe that the request has."
    )


def mean_value(scores: LayerScores) -> str:
    """What the mean over requests is of, in methods that take one."""
    return f"{MINUS}ln damage, of nats per token" if scores.method == "damage" else PREDICTED_SCORE


def set_aside_sentence(selection: Selection, shown_as: str) -> str:
    """Which layers the fences put aside, and how the figure shows them."""
    if selection.by == "mean":
        return ""
    if not selection.outliers:
        return "No layer is set aside."
    return (
        f"Set aside by the Tukey fences (k = {selection.fence_factor:g}, {shown_as}): {layer_list(selection.outliers)}."
    )


def set_aside_mask(selection: Selection) -> NDArray[np.bool_]:
    """(L,) True where the fences put the layer aside."""
    mask = np.zeros(len(selection.raw_ranking), dtype=np.bool_)
    mask[list(selection.outliers)] = True
    return mask


def layer_groups(selection: Selection, theme: Colours) -> list[tuple[str, NDArray[np.int64], dict[str, object]]]:
    """(name, layers, marker) of the kinds of layer there are; those set aside are hatched, so that print tells."""
    aside = set_aside_mask(selection)
    golden = np.arange(len(aside)) == selection.golden_layer
    hatch = {"shape": "/", "fgcolor": theme.muted, "bgcolor": theme.faint, "size": 5, "solidity": 0.2}
    kinds: tuple[tuple[str, NDArray[np.bool_], dict[str, object]], ...] = (
        ("golden layer", golden, {"color": theme.gold, "line": {"color": theme.gold_text, "width": 1}}),
        ("kept", ~aside & ~golden, {"color": theme.slate, "line": {"width": 0}}),
        ("set aside", aside & ~golden, {"color": theme.faint, "line": {"width": 0}, "pattern": hatch}),
    )
    return [(name, np.flatnonzero(mask), marker) for name, mask, marker in kinds if mask.any()]


def mark_layers(figure: go.Figure, selection: Selection, theme: Colours, rows: int) -> None:
    """Frame the golden layer's column of a heatmap with `rows` rows and put a cross above each layer set aside."""
    mark_column(
        figure,
        selection.golden_layer,
        len(selection.raw_ranking),
        rows,
        theme,
        label=f"golden layer {selection.golden_layer}",
        above=12 if selection.outliers else 0,
    )
    for layer in selection.outliers:
        figure.add_annotation(
            x=layer, text=TIMES, font={"color": theme.muted, "size": 12}, name="set aside", **ABOVE_PLOT
        )


def cut_bars(
    figure: go.Figure, values: Floats, selection: Selection, theme: Colours, interval: Floats | None = None
) -> str:
    """Cut the first panel's bars of layers set aside that would flatten the others; the sentence on it, "" if none is.

    `values` (L,), `interval` (L, 2) their ends. Cut are bars more than 2.5 times as long as the rest; their values are
    written at the edge.
    """
    limits = _limits(values, values[:, None] if interval is None else interval, set_aside_mask(selection))
    if limits is None:
        return ""
    low, high = limits
    beyond = np.flatnonzero((values < low) | (values > high))
    figure.layout.yaxis.range = [low, high]  # the first panel's, where there are several
    for layer in beyond:
        up = values[layer] > high
        figure.add_annotation(
            x=int(layer),
            y=high if up else low,
            yanchor="top" if up else "bottom",
            text=("▲ " if up else "▼ ") + number(values[layer]),
            textangle=-90,
            showarrow=False,
            bgcolor=theme.background,
            font={"size": 10, "color": theme.ink},
            name="cut",
        )
    if len(beyond) == 1:
        return "One bar set aside is cut at the edge; its value is written there."
    return f"{len(beyond)} bars set aside are cut at the edge; their values are written there."


def _limits(values: Floats, interval: Floats, aside: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Axis range that keeps the layers inside the fences readable; None where everything fits anyway."""
    if aside.all():
        return None
    bottom = min(0.0, float(interval[~aside].min()), float(values[~aside].min()))
    top = max(0.0, float(interval[~aside].max()), float(values[~aside].max()))
    span = top - bottom
    if span == 0 or not np.any((values[aside] > bottom + 2.5 * span) | (values[aside] < top - 2.5 * span)):
        return None
    return bottom - 0.3 * span * (bottom < 0 or values.min() < 0), top + 0.3 * span * (top > 0 or values.max() > 0)
