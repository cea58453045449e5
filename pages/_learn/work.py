"""Work that a lesson has done in the background: the button that starts it, and what came of it."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from goldenlayers_core.tasks.questions import Question
from pages._shared import jobs, session

_ABOUT: Final = "lesson-about:{}"  # per slot: what the work under way is about
_FOUND: Final = "lesson-found:{}"  # per slot: what the work gave, by what it was about


def button(
    slot: str,
    key: str,
    label: str,
    question: Question,
    title: str,
    icon: str = ":material/play_arrow:",
    *,
    about: str = "",
    ready: bool = True,
    primary: bool = True,
) -> None:
    """Starts work on a question, called `title`; off while the slot has work under way, and until the model is `ready`.

    `about`: under what `result` finds what it gives.
    """
    job = jobs.waiting(slot)
    st.button(
        label,
        key=key,
        type="primary" if primary and ready else "secondary",
        icon=icon,
        on_click=jobs.attempt,
        args=(_start, slot, question, title, about),
        disabled=not ready or (job is not None and job.active),
        help=None if ready else "Load the model first; the button is above.",
    )


def result(slot: str, about: str) -> str | None:
    """Progress of the slot's work, and what that about `about` gave in this browser; None before it was done."""
    jobs.follow(slot, lambda given: _keep(slot, given))
    return _found(slot).get(about)


def _start(slot: str, question: Question, title: str, about: str) -> None:
    session.keep(_ABOUT.format(slot), about or None)
    jobs.submit(slot, question, title)


def _keep(slot: str, given: str) -> None:
    session.keep(_FOUND.format(slot), {**_found(slot), st.session_state.get(_ABOUT.format(slot), ""): given})


def _found(slot: str) -> Mapping[str, str]:
    found: Mapping[str, str] = st.session_state.get(_FOUND.format(slot), {})
    return found
