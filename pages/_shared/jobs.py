"""Background work on the page: submit, follow, cancel, resume. A job outlives the page, the session and the process.

Whose a job is, and who may do what with it, is decided by tasks.seat; this is how a page shows it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import JobView
from goldenlayers_core.tasks import ScoreQuestion
from pages._shared import session
from pages._shared.wording import count, duration, escape, sentence

SLOT = session.JOB + "{}"


def submit(slot: str, question: Any, title: str) -> str:
    """Start work that this tab follows in `slot` ("score", "load", "edit", ...; "": nowhere); the job's id.

    It is this tab's in the same step, and no other tab or browser is shown it. Raises ConfigError.
    """
    job_id = session.seat().submit(slot, question, title)
    if slot:
        _follow(slot, job_id)
    return job_id


def resume(slot: str, job_id: str) -> None:
    """Go on with work that stopped; this tab follows it in `slot`. Raises ConfigError for what cannot go on."""
    _follow(slot, session.seat().resume(job_id, slot))


def _follow(slot: str, job_id: str) -> None:
    st.session_state[SLOT.format(slot)] = job_id


def waiting(slot: str) -> JobView | None:
    """The job this tab follows in a slot, also after a reload or a restart of the program."""
    seat = session.seat()
    job_id = st.session_state.get(SLOT.format(slot)) or seat.followed(slot)
    if job_id is None:
        return None
    _follow(slot, job_id)
    try:
        return seat.view(job_id, slot)
    except GoldenLayersError:
        st.session_state.pop(SLOT.format(slot))
        return None


def dismiss(slot: str) -> None:
    """Stop showing a slot's job."""
    job_id = st.session_state.pop(SLOT.format(slot), None)
    if job_id is not None:
        with suppress(GoldenLayersError):  # it is gone already
            session.seat().leave(job_id, slot)


def busy(*slots: str) -> bool:
    """Whether the job of one of these slots waits or runs."""
    return any((job := waiting(slot)) is not None and job.active for slot in slots)


def submit_model(source: ModelSource) -> None:
    """Start loading a model; it becomes the session's only when it is in memory (`settle_model`)."""
    submit("load", source, f"Loading {source_title(source.source)}")


def settle_model() -> None:
    """On every page: a model that was loaded for this session becomes its model."""
    job = waiting("load")
    if job is not None and job.state == "done":
        _told("load", job, lambda _fingerprint: session.choose_model(ModelSource(**job.params["model"])))
        loaded = session.card()
        if loaded:
            st.toast(f"{escape(loaded.name)} is loaded.", icon=":material/check:")


def submit_score(question: ScoreQuestion) -> None:
    """Start scoring; Home and Layer scores follow it in the slot "score"."""
    submit("score", question, f"Scoring {question.choice.words}")


def follow(slot: str, on_done: Callable[[str], None] | None = None) -> JobView | None:
    """Show the slot's job: progress with time left and cancel while it runs, its sentence when it failed.

    When it is done, `on_done(result)` is called once and the page runs again. Returns the job while there is one.
    """
    job = waiting(slot)
    with st.container():  # there with and without a job: what stands below keeps its place, and its clicks
        if job is None:
            return None
        if job.active:
            _running(slot, job.job_id)
        elif job.state == "done":
            settle_model()  # it may have been done just now
            _told(slot, job, on_done)
            st.rerun()
        else:
            _ended(slot, job)
    return job


def _told(slot: str, job: JobView, on_done: Callable[[str], None] | None) -> None:
    """A job of this tab is done: the tab is told, and then it is settled.

    Streamlit may break off a run of the page anywhere in between; then the next one tells it again. `on_done` does no
    more the second time.
    """
    seat = session.seat()
    result = seat.accept(job.job_id, slot)
    if on_done and result:
        on_done(result)
    seat.settle(job.job_id, slot)
    st.session_state.pop(SLOT.format(slot), None)


@st.fragment(run_every=0.7)
def _running(slot: str, job_id: str) -> None:
    seat = session.seat()
    job = seat.view(job_id, slot)
    if not job.active:
        st.rerun()
    st.progress(share(job), text=f"**{escape(job.title)}** · {escape(words(job))}")
    st.button(
        "Cancel",
        key=f"cancel-{slot}",
        icon=":material/close:",
        disabled=job.cancelling,
        on_click=attempt,
        args=(seat.cancel, job_id, slot),
    )


def attempt(act: Callable[..., object], *args: object) -> None:
    """What a button's callback does, and a sentence where it cannot."""
    try:
        act(*args)
    except GoldenLayersError as error:
        st.toast(sentence(error), icon=":material/error:")


def share(job: JobView) -> float:
    """How much of a job is done, from 0 to 1."""
    return min(job.done / job.total, 1.0) if job.total else 0.0


def followed() -> dict[str, str]:
    """The jobs that this tab follows: slot -> job."""
    pairs = ((str(key), value) for key, value in st.session_state.items())
    return {key.removeprefix(session.JOB): value for key, value in pairs if key.startswith(session.JOB)}


def words(job: JobView) -> str:
    """Where a job is, in words."""
    if job.cancelling:
        return "stopping; what is finished is kept"
    if job.state == "queued":
        return f"{count(job.before, 'other')} before it" if job.before else "waiting for the work before it"
    counts = f"{job.done} of {job.total}" if job.total > 1 else ""
    if job.kind == "tour":  # its units stand for steps of different kinds
        counts = f"{share(job):.0%}"
    left = "" if job.seconds_left is None else f"about {duration(job.seconds_left)} left"
    return " · ".join(part for part in (job.note, counts, left, f"{duration(job.seconds)} so far") if part)


def _ended(slot: str, job: JobView) -> None:
    text = {
        "cancelled": "was cancelled; what was finished is kept, and resuming goes on from there",
        "interrupted": "was interrupted; what was finished is kept, and resuming goes on from there",
        "failed": "did not work",
    }[job.state]
    reason = f" {sentence(job.error)}" if job.error and job.state == "failed" else ""
    message = f"**{escape(job.title)}** {text}.{reason}"
    (st.error if job.state == "failed" else st.warning)(message)
    row = st.container(horizontal=True)
    again = "Resume" if job.state != "failed" else "Try again"
    row.button(again, key=f"resume-{slot}", icon=":material/replay:", on_click=attempt, args=(resume, slot, job.job_id))
    row.button("Dismiss", key=f"dismiss-{slot}", on_click=dismiss, args=(slot,))
