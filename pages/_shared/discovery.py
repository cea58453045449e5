"""An architecture that is not in the list: what examining it found, and the button that accepts the row."""

from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.discovery import Discovery, columns_table, findings_table
from goldenlayers_core.tasks.discovery import DiscoverQuestion, accept, found_in
from pages._shared import cached, jobs, session
from pages._shared.wording import escape, sentence

SLOT: Final = "discover"
_CHOSEN: Final = "discovery"  # in the session: the stored discovery on show


def submit(source: ModelSource) -> None:
    """Start examining a model."""
    jobs.submit(SLOT, DiscoverQuestion(source), f"Examining {source_title(source.source)}")


def proposal() -> None:
    """The work while it runs, then what it found; nothing where nothing was asked."""
    jobs.follow(SLOT, lambda name: session.keep(_CHOSEN, name))
    name = st.session_state.get(_CHOSEN)
    if not name:
        return
    try:
        found = found_in(cached.workbench().store, name)
    except GoldenLayersError:
        session.keep(_CHOSEN, None)
        return
    _show(found)


def _show(found: Discovery) -> None:
    st.header(f"Proposed for {escape(found.name)}")
    st.markdown(
        f"The architecture `{escape(found.model_type)}` is not in the list of those that are known here. Its structure "
        "was probed on the model itself. Nothing is used until you accept it, and then for you alone."
    )
    st.table(findings_table(found), hide_index=True, border="horizontal")
    for remark in found.remarks:
        st.info(escape(remark), icon=":material/info:")
    with st.expander("The proposed row", icon=":material/data_array:"):
        st.table(columns_table(found), hide_index=True, border="horizontal")
    with st.expander("Copy this row, for a contribution", icon=":material/content_copy:"):
        st.caption("As a row of goldenlayers_core/models/families.py; a tiny model of it goes to tests/families.py.")
        st.code(found.python, language="python")
    with st.container(horizontal=True):
        if st.button(
            "Use this row",
            key="discovery-accept",
            type="primary",
            icon=":material/check:",
            disabled=not found.holds,
        ):
            _accept(found)
        st.button("Dismiss", key="discovery-dismiss", on_click=session.keep, args=(_CHOSEN, None))


def _accept(found: Discovery) -> None:
    try:
        file = accept(found, cached.workbench().root)
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    session.keep(_CHOSEN, None)
    jobs.submit_model(ModelSource(str(file)))
    st.rerun()
