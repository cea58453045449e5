"""Ground truth: what to measure, what that will cost, the button that starts it, and the stored sweep on show."""

import dataclasses
from typing import Any, Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.truth.card import ESTIMATES
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.address import sweep_parameters
from goldenlayers_core.tasks.questions import SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.shipped_sweep import adopt, coming
from goldenlayers_core.tasks.truth.cost import price
from pages._edit import controls as edit_controls
from pages._scores.controls import model_words
from pages._shared import cached, jobs, link, session
from pages._shared.run_choice import edited_how, golden_words, run_on_show
from pages._shared.wording import count, duration, escape, precise
from pages._truth import needed

SLOT: Final = {info.name: f"truth-{info.name.replace('_', '-')}" for info in ESTIMATES}  # of the work on an estimate
SLOTS: Final = ("sweep", "search", *SLOT.values())  # of jobs this page follows
MORE: Final = "truth-more"  # key of the expander around the controls
BUNDLED_LAYERS: Final = 30
MOST: Final = 100  # requests of the slider
USUAL: Final = 12
MODES: Final = {"sweep": "Sweep: every layer", "search": "Budgeted search"}
STEPS: Final = {1: "all", 2: "every second", 3: "every third"}
Asked = SweepQuestion | SearchQuestion


def empty() -> None:
    """What this page does, in two sentences, before anything was measured."""
    st.markdown(
        "A sweep writes each of some facts into every layer in turn, asks the edited model every probe, and so finds "
        "the layer where edits take and leave the rest alone. Beside it stand the layers that gradients, causal "
        "tracing and the literature name, with what each of them gives away."
    )


def shipped() -> None:
    """One press puts the sweep that comes with the session's model on show, as lessons read it."""
    known = session.fingerprint()
    found = coming(known) if known else None
    if known is None or found is None:
        return
    words = f"Open the sweep that comes with this model: {count(found.n_requests, 'request')}"
    if st.button(words, key="truth-shipped", icon=":material/folder_open:"):
        try:
            run = adopt(cached.workbench().store, known)
        except GoldenLayersError as error:
            st.error(escape(str(error)))
            return
        session.show_sweep_run(run.run_id if run else None)
        st.rerun()


def more(run: RunManifest) -> None:
    """The controls below a sweep on show; they are made when they are opened, which a page change need not wait for.

    They start with as many requests as that sweep says a golden layer needs.
    """
    working = busy()
    box = st.expander(
        "Measure more", icon=":material/add:", expanded=working, key=f"{MORE}-{working}", on_change="rerun"
    )
    if box.open:
        with box:
            controls(needed.next_sweep(run.run_id))


def controls(advised: tuple[int, str] | None = None) -> None:
    """Mode, requests (as many as `advised`, with the reason), layers, cost, and the button."""
    with st.container(border=True, key="truth-start"):
        mode = st.segmented_control(
            "How to measure",
            tuple(MODES),
            default="sweep",
            required=True,
            format_func=MODES.__getitem__,
            key="truth-mode",
            persist_state="session",
            help="The sweep edits every request at every layer. The search races the layers within a time budget: "
            "it drops those that are beaten, and stops when one is left or the time is up.",
        )
        left, right = st.columns(2, gap="large")
        with left:
            choice, problem = _requests(advised)
        with right:
            layers, n_layers = _layers()
            budget = _budget() if mode == "search" else 0.0
        form, settings = _method()
        writing = mode == "sweep" and st.toggle(
            "Measure how well it still writes",
            key="truth-writing",
            persist_state="session",
            help="Fluency (n-gram entropy of what the edited model writes, bits) and perplexity drift on a fixed text, "
            "for every edit. It doubles the time.",
        )
        asked: Asked
        if mode == "search":
            asked = SearchQuestion(session.model(), choice, form, settings, layers, seconds=budget)
        else:
            asked = SweepQuestion(session.model(), choice, form, settings, layers, writing)
        _button(asked, n_layers, problem)


def _requests(advised: tuple[int, str] | None) -> tuple[DatasetChoice, str]:
    """The first so many requests of the session's dataset part; and why there are none."""
    part = dataclasses.replace(session.choice(), limit=None, known_only=False)
    try:
        available, problem = len(cached.workbench().requests(part, session.model()).requests), ""
    except GoldenLayersError as error:
        available, problem = 0, str(error)
    most = max(min(available, MOST), 2)
    number = st.slider(
        "Requests",
        1,
        most,
        min(advised[0] if advised else USUAL, most),
        key=f"truth-requests-{most}",
        persist_state="session",
        help=f"The first so many of {escape(part.words)}. More requests make the choice steadier. "
        + (advised[1] if advised else "12 give a first picture, 50 a firm one."),
    )
    known = st.toggle(
        "Only facts that the model knows",
        True,
        key="truth-known",
        persist_state="session",
        help="Changing a fact that the model does not have shows little. The model is asked before the edits start.",
    )
    return dataclasses.replace(part, limit=int(number), known_only=known), problem


