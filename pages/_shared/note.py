"""A person's own words on a run: kept with it, shown in Runs, in its report and in an exported edit."""

from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from pages._shared import cached
from pages._shared.wording import escape, sentence, shorten

MOST: Final = 4_000  # letters


def of(run_id: str) -> str | None:
    """The note on a run; None where the run is not in the store."""
    try:
        return cached.workbench().store.manifest(run_id).note
    except GoldenLayersError:
        return None


def form(run_id: str, note: str, place: str = "") -> None:
    """Write or change the note; `place` keeps two forms of one run apart."""
    key = f"{place}-{run_id}" if place else run_id
    with st.form(f"note-form-{key}", border=False):
        text = st.text_area("Note", note, max_chars=MOST, key=f"note-{key}") or ""
        if st.form_submit_button("Keep the note", key=f"keep-note-{key}"):
            _keep(run_id, text)


def _keep(run_id: str, text: str) -> None:
    try:
        cached.workbench().store.annotate_run(run_id, text)
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
    else:
        st.rerun()


def shown(note: str | None, length: int = 300) -> None:
    """The note, where there is one."""
    if note:
        st.caption(f":material/sticky_note_2: {escape(shorten(note, length))}")
