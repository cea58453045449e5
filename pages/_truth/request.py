"""Ground truth: every request, the one that is open, and the layer it is looked at."""

from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.scores.walk import with_open_cell
from goldenlayers_core.figures.text import number, percent, shorten
from goldenlayers_core.figures.truth.sweep import swept_rows
from goldenlayers_core.results import SweepResult
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.truth.judgement import failures
from pages._scores.pictures import row_order
from pages._shared import beside, cached, edit_link, fold, link, request_choice, session, show
from pages._shared.wording import count, escape

LAYER: Final = "truth-layer"
_SCRUBBED: Final = "truth-layer-of"  # the sweep that the layer was chosen in
KINDS: Final = (
    ("rewrite", "The prompt gives the new answer"),
    ("rephrase", "Rephrases give the new answer"),
    ("locality", "Prompts about other things stay"),
    ("portability", "Consequences follow"),
)


def heatmap(sweep: SweepResult, run_id: str, at: tuple[int, int]) -> None:
    """The picture, the open cell (request, layer) framed; a click on a cell opens its request at its layer."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = row_order("truth-order", "Click a cell to open its request at its layer.")
    drawn = cached.once(figures.sweep_heatmap, sweep, order, session.dark())
    rows = cached.once(swept_rows, sweep, order)
    beside.walk("truth", rows, sweep.layers, at, lambda *cell: _open(sweep, *cell))
    place = at[0], sweep.layers.index(at[1])
    framed = cached.once(with_open_cell, drawn, rows, len(sweep.layers), *place, session.dark())
    show.figure(framed, heatmap_name(run_id), cached.once(SweepResult.to_frame, sweep), selectable=True)


def _open(sweep: SweepResult, request: int, layer: int) -> None:
    session.open_request(sweep.request_digests[request])
    st.session_state[LAYER] = layer
    fold.unfold("truth-course")


def look_at(run_id: str, layer: int) -> None:
    """Put a layer of a sweep under the scrubber."""
    st.session_state[LAYER], st.session_state[_SCRUBBED] = layer, run_id


def heatmap_name(run_id: str) -> str:
    """Key of the heatmap's figure: a new run or order starts without a selected cell."""
    return f"heatmap-{run_id}-{st.session_state.get('truth-order', 'best')}"


def clicked(run_id: str, sweep: SweepResult) -> tuple[int, int] | None:
    """Open the request of a cell clicked since the last look, which is returned; to be called before the widgets that
    show it."""
    cell = request_choice.clicked(heatmap_name(run_id), "truth-cell")
    if not cell or not 0 <= cell[0] < sweep.n_requests or cell[1] not in sweep.layers:
        return None
    _open(sweep, *cell)
    return cell


def choose(sweep: SweepResult) -> int:
    """The open request's number, from the selectbox."""
    lines = cached.once(request_choice.labels, sweep.prompts, sweep.targets_true, sweep.targets_new)
    return request_choice.choose("truth-request", sweep.request_digests, lines.__getitem__)


def choose_layer(sweep: SweepResult, run_id: str) -> int:
    """The layer scrubber. It starts at the address's layer, else at the golden one of the sweep on show."""
    asked = link.layer(sweep.layers)
    if asked is not None:
        fold.unfold("truth-course")
    kept = st.session_state.get(LAYER) if st.session_state.get(_SCRUBBED) == run_id else None
    st.session_state[_SCRUBBED] = run_id
    wanted = kept if asked is None else asked
    st.session_state[LAYER] = wanted if wanted in sweep.layers else sweep.golden_layer
    if len(sweep.layers) == 1:
        return sweep.layers[0]
    layer = st.select_slider(
        "Layer",
        sweep.layers,
        key=LAYER,
        help="Drag to read what the model said after an edit at each layer. Nothing is computed: the sweep has it.",
    )
    link.say(layer=layer)
    return int(layer)


def panel(sweep: SweepResult, index: int, layer: int, run: RunManifest) -> None:
    """The request at the layer: the answer, each kind of probe, P(new), and the way to edit it there."""
    _answers(sweep, index, layer)
    _outcomes(sweep, index, layer)
    of, digest = edit_link.made(run), sweep.request_digests[index]
    what = f"Edit this on {{}}at layer {layer}" if of.model else f"Edit this live at layer {layer}"
    edit_link.button(what, "truth-edit-live", of, layer, digest, "primary")


