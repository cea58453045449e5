"""The edit on show beside others: the same request at another layer, and a table of the stack's edits."""

import dataclasses

import pandas as pd
import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results import EditReport
from goldenlayers_core.tasks import EditQuestion
from goldenlayers_core.tasks.layer_options import layer_options
from pages._edit import controls, parts, stacks
from pages._edit.stacks import Look
from pages._shared import cached, jobs
from pages._shared.wording import escape


def another_layer(look: Look) -> None:
    """The same request and settings at another layer, one click away."""
    run_id, report = look.run_id, look.report
    if run_id is None or report is None or look.form.kind == "prompt":
        return
    tried = {other.layer for other in _reports(look.stack) if _same_fact(other, report)}
    options = [option for option in layer_options(look.card.n_layers, look.found) if option.layer not in tried]
    job = jobs.waiting("edit")
    busy = job is not None and job.active
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**The same request at**", width="content")
        for option in options:
            label = f"layer {option.layer} ({option.name})"
            if st.button(label, key=f"beside-{option.layer}", help=escape(option.why), disabled=busy):
                controls.start(at_layer(run_id, option.layer))
        at = st.number_input(
            "Another layer",
            0,
            look.card.n_layers - 1,
            _beside(report.layer, look.card.n_layers),
            key=f"beside-{run_id}",
            label_visibility="collapsed",
            width=130,
        )
        if st.button("Try this layer", key="beside-any", icon=":material/compare_arrows:", disabled=busy):
            controls.start(at_layer(run_id, int(at)))


def _beside(layer: int, n_layers: int) -> int:
    return layer + 1 if layer + 1 < n_layers else max(layer - 1, 0)


def at_layer(run_id: str, layer: int) -> EditQuestion:
    """The question behind a stored edit, asked of another layer."""
    return dataclasses.replace(EditQuestion.from_params(stacks.run(run_id).settings), layer=layer)


def _same_fact(one: EditReport, other: EditReport) -> bool:
    return (one.prompt, one.target_new, one.method) == (other.prompt, other.target_new, other.method)


def _reports(name: str) -> list[EditReport]:
    """Reports of a stack's edits, from the bottom, of those that were measured here."""
    found = []
    for edit_id in stacks.stack(name).edit_ids:
        try:
            found.append(cached.report(cached.edit_card(edit_id).run_id))
        except GoldenLayersError:
            continue
    return found


def table(look: Look) -> None:
    """The numbers of every edit of the stack; nothing while there is one edit only."""
    found = _reports(look.stack)
    if len(found) < 2:
        return
    st.header(f"The edits of stack {look.stack}, one by one")
    st.dataframe(
        pd.DataFrame([parts.summary_row(report) for report in found]),
        width="stretch",
        hide_index=True,
        key="edit-comparison",
        alt="The edits of this stack: layer, whether it took, probes as wished, weight change, time",
    )
    st.caption(
        "Each edit as it was measured when it was made: with the edits it was computed on below it, and none above it. "
        "Probes as wished, out of all of their kind."
    )
