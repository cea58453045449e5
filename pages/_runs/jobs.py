"""Background work that this desk may see: what is under way, what stopped, and what can be done about it."""

from typing import Final

import streamlit as st

from goldenlayers_core.runtime import JobView
from pages._shared import jobs, session
from pages._shared.wording import escape, sentence, when

_STATES: Final = {
    "failed": "did not work",
    "cancelled": "cancelled; what was finished is kept",
    "interrupted": "interrupted",
}


def running() -> None:
    """Work under way, with progress and cancel; nothing where there is none."""
    active = tuple(j.job_id for j in session.seat().jobs() if j.active)
    with st.container():  # there with and without work: what stands below keeps its place
        if active:
            st.header("Under way")
            _running(active)


def stopped() -> None:
    """Work that did not come to its end, the newest of equal pieces; nothing where there is none."""
    newest: dict[str, JobView] = {}
    for job in session.seat().jobs():
        newest.setdefault(f"{job.kind} {job.params}", job)
    left = [job for job in newest.values() if job.state in _STATES]
    if left:
        st.header("Stopped work")
    for job in left[:3]:
        _stopped(job)
    if len(left) > 3:
        with st.expander(f"{len(left) - 3} older"):
            for job in left[3:]:
                _stopped(job)


@st.fragment(run_every=1.0)
def _running(job_ids: tuple[str, ...]) -> None:
    seat = session.seat()
    views = [j for j in seat.jobs() if j.job_id in job_ids]
    if not all(j.active for j in views):
        st.rerun()
    for job in views:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.progress(jobs.share(job), text=f"**{escape(job.title)}** · {escape(jobs.words(job))}")
            may = seat.may_cancel(job)
            why = None if may or job.cancelling else "Others asked for the same and go on with it."
            st.button(
                "Cancel",
                key=f"stop-{job.job_id}",
                disabled=not may,
                help=why,
                on_click=jobs.attempt,
                args=(seat.cancel, job.job_id),
            )


def _stopped(job: JobView) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"job-{job.job_id}"):
        error = f". {sentence(job.error)}" if job.error else ""
        about = f"{when(job.created)} · {_STATES[job.state]}{error}"
        st.markdown(f"**{escape(job.title)}**  \n:small[{about}]", width="stretch")
        with st.container(horizontal=True, width="content"):
            again = "Try again" if job.state == "failed" else "Resume"
            st.button(again, key=f"again-{job.job_id}", on_click=jobs.attempt, args=(_resume, job))
            st.button("Remove", key=f"forget-{job.job_id}", on_click=jobs.attempt, args=(_forget, job))


def _resume(job: JobView) -> None:
    jobs.resume(job.kind, job.job_id)


def _forget(job: JobView) -> None:
    seat = session.seat()
    for equal in [j for j in seat.jobs() if (j.kind, j.params) == (job.kind, job.params) and not j.active]:
        seat.forget(equal.job_id)
