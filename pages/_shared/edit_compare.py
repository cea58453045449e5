"""Edits of this session side by side, and another layer beside the one on show."""

import pandas as pd
import streamlit as st

from goldenlayers_core.results import EditReport
from goldenlayers_core.tasks import EditQuestion, ModelCard, Recommendation
from goldenlayers_core.tasks.starting import layer_options
from pages._shared import edit_controls, edit_kept, edit_result, jobs, session
from pages._shared.wording import escape


def another_layer(run_id: str, reports: dict[str, EditReport], card: ModelCard, found: Recommendation | None) -> None:
    """The same request and settings at another layer, one click away."""
    report = reports[run_id]
    tried = {other.layer for other in reports.values() if _same_fact(other, report)}
    options = [option for option in layer_options(card.n_layers, found) if option.layer not in tried]
    job = jobs.waiting("edit")
    busy = job is not None and job.active
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Beside it, the same request at**", width="content")
        for option in options:
            label = f"layer {option.layer} ({option.name})"
            if st.button(label, key=f"beside-{option.layer}", help=option.why, disabled=busy):
                edit_controls.start(_at(run_id, option.layer))
        at = st.number_input(
            "Another layer",
            0,
            card.n_layers - 1,
            _beside(report.layer, card.n_layers),
            key=f"beside-{run_id}",
            label_visibility="collapsed",
            width=130,
        )
        if st.button("Try this layer", key="beside-any", icon=":material/compare_arrows:", disabled=busy):
            edit_controls.start(_at(run_id, int(at)))


def _beside(layer: int, n_layers: int) -> int:
    return layer + 1 if layer + 1 < n_layers else max(layer - 1, 0)


def _at(run_id: str, layer: int) -> EditQuestion:
    """The question behind a stored edit, asked of another layer."""
    asked = EditQuestion.from_params(edit_kept.run(run_id).settings)
    return EditQuestion(asked.model, asked.request, asked.method, layer, asked.settings)


def _same_fact(one: EditReport, other: EditReport) -> bool:
    return (one.prompt, one.target_new, one.method) == (other.prompt, other.target_new, other.method)


def side_by_side(shown: str, reports: dict[str, EditReport]) -> None:
    """Verdicts next to each other, and a table of the numbers; nothing while there is one edit only."""
    if len(reports) < 2:
        return
    st.subheader("Edits of this session, side by side")
    for column, (run_id, report) in zip(st.columns(len(reports)), reports.items(), strict=True):
        with column.container(border=True, height="stretch", key=f"edit-card-{run_id}"):
            st.markdown(
                f"**Layer {report.layer}**, {escape(report.method)}" + (" · on show" if run_id == shown else "")
            )
            edit_result.mark(report)
            st.markdown(escape(report.verdict))
            st.caption(escape(f"{report.prompt} {report.target_new}"))
            with st.container(horizontal=True):
                if st.button("Show", key=f"show-{run_id}", disabled=run_id == shown):
                    session.show_edit_run(run_id)
                    st.rerun()
                if st.button("Undo", key=f"undo-{run_id}", icon=":material/undo:"):
                    edit_kept.drop(run_id)
                    st.rerun()
    st.dataframe(
        pd.DataFrame([edit_result.summary_row(report) for report in reports.values()]),
        width="stretch",
        hide_index=True,
        key="edit-comparison",
        alt="The edits of this session: layer, whether it took, probes as wished, weight change, time",
    )
    st.caption(
        f"Probes as wished, out of all of their kind. At most {edit_kept.MOST} edits are kept here, and only this "
        "browser sees them; each lies over the unedited model by itself."
    )
