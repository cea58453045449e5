"""Background work of everyone on this machine: what runs, what stopped, and what can be done about it."""

from typing import Final

import streamlit as st

from goldenlayers_core.runtime import JobView
from pages._shared import cached, jobs
from pages._shared.wording import escape, when

_STATES: Final = {
    "failed": "did not work",
    "cancelled": "cancelled; what was finished is kept",
    "interrupted": "interrupted, because the program stopped; what was finished is kept",
}


def work() -> None:
    """Running and stopped jobs; nothing where there are none."""
    views = [j for j in cached.workbench().jobs() if j.state != "done"]
    if not views:
        return
    st.subheader("Background work")
    active = tuple(j.job_id for j in views if j.active)
    if active:
        _running(active)
    stopped = [j for j in views if not j.active]
    for job in stopped[:5]:
        _stopped(job)
    if len(stopped) > 5:
        with st.expander(f"{len(stopped) - 5} older"):
            for job in stopped[5:]:
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
    bench = cached.workbench()
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"job-{job.job_id}"):
        error = f". {escape(job.error)}" if job.error and job.state == "failed" else ""
        about = f"{when(job.created)} · {_STATES[job.state]}{error}"
        st.markdown(f"**{escape(job.title)}**  \n:small[{about}]", width="stretch")
        with st.container(horizontal=True, width="content"):
            again = "Try again" if job.state == "failed" else "Resume"
            if st.button(again, key=f"again-{job.job_id}"):
                jobs.start(job.kind, bench.queue_of(job.job_id).resume(job.job_id))
                st.rerun()
            if st.button("Remove", key=f"forget-{job.job_id}"):
                bench.queue_of(job.job_id).forget(job.job_id)
                st.rerun()
