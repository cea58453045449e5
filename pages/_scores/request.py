"""One request of a score run: the selectbox twin of a click on the heatmap, and everything about the request."""

import numpy as np
import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.text import number, shorten
from goldenlayers_core.results import Floats, LayerScores, Selection
from goldenlayers_core.results.scores.readings import LOSS_WORDS
from pages._scores.pictures import OPEN_LAYER, clicked_layer
from pages._shared import cached, edit_link, fold, link, request_choice, session, show
from pages._shared.wording import escape

COMPARED = (
    "Value = cosine times both gradient norms: the inner product of the loss gradients of the old and the new "
    "answer, in nats² per squared unit of weight. Norms are in nats per unit of weight."
)
PREDICTED = (
    "All are predicted shares, 0 to 1, of an edit that was not run. Score = mean of feasible, spread, 1 - harm and "
    "portability, of those the request has."
)


DAMAGE = (
    "Damage: nats per token by which the edit that this request needs is predicted to move the model on text of its "
    "own. Value = minus its natural logarithm. No edit was run."
)


def choose(scores: LayerScores) -> int:
    """The open request's number, from the selectbox; the address may name a layer of it, too."""
    layer = link.layer(range(scores.n_layers))
    if layer is not None:
        st.session_state[OPEN_LAYER] = layer
        fold.unfold("scores-request")
    lines = cached.once(request_choice.labels, scores.prompts, scores.targets_old, scores.targets_new)
    return request_choice.choose(
        "scores-request", scores.request_digests, lines.__getitem__, lambda: st.session_state.pop(OPEN_LAYER, None)
    )


def panel(scores: LayerScores, index: int, selection: Selection, run_id: str) -> None:
    """The request in words and numbers, and buttons to edit it."""
    _words(scores, index)
    _at_layer(scores, index, selection)
    _buttons(scores, index, run_id)


def profile(scores: LayerScores, index: int, selection: Selection) -> None:
    """The open request's values over the layers."""
    st.header("One request")
    rows = cached.once(LayerScores.to_frame, scores)
    mine = rows.iloc[index * scores.n_layers : (index + 1) * scores.n_layers]
    draw = figures.prediction_profile if scores.parts else figures.request_profile
    drawn = cached.once(draw, scores, index, selection, session.dark())
    show.figure(drawn, f"request-{scores.request_digests[index][:12]}", mine)


def _words(scores: LayerScores, index: int) -> None:
    st.markdown(f"### {escape(shorten(scores.prompts[index], 300))}")
    old, new = (
        escape(shorten(scores.targets_old[index], 120)),
        escape(shorten(scores.targets_new[index], 120)),
    )
    st.markdown(f"{old} **→** {new}")
    relation = f"relation {scores.relations[index]}, " if scores.relations[index] else ""
    st.caption(f"{escape(relation)}case {escape(scores.case_ids[index])}, request {index + 1} of {scores.n_requests:,}")


def _at_layer(scores: LayerScores, index: int, selection: Selection) -> None:
    """What is known where the person clicked, else at the request's own best layer."""
    clicked = clicked_layer(scores)
    best = int(scores.best_layers[index])
    layers = {best: "its largest value", selection.golden_layer: "the golden layer"}
    if clicked is not None:
        layers = {clicked: "the cell you clicked", **{k: v for k, v in layers.items() if k != clicked}}
    told = _predicted(scores, index) if scores.parts else _compared(scores, index)
    head = "".join(f"<th>{name}</th>" for name in told)
    rows = "".join(
        f"<tr><td class='gl-word'><strong>{layer}</strong><br><span class='gl-quiet'>{what}</span></td>"
        + "".join(
            f"<td class='gl-number'>{number(float(values[layer]), digits)}</td>" for values, digits in told.values()
        )
        + "</tr>"
        for layer, what in layers.items()
    )
    st.html(
        f"<div class='gl-scroll'><table class='gl-table'><thead><tr><th>layer</th>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    if scores.method == "damage":
        st.caption(DAMAGE)
        return
    st.caption(PREDICTED if scores.parts else f"{COMPARED} {LOSS_WORDS[scores.loss_on].capitalize()}.")


def _compared(scores: LayerScores, index: int) -> dict[str, tuple[Floats, int]]:
    """What is known of a request: per column the numbers of all layers, and how many digits are shown."""
    if scores.method == "damage":
        return {"value": (scores.values[index], 3), "damage": (np.exp(-scores.values[index]), 2)}
    norms = {"norm, old": scores.norm_old, "norm, new": scores.norm_new}
    return {
        "value": (scores.values[index], 3),
        "cosine": (scores.cosine[index], 2),
        **{name: (norm[index], 3) for name, norm in norms.items()},
    }


def _predicted(scores: LayerScores, index: int) -> dict[str, tuple[Floats, int]]:
    """The prediction and the parts the request has."""
    parts = {part.title.lower(): (part.values[index], 2) for part in scores.parts}
    return {"score": (scores.values[index], 2), **{k: v for k, v in parts.items() if not np.isnan(v[0]).any()}}


def _buttons(scores: LayerScores, index: int, run_id: str) -> None:
    digest, clicked = scores.request_digests[index], clicked_layer(scores)
    link.say(layer=clicked)
    with st.container(horizontal=True):
        of = edit_link.made(cached.workbench().store.manifest(run_id))
        edit_link.button(
            "Edit this request" + (" on {}" if of.model else ""), "edit-request", of, None, digest, "primary"
        )
        if clicked is not None:
            what = f"Edit it on {{}}at layer {clicked}" if of.model else f"Edit it at layer {clicked}"
            edit_link.button(what, "edit-request-here", of, clicked, digest)
