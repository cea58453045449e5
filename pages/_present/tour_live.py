"""The first minute on Home: offered, under way, stopped, finished. It outlives a page change and a reload."""

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import JobView
from goldenlayers_core.tasks.present.stored_tour import TourQuestion, under_way
from pages._present import tour_start, tour_steps
from pages._shared import cached, jobs, present_link, session
from pages._shared.wording import duration, escape, when


def show() -> bool:
    """Whatever there is of a tour; whether one was finished or begun."""
    job = jobs.waiting(tour_start.SLOT)
    if job is not None:
        jobs.follow(tour_start.SLOT, session.show_tour_run)
        if job.active:
            _working(job.job_id)
        else:
            _stopped(job)
        return True
    run_id = session.tour_run()
    if run_id is not None:
        try:
            tour = cached.tour(run_id)
        except GoldenLayersError:  # deleted since
            session.show_tour_run(None)
        else:
            _finished(run_id, tour)
            return True
    tour_start.offer()
    return False


def _so_far(job: JobView) -> Tour:
    return under_way(cached.workbench().store, TourQuestion.from_params(job.params))


@st.fragment(run_every=0.8)
def _working(job_id: str) -> None:
    """The steps so far, drawn anew as they come."""
    tour_steps.steps(_so_far(cached.workbench().job(job_id)), True)


def _stopped(job: JobView) -> None:
    """What a cancelled or failed tour had found."""
    tour = _so_far(job)
    if tour.stage:
        tour_steps.steps(tour, False)


def _finished(run_id: str, tour: Tour) -> None:
    tour_steps.steps(tour, False)
    with st.container(horizontal=True, vertical_alignment="center", key="tour-ways"):
        present_link.link(run_id)
        st.button(
            "Run it again",
            key="tour-again",
            icon=":material/replay:",
            on_click=jobs.attempt,
            args=(tour_start.start, st.session_state.get("tour-fact", tour.case_id), True),
            help="Scores and edits are computed again, though the store has them.",
        )
        tour_start.another_fact()
        st.button("Put it away", key="tour-close", on_click=session.show_tour_run, args=(None,))
    st.caption(
        escape(
            f"Computed {_when(run_id)}in {duration(tour.seconds)}; shown from the store. "
            f"{tour.model}, facts of {tour.scored}; {run_id}. The fact is case {tour.case_id} of the bundled dataset."
        )
    )


def _when(run_id: str) -> str:
    created = cached.manifest_created(run_id)
    return f"{when(created)}, " if created else ""
