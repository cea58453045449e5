"""The classroom: a fact planted in a layer of the learner's choice, and every way of finding it."""

from typing import Final

import streamlit as st

from goldenlayers_core.figures.learn.classroom import classroom_matrix, classroom_ways
from goldenlayers_core.models.classroom.place import DEFAULT_LAYER, N_LAYERS, NAME, is_ready, source_of
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.learn.classroom import PlantedRun
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.learn.classroom_questions import (
    SECONDS,
    edit_question,
    found_question,
    lga_notices,
    lga_part,
    often_question,
    planted_card,
    told,
)
from goldenlayers_core.tasks.learn.stored_classroom import ClassroomQuestion, stored_layers
from pages._learn import lesson, work
from pages._shared import cached, fold, jobs, session, show
from pages._shared.wording import count, duration

_SLOT: Final = "classroom"  # the kind of the job, too
_KEPT: Final = "classroom-planted"  # the chosen layer, on this browser's desk
EVERY: Final = tuple(range(N_LAYERS))


def section() -> None:
    """One layer first; then the same in every layer."""
    prompt, answer = planted_card()
    lesson.intro(NAME, prompt=prompt, answer=answer)
    layer = int(
        st.segmented_control(
            "Plant the fact in layer",
            EVERY,
            default=st.session_state.get(_KEPT, DEFAULT_LAYER),
            required=True,
            key="classroom-layer",
            persist_state="session",
            help="Layer 0 is the first block, layer 7 the last.",
        )
        or 0
    )
    session.keep(_KEPT, layer)
    bench = cached.workbench()
    stored = stored_layers(bench.store, bench.root)
    _follow(several=False)
    if layer not in stored:
        _button(f"Plant it in layer {layer} and look for it", "classroom-go", (layer,), 1)
        return
    _one(cached.classroom((layer,)).runs[0])


def _button(label: str, key: str, layers: tuple[int, ...], missing: int) -> None:
    """Starts the job, and says how long it takes."""
    title = "The classroom: " + (f"layer {layers[0]}" if len(layers) == 1 else f"{len(layers)} layers")
    work.button(_SLOT, key, label, ClassroomQuestion(layers), title, ":material/psychology:")
    taught = is_ready(None, cached.workbench().root)
    first = "" if taught else " The tiny model is taught first, once: a quarter of a minute."
    st.caption(f"About {duration(SECONDS * missing)} on one core, all of it computed now.{first} It is kept.")


def _follow(several: bool) -> None:
    """The job's progress, beside the button that started it: for one layer above, for several below."""
    job = jobs.waiting(_SLOT)
    if job is not None and (len(job.params.get("layers", ())) > 1) == several:
        jobs.follow(_SLOT)


def _one(run: PlantedRun) -> None:
    """What one planted layer shows: question, picture, why; then the edits; then every layer."""
    said = told(run)
    lesson.text(NAME, "asked", **said)
    if not lesson.predict(NAME, found_question(run)):
        return
    with lesson.behind(NAME, "ways", "Where every way looks for it, and why", "edit"):
        show.figure(classroom_ways(run, session.dark()), f"classroom-{run.planted}", run.to_frame())
        lesson.text(NAME, "why", **said)
        lesson.text(NAME, lga_part(run), **said)
        if lga_notices(run):
            lesson.text(NAME, "lga-notices", **said)
    if not lesson.predict(NAME, edit_question(run)):
        return
    with lesson.behind(NAME, "edits", "What real edits of it say", "often"):
        lesson.text(NAME, "edits", **said)
    st.subheader("In every layer", anchor=False)
    _every()
    lesson.links(
        lesson.Link("Score this model's layers", "pages/layer_scores.py", lambda: _open(run.planted)),
        lesson.Link("Edit this model", "pages/edit.py", lambda: _open(run.planted)),
    )


def _every() -> None:
    bench = cached.workbench()
    stored = stored_layers(bench.store, bench.root)
    missing = N_LAYERS - len(stored)
    lesson.text(NAME, "repeat")
    _follow(several=True)
    if missing:
        _button(f"Repeat it for the other {count(missing, 'layer')}", "classroom-every", EVERY, missing)
        return
    found = cached.classroom(EVERY)
    if not lesson.predict(NAME, often_question(found)):
        return
    show.figure(classroom_matrix(found, session.dark()), "classroom-every", found.to_frame())
    with fold.on_phone("lesson-classroom-limits", "What this shows, and what it does not"):
        lesson.text(NAME, "limits")


def _open(layer: int) -> None:
    """This model and its facts become the session's; the tool page shows them once the model is in memory."""
    session.choose_dataset(DatasetChoice(NAME, "proxy"))
    jobs.submit_model(ModelSource(source_of(layer)))
