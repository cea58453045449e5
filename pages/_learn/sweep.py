"""The real sweep that lessons 4 to 7 read: the stored one of the session's model, or one button for a small one."""

import dataclasses
from collections.abc import Mapping
from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import shorten
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import SweepResult
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.learn.layer import lesson_sweep, small_sweep
from goldenlayers_core.tasks.learn.wrong import telling_edit
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.cost import price
from pages._learn import lesson
from pages._shared import cached, edit_link, jobs, session
from pages._shared.wording import count, duration, escape, precise

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
    return found


def offer() -> None:
    """One button that makes a small sweep, and what it costs; the model first, where it is not in memory."""
    card = lesson.model()
    if card is None:
        return
    asked = small_sweep(session.model(), session.choice(), card.n_layers)
    edits = (asked.choice.limit or 0) * len(asked.layers)
    cost = price(cached.workbench().store, card.fingerprint, asked.method)
    label = f"Sweep {count(asked.choice.limit or 0, 'request')} at {count(len(asked.layers), 'layer')}"
    begin_button(label, "lesson-sweep", asked)
    st.caption(
        f"{edits} real edits, about {duration(edits * cost.seconds_per_edit)} ({precise(cost.seconds_per_edit)} each, "
        f"{cost.source}), of {escape(asked.choice.words)}. It runs in the background and is kept: Ground truth and "
        "Runs show it as any other sweep."
    )


def begin_button(label: str, key: str, asked: SweepQuestion) -> None:
    """A button that sweeps in the background, unless a sweep is under way."""
    job = jobs.waiting(_SLOT)

    def begin() -> None:
        jobs.start(_SLOT, cached.workbench().submit(asked, f"Sweeping {asked.choice.words}"))

    st.button(
        label,
        key=key,
        type="primary",
        icon=":material/play_arrow:",
        on_click=jobs.attempt,
        args=(begin,),
        disabled=job is not None and job.active,
    )


def choose(sweep: SweepResult, key: str) -> int:
    """The request of the sweep that is open: the session's where the sweep has it, else one that tells much."""
    wanted = session.request_digest()
    if wanted in sweep.request_digests and st.session_state.get(f"{key}-of") != wanted:
        st.session_state[key] = sweep.request_digests.index(str(wanted))
    if not 0 <= st.session_state.get(key, -1) < sweep.n_requests:
        st.session_state[key] = telling_edit(sweep)[0]
    index = int(
        st.selectbox(
            "Fact",
            range(sweep.n_requests),
            format_func=lambda q: _line(sweep, q),
            key=key,
            persist_state="session",
            help="Type to search.",
        )
    )
    st.session_state[f"{key}-of"] = sweep.request_digests[index]
    session.open_request(sweep.request_digests[index])
    return index


def request_of(run: RunManifest, digest: str) -> EditRequest | None:
    """The request behind a row of a sweep, with its probes; None where its dataset is no longer here."""
    part: Mapping[str, object] = run.settings.get("choice", {})
    try:
        return cached.by_digest(str(part.get("dataset", "bundled"))).get(digest)
    except GoldenLayersError:
        return None


def part_of(run: RunManifest | None) -> DatasetChoice:
    """The part of a dataset that a run was made on, else the session's."""
    try:
        return DatasetChoice(**run.settings["choice"]) if run else session.choice()
    except (KeyError, TypeError, GoldenLayersError):
        return session.choice()


def whole_part(run: RunManifest | None) -> DatasetChoice:
    """The same dataset and split with all its requests."""
    return dataclasses.replace(part_of(run), limit=None, known_only=False)


def to_truth(run_id: str, digest: str | None = None, layer: int | None = None) -> None:
    """Put a sweep, a request and a layer on show in Ground truth."""
    session.show_sweep_run(run_id)
    if digest:
        session.open_request(digest)
    if layer is not None:
        st.session_state["truth-layer"] = layer


def to_edit(run_id: str, digest: str, layer: int) -> None:
    """Have Edit open with a request of a sweep and a layer."""
    session.show_sweep_run(run_id)
    session.open_request(digest)
    st.session_state["edit-source"] = "dataset"
    st.session_state[edit_link.WANTED_LAYER] = layer


def _line(sweep: SweepResult, q: int) -> str:
    old = shorten(sweep.targets_true[q], 24) or "?"
    return f"{q + 1}. {shorten(sweep.prompts[q], 60)} | {old} → {shorten(sweep.targets_new[q], 24)}"
