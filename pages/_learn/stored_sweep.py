"""The real sweep that lessons 4 to 7 read: the stored one of the session's model, or one button for a small one."""

import dataclasses
from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import SweepResult
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.learn.layer import lesson_sweep, small_sweep
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.cost import price
from goldenlayers_core.tasks.truth.words import other_sample
from pages._learn import lesson, work
from pages._shared import cached, edit_link, jobs, session
from pages._shared.wording import count, duration, escape, precise
from pages._truth import request as truth

_SLOT: Final = "sweep"  # Ground truth follows the same one


def stored() -> tuple[RunManifest, SweepResult] | None:
    """The sweep a lesson reads, without a word; None where there is none."""
    known = session.fingerprint()
    run = lesson_sweep(cached.workbench().store, known, session.sweep_run()) if known else None
    return (run, cached.sweep(run.run_id)) if run else None


def on_show(name: str) -> tuple[RunManifest, SweepResult] | None:
    """The sweep the lesson `name` reads, said in a line; else the button that makes one, and None."""
    jobs.follow(_SLOT, session.show_sweep_run)
    found = stored()
    if found is None:
        lesson.text(name, "empty")
        offer()
        return None
    run, sweep = found
    st.caption(
        f":material/database: Read from a stored sweep: {sweep.method.upper()} edits of "
        f"{count(sweep.n_requests, 'request')} of {escape(sweep.dataset)}, at {count(len(sweep.layers), 'layer')} of "
        f"{sweep.n_layers}, {escape(sweep.model)}, {escape(sweep.provenance.get('dtype', '?'))} · {run.run_id}"
    )
    sample(run)
    return found


def sample(run: RunManifest) -> None:
    """That the recommended layer comes from another sample of the same data than this sweep, where it does."""
    if said := other_sample(run, session.recommendation()):
        st.caption(escape(said))


def offer() -> None:
    """One button that makes a small sweep, and what it costs; the model first, where it is not in memory."""
    card = lesson.model()
    if card is None:
        return
    asked = small_sweep(session.model(), session.choice(), card.n_layers)
    edits = (asked.choice.limit or 0) * len(asked.layers)
    cost = price(cached.workbench().store, card.fingerprint, asked.method)
    label = f"Sweep {count(asked.choice.limit or 0, 'request')} at {count(len(asked.layers), 'layer')}"
    start(label, "lesson-sweep", asked)
    st.caption(
        f"{edits} real edits, about {duration(edits * cost.seconds_per_edit)} ({precise(cost.seconds_per_edit)} each, "
        f"{cost.source}), of {escape(asked.choice.words)}. It runs in the background and is kept: Ground truth and "
        "Runs show it as any other sweep."
    )


def start(label: str, key: str, asked: SweepQuestion) -> None:
    """A button that sweeps in the background, unless a sweep is under way."""
    work.button(_SLOT, key, label, asked, f"Sweeping {asked.choice.words}")


def request_of(run: RunManifest, digest: str) -> EditRequest | None:
    """The request behind a row of a sweep, with its probes; None where its dataset is no longer here."""
    try:
        return cached.by_digest(part_of(run).dataset).get(digest)
    except GoldenLayersError:
        return None


def part_of(run: RunManifest) -> DatasetChoice:
    """The part of a dataset that a run was made on, else the session's."""
    try:
        return cached.asked(SweepQuestion, run.run_id).choice
    except GoldenLayersError:
        return session.choice()


def whole_part(run: RunManifest) -> DatasetChoice:
    """The same dataset and split with all its requests."""
    return dataclasses.replace(part_of(run), limit=None, known_only=False)


def link_to_truth(
    label: str, run_id: str, digest: str | None = None, layer: int | None = None, view: str | None = None
) -> lesson.Link:
    """The way to a sweep in Ground truth, with a request, a layer and a view."""

    def act() -> None:
        session.show_sweep_run(run_id)
        if digest:
            session.open_request(digest)
        if layer is not None:
            truth.look_at(run_id, layer)
        if view is not None:
            st.session_state["truth-view"] = view

    return lesson.Link(label, "pages/ground_truth.py", act, ":material/query_stats:")


def link_to_edit(label: str, run_id: str, digest: str, layer: int) -> lesson.Link:
    """The way to Edit, with a request of a sweep and a layer."""

    def act() -> None:
        edit_link.want(digest, layer, edit_link.made(cached.workbench().store.manifest(run_id)))

    return lesson.Link(label, "pages/edit.py", act, ":material/edit:")
