"""What this browser session has chosen. Sessions share models and stored runs, never choices or edits.

A choice lives in the session's state, and beside it on a desk per browser (told apart by a random cookie), so
that a reload, which starts a new session, finds everything as it was left.
"""

import dataclasses
import secrets
from typing import Any, Final

import streamlit as st

from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.tasks import DatasetChoice, ModelCard, Recommendation
from goldenlayers_core.tasks.recommendation import by_gradients as by_lga
from goldenlayers_core.tasks.recommendation import known_fingerprint, recommend
from pages._shared import cached

COOKIE: Final = "goldenlayers_desk"
_NAME: Final = "desk"  # in the session's state: the desk's name
_DESKS: Final = 500  # remembered; the ones not used for longest are forgotten


def restore() -> None:
    """Once per session, before anything else: take over what this browser had chosen before its reload."""
    if is_known():
        return
    known = st.context.cookies.get(COOKIE, "")
    name = known if known.isalnum() and len(known) == 32 else secrets.token_hex(16)
    for key, value in cached.desks().get(name, {}).items():
        st.session_state.setdefault(key, value)
    st.session_state[_NAME] = name


def is_known() -> bool:
    """Whether `restore` has run in this session."""
    return _NAME in st.session_state


def desk_cookie() -> str | None:
    """The JavaScript that gives this browser its name; None where it has one already."""
    name = st.session_state[_NAME]
    if st.context.cookies.get(COOKIE) == name:
        return None
    return f"document.cookie = '{COOKIE}={name}; path=/; SameSite=Strict'"


def keep(key: str, value: Any) -> None:
    """Remember a choice for this session, and for this browser after a reload; None forgets it."""
    desks, name = cached.desks(), st.session_state.get(_NAME, "")
    desk = desks.setdefault(name, {})
    desks.move_to_end(name)
    while len(desks) > _DESKS:
        desks.popitem(last=False)
    if value is None:
        st.session_state.pop(key, None)
        desk.pop(key, None)
    else:
        st.session_state[key] = desk[key] = value


def model() -> ModelSource:
    """The chosen model; the bundled one until another is chosen."""
    chosen: ModelSource = st.session_state.get("chosen_model", ModelSource())
    return chosen


def choose_model(source: ModelSource) -> None:
    """Make a model the session's."""
    keep("chosen_model", source)


def card() -> ModelCard | None:
    """The chosen model's card, once it is in memory."""
    return cached.workbench().loaded(model())


def choice() -> DatasetChoice:
    """The chosen dataset part; the bundled proxy split until another is chosen."""
    chosen: DatasetChoice = st.session_state.get("chosen_dataset", DatasetChoice("bundled", "proxy", 32))
    return chosen


def choose_dataset(part: DatasetChoice) -> None:
    """Make a dataset part the session's."""
    keep("chosen_dataset", part)


def first_request() -> EditRequest:
    """The first request of the chosen part (unfiltered: no model is asked). Raises DatasetError."""
    part = dataclasses.replace(choice(), known_only=False, limit=1)
    return cached.workbench().requests(part, model()).requests[0]


def score_run() -> str | None:
    """Id of the score run on show."""
    return st.session_state.get("score_run")


def show_score_run(run_id: str | None) -> None:
    """Put a score run on show."""
    keep("score_run", run_id)


def sweep_run() -> str | None:
    """Id of the sweep on show."""
    return st.session_state.get("sweep_run")


def show_sweep_run(run_id: str | None) -> None:
    """Put a sweep on show."""
    keep("sweep_run", run_id)


def edit_run() -> str | None:
    """Id of the edit run on show."""
    return st.session_state.get("edit_run")


def show_edit_run(run_id: str | None) -> None:
    """Put an edit run on show."""
    keep("edit_run", run_id)


def many_run() -> str | None:
    """Id of the run of many edits on show."""
    return st.session_state.get("many_run")


def show_many_run(run_id: str | None) -> None:
    """Put a run of many edits on show, and its view of Edit."""
    keep("many_run", run_id)
    if run_id:
        st.session_state["edit-view"] = "many"


def tour_run() -> str | None:
    """Id of the tour on show on Home."""
    return st.session_state.get("tour_run")


def show_tour_run(run_id: str | None) -> None:
    """Put a tour on show on Home."""
    keep("tour_run", run_id)


def request_digest() -> str | None:
    """Digest of the request that is open."""
    return st.session_state.get("open_request")


def open_request(digest: str | None) -> None:
    """Open a request; Layer scores and Edit show it."""
    keep("open_request", digest)


def fingerprint() -> str | None:
    """Of the chosen model's weights. A model that is not in memory is told by its name: by what the newest run on it
    says of its weights; None where there is no such run."""
    loaded = card()
    return loaded.fingerprint if loaded else known_fingerprint(cached.workbench().store, model())


def recommendation() -> Recommendation | None:
    """The recommended layer of the chosen model, by the best evidence in the store; None without evidence."""
    known = fingerprint()
    return recommend(cached.workbench().store, known) if known else None


def by_gradients() -> Recommendation | None:
    """What LGA names for the chosen model, whatever else is known of it; None where it was not run."""
    known = fingerprint()
    return by_lga(cached.workbench().store, known) if known else None


def dark() -> bool:
    """Whether this browser shows the dark theme."""
    return st.context.theme.type == "dark"
