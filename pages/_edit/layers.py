"""Every layer: the request on show at each of them, and the way to edit there."""

from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.text import number, percent, shorten
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.truth.measured import MethodUsed, method_used
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import EditQuestion
from goldenlayers_core.tasks.serial import plain, request_from
from goldenlayers_core.tasks.truth.transfer import swept_runs
from pages._edit import controls, own_layers, stacks
from pages._edit.stacks import Look
from pages._shared import cached, jobs, session, show
from pages._shared.wording import escape

_LAYER: Final = "layers-at"


def section(look: Look) -> None:
    """The request on show at every layer: as a sweep measured it, or edited at each for itself."""
    found = _asked(look)
    if found is None:
        st.info("There is no request on show; choose one above.", icon=":material/edit_off:")
        return
    request, method, settings, edited = found

    def edit_at(layer: int) -> None:
        below = stacks.enabled(look.stack, look.card.fingerprint) if st.session_state.get("edit-on-top", True) else ()
        controls.start(EditQuestion(session.model(), plain(request), method, layer, settings, below))

    if (swept := _swept(look, request, method_used(method, settings))) is not None:
        layer = _strip(swept, request, edited)
        button = f"Edit at layer {layer}"
        if st.button(button, type="primary", key="layers-edit", icon=":material/edit:", disabled=jobs.busy("edit")):
            edit_at(layer)
        st.header("Every probe at every layer")
    own_layers.section(look, request, method, settings, edited, edit_at)


def _strip(swept: tuple[RunManifest, SweepResult], request: EditRequest, edited: int) -> int:
    """What a stored sweep measured of the request; the layer looked at."""
    run, sweep = swept
    index = sweep.request_digests.index(request.digest)
    layer = _layer(sweep, edited)
    drawn = figures.request_layers(sweep, index, layer, session.dark())
    frame = sweep.to_frame()
    size = len(sweep.layers)
    show.figure(drawn, f"layers-{run.run_id[:16]}-{request.digest[:8]}", frame.iloc[index * size : (index + 1) * size])
    if edited in sweep.layers and edited != layer:
        st.caption(f"The edit on show is at layer {edited}.")
    _answers(sweep, index, edited)
    st.caption(
        escape(
            f"Read from the run “{run.title}” ({run.run_id}); nothing is computed "
            "here. Settings of the sweep may differ from those of the edit."
        )
    )
    return layer


def _asked(look: Look) -> tuple[EditRequest, str, dict[str, object], int] | None:
    """(request, method, settings, layer) of the edit on show, where it is of this model; else of the inputs."""
    if look.run_id is not None and not look.is_foreign:
        asked = stacks.question(look.run_id)
        if asked.request:
            layer = asked.layer if asked.layer >= 0 or look.report is None else look.report.layer
            return request_from(asked.request), asked.method, dict(asked.settings), layer
    if look.request is None:
        return None
    return look.request, look.form.name, look.settings, look.layer


def _swept(look: Look, request: EditRequest, used: MethodUsed) -> tuple[RunManifest, SweepResult] | None:
    """The newest sweep of this model, by the method with its covariance setting, that has the request."""
    for run in swept_runs(cached.workbench(), look.card.fingerprint, used):
        sweep = cached.sweep(run.run_id)
        if request.digest in sweep.request_digests:
            return run, sweep
    return None


def _layer(sweep: SweepResult, edited: int) -> int:
    """The layer looked at; it starts at the edit's."""
    wanted = st.session_state.get(_LAYER, edited)
    st.session_state[_LAYER] = wanted if wanted in sweep.layers else sweep.golden_layer
    if len(sweep.layers) == 1:
        return sweep.layers[0]
    return int(st.select_slider("Layer to look at", sweep.layers, key=_LAYER))


def _answers(sweep: SweepResult, index: int, edited: int) -> None:
    """What the model said after an edit at each layer."""
    marks = {edited: "edited here", sweep.golden_layer: "golden layer of the sweep"}
    st.dataframe(
        pd.DataFrame(
            {
                "layer": list(sweep.layers),
                "score": [number(float(value), 2) for value in sweep.score[index]],
                "answer after the edit": [shorten(answer, 80) for answer in sweep.answers[index]],
                "P(new)": [percent(float(value)) for value in sweep.of("p_new")[index]],
                "": [marks.get(layer, "") for layer in sweep.layers],
            }
        ),
        width="stretch",
        hide_index=True,
        height=280,
        key="layers-answers",
        alt="Score, answer and probability of the new target at every layer",
    )
