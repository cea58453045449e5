"""Background work on the page: submit, follow, cancel, resume. A job outlives the page, the session and the process."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import JobView
from goldenlayers_core.tasks import ScoreQuestion
from goldenlayers_core.tasks.workbench import Workbench
from pages._shared import cached, session
from pages._shared.wording import duration, escape, sentence

SLOT = "job:{}"


def start(slot: str, job_id: str) -> None:
    """Remember in this session that `slot` ("score", "load", "edit", ...) waits for a job."""
    session.keep(SLOT.format(slot), job_id)


def waiting(slot: str) -> JobView | None:
    """The job a slot waits for, also after a reload; else a running one of the same kind that no browser waits for."""
    bench = cached.workbench()
    job_id = st.session_state.get(SLOT.format(slot))
    if job_id is None:
        awaited = {
            value for desk in tuple(cached.desks().values()) for value in tuple(desk.values()) if type(value) is str
        }
        mine = (j.job_id for j in bench.jobs() if j.kind == slot and j.active and not j.elsewhere)
        job_id = next((found for found in mine if found not in awaited), None)
        if job_id is None:
            return None
        start(slot, job_id)
    try:
        return bench.job(job_id)
    except GoldenLayersError:
        dismiss(slot)
        return None


def dismiss(slot: str) -> None:
    """Stop showing a slot's job."""
    session.keep(SLOT.format(slot), None)


def busy(*slots: str) -> bool:
    """Whether the job of one of these slots waits or runs."""
    return any((job := waiting(slot)) is not None and job.active for slot in slots)


def submit(slot: str, question: Any, title: str) -> None:
    """Start work in the background; the slot waits for it."""
    start(slot, cached.workbench().submit(question, title))


def submit_model(source: ModelSource) -> None:
    """Start loading a model; it becomes the session's only when it is in memory (`settle_model`)."""
    submit("load", source, f"Loading {source.source}")


def settle_model() -> None:
    """On every page: a model that was loaded for this session becomes its model."""
    job = waiting("load")
    if job is not None and job.state == "done":
        dismiss("load")
        session.choose_model(ModelSource(**job.params["model"]))
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
            dismiss(slot)
            if on_done and job.result:
                on_done(job.result)
            st.rerun()
        else:
            _ended(slot, job)
    return job


@st.fragment(run_every=0.7)
def _running(slot: str, job_id: str) -> None:
    bench = cached.workbench()
    job = bench.job(job_id)
    if not job.active:
        st.rerun()
    st.progress(share(job), text=f"**{escape(job.title)}** · {escape(words(job))}")
    if st.button("Cancel", key=f"cancel-{slot}", icon=":material/close:", disabled=job.cancelling):
        bench.queue_of(job_id).cancel(job_id)
        st.rerun(scope="fragment")


def attempt(act: Callable[..., object], *args: object) -> None:
    """What a button's callback does, and a sentence where it cannot."""
    try:
        act(*args)
    except GoldenLayersError as error:
        st.toast(sentence(error), icon=":material/error:")


def share(job: JobView) -> float:
    """How much of a job is done, from 0 to 1."""
    return min(job.done / job.total, 1.0) if job.total else 0.0


def is_mine(job_id: str) -> bool:
    """Whether this session waits for a job."""
    return job_id in (value for key, value in st.session_state.items() if str(key).startswith(SLOT.format("")))


def words(job: JobView) -> str:
    """Where a job is, in words."""
    if job.cancelling:
        return "stopping; what is finished is kept"
    if job.state == "queued":
        return "waiting for the work before it"
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
    bench: Workbench = cached.workbench()
    again = "Resume" if job.state != "failed" else "Try again"

    def resume() -> None:
        start(slot, bench.queue_of(job.job_id).resume(job.job_id))

    row.button(again, key=f"resume-{slot}", icon=":material/replay:", on_click=attempt, args=(resume,))
    row.button("Dismiss", key=f"dismiss-{slot}", on_click=dismiss, args=(slot,))
