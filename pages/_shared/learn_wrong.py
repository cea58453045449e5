"""Lesson 7: when edits go wrong. One edit with every probe, then edits piling up."""

from typing import Final

import streamlit as st

from goldenlayers_core.figures.lesson_wrong import pile_curves
from goldenlayers_core.figures.text import percent
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.pile import Pile
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.lesson_wrong import (
    edit_question,
    find_edit,
    find_pile,
    kind_question,
    pile_layers,
    pile_question,
    pile_questions,
    signs,
    telling_edit,
)
from goldenlayers_core.tasks.questions import PileQuestion
from pages._shared import cached, jobs, lesson, lesson_said, lesson_sweep, session, show
from pages._shared.wording import duration, escape

NAME: Final = "wrong"
_EDIT: Final = "lesson-edit"  # slots of jobs
_PILE: Final = "pile"


def section() -> None:
    """One real edit that took and did harm; then the collapse curve of many."""
    lesson.text(NAME, "intro")
    swept = lesson_sweep.on_show(NAME)
    if swept is None:
        return
    run, sweep = swept
    row, layer = telling_edit(sweep)
    request = lesson_sweep.request_of(run, sweep.request_digests[row])
    if request is not None:
        _one(request, layer)
    _many(run, sweep)
    lesson.links(
        lesson.Link(
            "Open this edit's sweep",
            "pages/ground_truth.py",
            lambda: lesson_sweep.to_truth(run.run_id, sweep.request_digests[row], layer),
            ":material/query_stats:",
        ),
        lesson.Link(
            "Make this edit and stack others",
            "pages/edit.py",
            lambda: lesson_sweep.to_edit(run.run_id, sweep.request_digests[row], layer),
            ":material/edit:",
        ),
    )


def _one(request: EditRequest, layer: int) -> None:
    """One edit and all its probes."""
    lesson.text(NAME, "one", layer=layer)
    st.markdown(f"> {escape(request.prompt)} … {escape(request.target_true or '?')} **→ {escape(request.target_new)}**")
    jobs.follow(_EDIT, session.show_edit_run)
    known = lesson_sweep.fingerprint()
    run_id = find_edit(cached.workbench().store, known or "", request, layer)
    if run_id is None:
        lesson.text(NAME, "one-empty", layer=layer)
        if lesson.model() is None:
            return
        job = jobs.waiting(_EDIT)

        def begin() -> None:
            question = edit_question(session.model(), request, layer)
            jobs.start(_EDIT, cached.workbench().submit(question, f"Editing layer {layer}"))

        st.button(
            "Make this edit",
            key="lesson-make-edit",
            type="primary",
            icon=":material/edit:",
            on_click=jobs.attempt,
            args=(begin,),
            disabled=job is not None and job.active,
        )
        return
    report = cached.report(run_id)
    question = kind_question(report)
    if question is not None and not lesson.predict(NAME, question):
        return
    lesson_said.cards(
        [lesson_said.Said(o.kind, o.prompt, o.before.answer, o.after.answer, o.success) for o in report.outcomes],
        f"after the edit at layer {layer}",
    )
    st.caption(f"Greedy answers to all {len(report.outcomes)} probes; {report.method.upper()} · {run_id}")


def _many(run: RunManifest, sweep: SweepResult) -> None:
    """Edits that pile up: read where a pile is stored, else one button."""
    asked = pile_question(session.model(), lesson_sweep.part_of(run), pile_layers(sweep.n_layers, sweep.golden_layer))
    jobs.follow(_PILE, lambda _name: None)
    store = cached.workbench().store
    stored = find_pile(store, sweep.fingerprint, sweep.provenance.get("dtype", ""), asked)
    if stored is None:
        _offer_pile(asked)
        return
    name, found = stored
    lesson.text(NAME, "many", written=len(found.written), prompts=found.n_prompts, facts=len(found.facts))
    if not all(lesson.predict(NAME, question) for question in pile_questions(found, name)):
        return
    show.figure(pile_curves(found, session.dark()), f"lesson-pile-{name[:8]}", found.to_frame())
    _provenance(found)
    lesson.text(NAME, "after", signs=signs(found))
    lesson.text(
        NAME,
        "limits",
        n=found.sizes[-1],
        prompts=found.n_prompts,
        facts=len(found.facts),
        share=percent(1 / len(found.facts)),
    )


def _offer_pile(asked: PileQuestion) -> None:
    lesson.text(
        NAME,
        "many-empty",
        written=asked.sizes[-1],
        layers=", ".join(map(str, asked.layers)),
        facts=asked.facts,
    )
    if lesson.model() is None:
        return
    job = jobs.waiting(_PILE)

    def begin() -> None:
        jobs.start(_PILE, cached.workbench().submit(asked, f"Edits piling up, {asked.choice.words}"))

    st.button(
        "Pile them up",
        key="lesson-pile",
        type="primary",
        icon=":material/layers:",
        on_click=jobs.attempt,
        args=(begin,),
        disabled=job is not None and job.active,
    )
    st.caption(
        f"{asked.sizes[-1] * len(asked.layers)} real edits and {len(asked.sizes) * len(asked.layers)} measurements: "
        "about a minute on two cores, in the background."
    )


def _provenance(found: Pile) -> None:
    st.caption(
        f"{escape(found.model)} · {escape(found.provenance.get('device', '?'))}, "
        f"{escape(found.provenance.get('dtype', '?'))} · torch {escape(found.provenance.get('torch', '?'))} · measured "
        f"in {duration(found.seconds)}"
    )
