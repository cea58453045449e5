"""Background work of everyone on this machine: what is under way, what stopped, and what can be done about it."""

from typing import Final

import streamlit as st

from goldenlayers_core.runtime import JobView
from pages._shared import cached, jobs
from pages._shared.wording import escape, sentence, when

_STATES: Final = {
    "failed": "did not work",
    "cancelled": "cancelled; what was finished is kept",
    "interrupted": "interrupted, because the program stopped; what was finished is kept",
}


def running() -> None:
    """Work under way, with progress and cancel; nothing where there is none."""
    active = tuple(j.job_id for j in cached.workbench().jobs() if j.active)
    with st.container():  # there with and without work: what stands below keeps its place
        if active:
            st.header("Under way")
            _running(active)


def stopped() -> None:
    """Work that did not come to its end, the newest of equal pieces; nothing where there is none."""
    newest: dict[str, JobView] = {}
    for job in cached.workbench().jobs():
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
    bench = cached.workbench()
    views = [j for j in bench.jobs() if j.job_id in job_ids]
    if not all(j.active for j in views):
        st.rerun()
    for job in views:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.progress(jobs.share(job), text=f"**{escape(job.title)}** · {escape(jobs.words(job))}")
            if st.button("Cancel", key=f"stop-{job.job_id}", disabled=job.cancelling):
                bench.queue_of(job.job_id).cancel(job.job_id)
                st.rerun(scope="fragment")


def _stopped(job: JobView) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"job-{job.job_id}"):
        error = f". {sentence(job.error)}" if job.error and job.state == "failed" else ""
        about = f"{when(job.created)} · {_STATES[job.state]}{error}"
        st.markdown(f"**{escape(job.title)}**  \n:small[{about}]", width="stretch")
        with st.container(horizontal=True, width="content"):
            again = "Try again" if job.state == "failed" else "Resume"
            st.button(again, key=f"again-{job.job_id}", on_click=jobs.attempt, args=(_resume, job))
            st.button("Remove", key=f"forget-{job.job_id}", on_click=jobs.attempt, args=(_forget, job))


def _resume(job: JobView) -> None:
    jobs.start(job.kind, cached.workbench().queue_of(job.job_id).resume(job.job_id))


def _forget(job: JobView) -> None:
    bench = cached.workbench()
    for equal in [j for j in bench.jobs() if (j.kind, j.params) == (job.kind, job.params) and not j.active]:
        bench.queue_of(equal.job_id).forget(equal.job_id)
