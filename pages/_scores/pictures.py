"""Layer scores in pictures: the heatmap that opens requests, the sums, where the best layers lie."""

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.scores.heatmap import shown_rows
from goldenlayers_core.figures.scores.parts import PREDICTED
from goldenlayers_core.figures.scores.walk import with_open_cell
from goldenlayers_core.results import LayerScores, Selection
from pages._shared import beside, cached, fold, link, request_choice, session, show

SCALE_WORDS = {"row": "by row", "symlog": "symmetric log", "raw": "raw"}
ORDER_WORDS = {"best": "best layer", "relation": "relation", "dataset": "dataset"}
OPEN_LAYER = "open-layer"
_LAYER_OF = "open-layer-of"  # the run whose cell it was
_BY_ADDRESS = "scores-by-address"
_CLICK = "Click a cell to open its request."
_ORDERS = "Best layer: requests with the same best layer together. Relation: requests of one kind together."


def heatmap(scores: LayerScores, selection: Selection, run_id: str, index: int) -> None:
    """The picture, the open request's cell framed; a click on a cell opens its request. Predictions come with a choice
    of their parts."""
    if scores.parts:
        part, order = _part_looks(scores)
        drawn = cached.once(figures.part_heatmap, scores, selection, part, order, session.dark())
    else:
        scale, order = _looks()
        drawn = cached.once(figures.scores_heatmap, scores, selection, scale, order, session.dark())
    rows, layer = cached.once(shown_rows, scores, order), open_layer(scores, index)
    framed = cached.once(with_open_cell, drawn, rows, scores.n_layers, index, layer, session.dark())
    beside.walk("scores", rows, range(scores.n_layers), (index, layer), lambda *cell: _open(scores, *cell))
    show.figure(framed, heatmap_name(run_id), cached.once(LayerScores.to_frame, scores), selectable=True)


def open_layer(scores: LayerScores, index: int) -> int:
    """The layer that is looked at: the cell's, else the request's best."""
    layer = clicked_layer(scores)
    return int(scores.best_layers[index]) if layer is None else layer


def by_address() -> bool:
    """Whether this visit began with the address of a cell: a phone then folds away what stands above the heatmap."""
    if link.asks("layer"):
        st.session_state[_BY_ADDRESS] = True
    return bool(st.session_state.get(_BY_ADDRESS))


def clicked_layer(scores: LayerScores) -> int | None:
    """The layer of the cell that was opened; None before one was."""
    layer = st.session_state.get(OPEN_LAYER)
    return layer if isinstance(layer, int) and 0 <= layer < scores.n_layers else None


def _open(scores: LayerScores, request: int, layer: int) -> None:
    session.open_request(scores.request_digests[request])
    st.session_state[OPEN_LAYER] = layer
    fold.unfold("scores-request")


def heatmap_name(run_id: str) -> str:
    """Key of the heatmap's figure: a new run, scale or order starts without a selected cell."""
    state = st.session_state
    look = f"{state.get('scores-scale', 'row')}-{state.get('scores-part', PREDICTED)}"
    return f"heatmap-{run_id}-{look}-{state.get('scores-order', 'best')}"


def _looks() -> tuple[figures.Scale, figures.Order]:
    link.option("view", "scores-scale", figures.SCALES)
    with fold.on_phone("scores-looks", "Colours and order of the rows", row="bottom"):
        scale = st.segmented_control(
            "Colours",
            figures.SCALES,
            default="row",
            required=True,
            format_func=SCALE_WORDS.__getitem__,
            key="scores-scale",
            persist_state="session",
            help="By row: each request divided by its largest absolute value, so that every request counts alike. "
            "Symmetric log: small and large values in one picture. Raw: the values, cut at their 99th percentile.",
        )
        order = row_order("scores-order", _CLICK, _ORDERS)
    link.say(view=None if scale == "row" else scale)
    return scale or "row", order


def _part_looks(scores: LayerScores) -> tuple[str, figures.Order]:
    words = {PREDICTED: "Score", **{part.name: part.title for part in scores.parts}}
    link.option("view", "scores-part", tuple(words))
    if st.session_state.get("scores-part") not in words:
        st.session_state["scores-part"] = PREDICTED
    with fold.on_phone("scores-looks", "Part and order of the rows", row="bottom"):
        part = st.segmented_control(
            "Show",
            list(words),
            required=True,
            format_func=words.__getitem__,
            key="scores-part",
            persist_state="session",
            help="The predicted score, or one of the parts it is the mean of (harm counts as 1 - harm).",
        )
        order = row_order("scores-order", _CLICK, _ORDERS)
    link.say(view=None if part == PREDICTED else part)
    return part or PREDICTED, order


def row_order(key: str, click: str, explanation: str | None = None) -> figures.Order:
    """The order of a heatmap's rows, from its widget or the address; beside it what a click does."""
    link.option("order", key, figures.ORDERS)
    order = st.segmented_control(
        "Rows by",
        figures.ORDERS,
        default="best",
        required=True,
        format_func=ORDER_WORDS.__getitem__,
        key=key,
        persist_state="session",
        help=explanation,
    )
    st.markdown(click, width="content")
    link.say(order=None if order == "best" else order)
    return order or "best"


def clicked(run_id: str, scores: LayerScores) -> tuple[int, int] | None:
    """Open the request of a cell clicked since the last look, which is returned; to be called before the widgets that
    show it. The layer of a cell of another run is forgotten."""
    if st.session_state.get(_LAYER_OF, run_id) != run_id:
        st.session_state.pop(OPEN_LAYER, None)
    st.session_state[_LAYER_OF] = run_id
    cell = request_choice.clicked(heatmap_name(run_id), "scores-cell")
    if not cell or not 0 <= cell[0] < scores.n_requests:
        return None
    _open(scores, *cell)
    return cell


def together(scores: LayerScores, selection: Selection, run_id: str) -> None:
    """S per layer, and beside it where single requests have their best layer."""
    by_relation, dark = _split_by_relation(scores), session.dark()
    sums = cached.once(figures.totals_bars, selection, dark, figures.mean_value(scores))
    best = cached.once(figures.best_layer_distribution, scores, selection, by_relation, dark)
    sums, best = cached.once(figures.evened, sums, best)
    left, right = st.columns(2, gap="large")
    with left:
        show.figure(sums, f"sums-{run_id}", selection.to_frame())
    with right:
        show.figure(best, f"best-layers-{run_id}", cached.once(LayerScores.best_frame, scores))


def _split_by_relation(scores: LayerScores) -> bool:
    """Whether the best layers are to be split by the dataset's kinds of fact."""
    if len(set(scores.relations)) < 2:
        return False
    return st.toggle(
        "Best layers by relation",
        key="scores-by-relation",
        persist_state="session",
        help="The dataset's kinds of fact.",
    )
