"""Lesson 7: when edits go wrong. One edit with every probe, then edits piling up."""

from typing import Final

import streamlit as st

from goldenlayers_core.figures.learn.wrong import pile_curves
from goldenlayers_core.figures.text import percent
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.learn.pile import Pile
from goldenlayers_core.tasks.learn.wrong import (
    bears,
    edit_question,
    find_edit,
    find_pile,
    kind_question,
    later,
    pile_layers,
    pile_question,
    pile_questions,
    signs,
    telling_edit,
)
from goldenlayers_core.tasks.questions import PileQuestion
from pages._learn import answers, lesson, stored_sweep, work
from pages._shared import cached, fold, jobs, session, show
from pages._shared.wording import duration, escape

NAME: Final = "wrong"
_EDIT: Final = "lesson-edit"  # slots of jobs
_PILE: Final = "pile"


def section() -> None:
    """One real edit that took and did harm; then the collapse curve of many."""
    lesson.intro(NAME)
    swept = stored_sweep.on_show(NAME)
    if swept is None:
        return
    run, sweep = swept
    row, layer = telling_edit(sweep)
    digest = sweep.request_digests[row]
    request = stored_sweep.request_of(run, digest)
    asked = pile_question(session.model(), stored_sweep.part_of(run), pile_layers(sweep.n_layers, sweep.golden_layer))
    store = cached.workbench().store
    made = find_edit(store, sweep.fingerprint, request, layer) if request else None
    piled = find_pile(store, sweep.fingerprint, sweep.provenance.get("dtype", ""), asked)
    missing = piled is None or (request is not None and made is None)
    ready = not missing or lesson.model() is not None  # asked for once, above whatever needs it
    if request is not None:
        with lesson.behind(NAME, "one", "One edit, and what it says to every probe", "kind", "first"):
            _one(request, layer, made, ready)
    _many(asked, piled, ready)
    lesson.links(
        stored_sweep.link_to_truth("Open this edit's sweep", run.run_id, digest, layer),
        stored_sweep.link_to_edit("Make this edit and stack others", run.run_id, digest, layer),
    )


def _one(request: EditRequest, layer: int, run_id: str | None, ready: bool) -> None:
    """One edit and all its probes."""
    lesson.text(NAME, "one", layer=layer)
    st.markdown(f"> {escape(request.prompt)} … {escape(request.target_true or '?')} **→ {escape(request.target_new)}**")
    jobs.follow(_EDIT, session.show_edit_run)
    if run_id is None:
        lesson.text(NAME, "one-empty", layer=layer)
        asked, label = edit_question(session.model(), request, layer), "Make this edit"
        work.button(_EDIT, "lesson-start-lesson-edit", label, asked, label, ":material/edit:", ready=ready)
        return
    report = cached.report(run_id)
    question = kind_question(report)
    if question is not None and not lesson.predict(NAME, question):
        return
    answers.cards(
        [answers.Said(o.kind, o.prompt, o.before.answer, o.after.answer, o.success) for o in report.outcomes],
        f"after the edit at layer {layer}",
    )
    st.caption(f"Greedy answers to all {len(report.outcomes)} probes; {report.method.upper()} · {run_id}")


def _many(asked: PileQuestion, stored: tuple[str, Pile] | None, ready: bool) -> None:
    """Edits that pile up: read where a pile is stored, else one button."""
    jobs.follow(_PILE)
    if stored is None:
        layers = ", ".join(map(str, asked.layers))
        lesson.text(NAME, "many-empty", written=asked.sizes[-1], layers=layers, facts=asked.facts)
        label = "Pile them up"
        work.button(_PILE, "lesson-start-pile", label, asked, label, ":material/layers:", ready=ready)
        st.caption(
            f"{asked.sizes[-1] * len(asked.layers)} real edits and {len(asked.sizes) * len(asked.layers)} "
            "measurements: about a minute on two cores, in the background."
        )
        return
    name, found = stored
    with lesson.behind(NAME, "many", "Many edits: what is piled up, and what is asked", "first"):
        lesson.text(NAME, "many", written=len(found.written), prompts=found.n_prompts, facts=len(found.facts))
    if not all(lesson.predict(NAME, question) for question in pile_questions(found, name)):
        return
    show.figure(pile_curves(found, session.dark()), f"lesson-pile-{name[:8]}", found.to_frame())
    _provenance(found)
    lesson.text(NAME, "after", bears=bears(found), signs=signs(found), later=later(found))
    values = {"n": found.sizes[-1], "prompts": found.n_prompts, "facts": len(found.facts)}
    with fold.on_phone("lesson-wrong-limits", "What this does not say"):
        lesson.text(NAME, "limits", **values, share=percent(1 / len(found.facts)))


def _provenance(found: Pile) -> None:
    st.caption(
        f"{escape(found.model)} · {escape(found.provenance.get('device', '?'))}, "
        f"{escape(found.provenance.get('dtype', '?'))} · torch {escape(found.provenance.get('torch', '?'))} · measured "
        f"in {duration(found.seconds)}"
    )