def _layers() -> tuple[tuple[int, ...], int | None]:
    """Layers to edit (none named: all) and how many those are, as far as it is known before loading."""
    card = session.card()
    n_layers = card.n_layers if card else BUNDLED_LAYERS if session.model().source == "bundled" else None
    step = st.segmented_control(
        "Layers",
        tuple(STEPS),
        default=1,
        required=True,
        format_func=STEPS.__getitem__,
        key="truth-step",
        persist_state="session",
        disabled=n_layers is None,
        help="Every second layer costs half the time; what was measured stays stored, so the others can follow later."
        + ("" if n_layers else " How many layers this model has is known once it is loaded."),
    )
    if n_layers is None:
        return (), None
    layers = tuple(range(0, n_layers, step or 1))
    return (() if step == 1 else layers), len(layers)


def _budget() -> float:
    minutes = st.number_input(
        "Time budget in minutes",
        0.5,
        240.0,
        2.0,
        0.5,
        key="truth-minutes",
        persist_state="session",
        help="The search stops when the time is up (to within a tenth of it, or one edit), or earlier when one layer "
        "is left. Making the model ready is not counted; an estimate that it begins with is.",
    )
    return 60.0 * float(minutes)


def _method() -> tuple[str, dict[str, Any]]:
    """The method and its changed settings; its form needs the model's library and so waits for the model."""
    if session.card() is None:
        return "rome", {}
    with st.expander("Method and its settings", icon=":material/tune:"):
        form, settings = edit_controls.method("truth")
    return form.name, settings


def _button(asked: Asked, n_layers: int | None, problem: str) -> None:
    """What it would do, what that costs, and the button."""
    number = asked.choice.limit or 0
    label, cost = f"Sweep {count(number, 'request')}", "How long it takes is known once the model is loaded."
    if n_layers is not None:
        label = f"Sweep {count(number, 'request')} at {count(n_layers, 'layer')}"
        cost = _cost(asked, number * n_layers)
    if isinstance(asked, SearchQuestion):
        label = f"Search for {duration(asked.seconds)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            label,
            type="primary",
            key="truth-go",
            icon=":material/play_arrow:",
            disabled=busy() or bool(problem),
        ):
            start(asked)
        st.caption(f"{cost} On {escape(model_words(asked.model))}, {escape(asked.choice.words)}.", width="stretch")
    if problem:
        st.error(escape(problem), icon=":material/error:")


def _cost(asked: Asked, edits: int) -> str:
    card = session.card()
    store, source = cached.workbench().store, asked.model.source
    found = price(store, card.fingerprint if card else "", asked.method, source, asked.writing)
    full = f"{edits:,} edits take about {duration(edits * found.seconds_per_edit)}"
    per = f"{precise(found.seconds_per_edit)} per edit, {found.source}"
    if isinstance(asked, SearchQuestion):
        return f"A full sweep would take {duration(edits * found.seconds_per_edit)} ({edits:,} edits, {per})."
    return f"{full} ({per}); what is stored already costs nothing."


def start(asked: Asked) -> None:
    """Start the job; the page follows it."""
    search = isinstance(asked, SearchQuestion)
    words = f"{'Searching' if search else 'Sweeping'} {asked.choice.words}"
    jobs.submit("search" if search else "sweep", asked, words)
    st.rerun()


def busy() -> bool:
    """Whether work of this page is under way."""
    return any((job := jobs.waiting(slot)) is not None and job.active for slot in SLOTS)


def follow() -> None:
    """Progress, time left and cancel of everything this page started."""
    for slot in SLOTS:
        jobs.follow(slot, session.show_sweep_run if slot == "sweep" else None)


def open_run() -> RunManifest | None:
    """The sweep on show, from the selectbox of stored sweeps; None where the store has none."""
    run = run_on_show(
        "sweep",
        "Sweep on show",
        "truth-run",
        session.sweep_run(),
        session.show_sweep_run,
        run_words,
        "Every sweep of this machine's store, latest first.",
    )
    if run is None:
        link.say_choices(session.model(), session.choice())
    else:
        link.say(**sweep_parameters(cached.asked(SweepQuestion, run.run_id)))
    return run


def run_words(run: RunManifest) -> str:
    """One line that tells sweeps apart."""
    return golden_words(run, edited_how(run))
