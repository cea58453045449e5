"""The edits of this browser: at most four, seen by nobody else. A reload finds them again."""

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.results import EditReport
from goldenlayers_core.runtime import RunManifest
from pages._shared import cached, session

MOST = 4
_KEY = "edits"


def run_ids() -> tuple[str, ...]:
    """Edit runs of this session, oldest first."""
    kept: tuple[str, ...] = st.session_state.get(_KEY, ())
    return kept


def add(run_id: str) -> None:
    """Keep an edit as the newest, and show it; the oldest of more than four is let go."""
    _keep((*(kept for kept in run_ids() if kept != run_id), run_id)[-MOST:], run_id)


def drop(run_id: str) -> None:
    """Undo: the session forgets the edit. Nothing has to be restored, because nothing was written."""
    kept = tuple(other for other in run_ids() if other != run_id)
    shown_now = session.edit_run()
    _keep(kept, shown_now if shown_now in kept else kept[-1] if kept else None)


def _keep(kept: tuple[str, ...], shown_now: str | None) -> None:
    session.keep(_KEY, kept)
    session.show_edit_run(shown_now)


def reports() -> dict[str, EditReport]:
    """Run id -> report, oldest first; an edit that was deleted from the store is dropped."""
    opened = session.edit_run()
    if opened and opened not in run_ids():  # opened from Runs
        add(opened)
    found: dict[str, EditReport] = {}
    for run_id in run_ids():
        try:
            found[run_id] = cached.report(run_id)
        except GoldenLayersError:
            drop(run_id)
    return found


def shown(found: dict[str, EditReport]) -> str | None:
    """The edit on show: the one chosen, else the newest."""
    chosen = session.edit_run()
    return chosen if chosen in found else next(reversed(found), None)


def run(run_id: str) -> RunManifest:
    """What the store says about an edit. Raises StoreError when it is gone."""
    for manifest in cached.workbench().store.runs():
        if manifest.run_id == run_id:
            return manifest
    raise StoreError(f"The edit {run_id} is no longer in the store; make it again.")