def course(sweep: SweepResult, index: int, layer: int) -> None:
    """The open request over the layers."""
    st.header("One request, layer by layer")
    frame = cached.once(SweepResult.to_frame, sweep)
    size = len(sweep.layers)
    drawn = cached.once(figures.request_layers, sweep, index, layer, session.dark())
    name = f"truth-request-{sweep.request_digests[index][:12]}"
    show.figure(drawn, name, frame.iloc[index * size : (index + 1) * size])


def _answers(sweep: SweepResult, index: int, layer: int) -> None:
    place = sweep.layers.index(layer)
    took = sweep.of("rewrite")[index, place] >= 1
    mark = "<span class='gl-yes'>✓ took</span>" if took else "<span class='gl-no'>✗ did not take</span>"
    st.markdown(f"### {escape(shorten(sweep.prompts[index], 300))} …")
    old, new = shorten(sweep.targets_true[index], 120) or "what the model says", shorten(sweep.targets_new[index], 120)
    st.caption(f"{escape(old)} **→** {escape(new)} · case {escape(sweep.case_ids[index])}")
    st.markdown(f"**Before** {escape(shorten(sweep.answers_before[index], 200)) or '(nothing)'}")
    st.markdown(f"**Edited at layer {layer}** {escape(shorten(sweep.answers[index][place], 200)) or '(nothing)'}")
    st.html(f"<p>{mark}</p>")


def _outcomes(sweep: SweepResult, index: int, layer: int) -> None:
    place = sweep.layers.index(layer)
    rows = ""
    for name, meaning in KINDS:
        after, before = float(sweep.of(name)[index, place]), float(sweep.before_of(name)[index])
        if pd.isna(after):
            continue
        rows += (
            f"<tr><td class='gl-word'>{meaning}</td><td class='gl-number'>{_share(before)}</td>"
            f"<td class='gl-number'><strong>{_share(after)}</strong></td></tr>"
        )
    new, old = float(sweep.of("p_new")[index, place]), float(sweep.before_of("p_new")[index])
    rows += (
        f"<tr><td class='gl-word'>P(new): probability of the new answer</td><td class='gl-number'>{_share(old)}</td>"
        f"<td class='gl-number'><strong>{_share(new)}</strong></td></tr>"
    )
    score = float(sweep.score[index, place])
    st.html(
        "<div class='gl-scroll'><table class='gl-table'><thead><tr><th>share of probes as wished</th><th>before</th>"
        f"<th>layer {layer}</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    best = float(sweep.score[index].max())
    st.caption(
        f"Score here {number(score, 2)}, at this request's best layer {number(best, 2)}. Score = mean of the kinds of "
        "probe above; answers by greedy generation."
    )


def _share(value: float) -> str:
    return "none" if pd.isna(value) else percent(value)


def failing(sweep: SweepResult, run_id: str) -> None:
    """Requests the golden layer fails; a row opens its request."""
    golden = sweep.golden_layer
    bad = failures(sweep, golden)
    st.header(f"Where layer {golden} fails")
    if not bad:
        st.markdown(f"At layer {golden} every request takes and scores more than 0.5.")
        return
    st.caption(
        f"{count(len(bad), 'request')} of {sweep.n_requests:,} whose rewrite fails at the golden layer, or whose score "
        "there is at most 0.5; the worst first. Select a row to open the request."
    )
    place, scores = sweep.layers.index(golden), sweep.score
    table = pd.DataFrame(
        {
            "request": [shorten(sweep.prompts[q], 48) for q in bad],
            "new answer": [shorten(sweep.targets_new[q], 24) for q in bad],
            f"said at layer {golden}": [shorten(sweep.answers[q][place], 30) for q in bad],
            "score": [round(float(scores[q, place]), 2) for q in bad],
            "its best layer": [sweep.layers[int(scores[q].argmax())] for q in bad],
            "score there": [round(float(scores[q].max()), 2) for q in bad],
        }
    )
    event = st.dataframe(
        table,
        width="stretch",
        hide_index=True,
        key=f"truth-failing-{golden}-{run_id}",
        on_select="rerun",
        selection_mode="single-row",
        alt="Requests that the golden layer fails, with their scores and best layers",
    )
    rows = event["selection"]["rows"]
    picked = bad[rows[0]] if rows and rows[0] < len(bad) else None
    if (run_id, picked) != st.session_state.get("truth-failed"):
        st.session_state["truth-failed"] = run_id, picked
        if picked is not None:
            session.open_request(sweep.request_digests[picked])
            st.rerun()
