"""What the run of an address is of: a session that begins with the link is put on it; one at work is offered it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.places import is_path
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.manifest import model_of
from goldenlayers_core.tasks.serial import restored
from pages._shared import cached, edit_link, link_here, link_notice, session
from pages._shared.link_notice import Notice

_EDITED: Final = ("sweep", "search")


@dataclass(frozen=True)
class Wanted:
    """What of a run's model, dataset part and method of editing the session has otherwise; None: nothing."""

    source: ModelSource | None
    choice: DatasetChoice | None
    method: str
    settings: dict[str, Any]
    missing: tuple[str, ...]  # sentences about what is not here

    @property
    def words(self) -> str:
        """What would change, in words; "" where nothing would."""
        parts = [
            f"the model {source_title(self.source.source)}" if self.source else "",
            f"the dataset {self.choice.words}" if self.choice else "",
            f"the method {self.method.upper()}" if self.method else "",
        ]
        return ", ".join(part for part in parts if part)

    def take(self) -> None:
        """Make it the session's."""
        if self.source is not None:
            session.choose_model(self.source)
        if self.choice is not None:
            session.choose_dataset(self.choice)
        if self.method:
            edit_link.want(of=edit_link.Made(method=self.method, settings=self.settings))
            st.session_state["edit-method"] = self.method


def wanted(run: RunManifest) -> Wanted:
    """What the session would have to change to be on a run's model, data and method."""
    missing = []
    source, choice = model_of(run), _choice(run)
    if source is not None and session.same_weights(source):
        source = None
    if source is not None and (problem := _absent(source)):
        missing.append(problem)
        source = None
    if choice == session.choice():
        choice = None
    if choice is not None and (problem := link_here.closed(choice.dataset)):
        missing.append(problem)
        choice = None
    method = run.word("method", "rome") if run.kind in _EDITED else ""
    method = "" if method == session.method().method else method
    return Wanted(source, choice, method, dict(run.part("settings")) if method else {}, tuple(missing))


def _choice(run: RunManifest) -> DatasetChoice | None:
    try:
        return restored(DatasetChoice, run.part("choice")) if run.part("choice") else None
    except (GoldenLayersError, TypeError, ValueError):
        return None


def _absent(source: ModelSource) -> str:
    """Why a model cannot be the session's; "" where it can."""
    try:
        cached.workbench().mode.check_model(source)
    except GoldenLayersError as error:
        return str(error)
    if is_path(source.source) and not Path(source.source).expanduser().exists():
        return f"The model {source_title(source.source)} is no longer where it was on this machine."
    return ""


def arrive(run: RunManifest, first: bool) -> None:
    """Put a session that begins (`first`) on what a run is of; tell another one, and offer it in one press."""
    found = wanted(run)
    if found.missing:
        stays = "The session stays on what it had, and so does what is computed next."
        link_notice.put("session-missing", Notice(" ".join((*found.missing, stays))))
    if not found.words:
        return
    if first:
        found.take()
        return

    def take() -> None:
        show = {"score": session.show_score_run, "sweep": session.show_sweep_run, "edit": session.show_edit_run}
        found.take()
        if run.kind in show:
            show[run.kind](run.run_id)

    text = f"What the link shows is of {found.words}; this session is on something else, and computes with that."
    link_notice.put("session", Notice(text, "Work with these", take, icon=":material/link:"))
