"""Lesson 3: a fact as key and value; the rank-one edit, with its vectors."""

from typing import Final

import streamlit as st

from goldenlayers_core.figures.learn.rank_one import key_plane, key_rows
from goldenlayers_core.figures.text import number, percent
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.learn.know import quoted
from goldenlayers_core.results.learn.rank_one import RankOne, alike_question, leak_question, size_question
from goldenlayers_core.tasks import EditQuestion, ModelCard
from goldenlayers_core.tasks.layer_options import layer_options
from goldenlayers_core.tasks.serial import plain
from pages._learn import fact, lesson, work
from pages._shared import cached, fold, session, show, travel
from pages._shared.wording import escape

NAME: Final = "rank-one"
_SLOT: Final = "lesson-edit"


def section() -> None:
    """Computes one real edit and takes it apart."""
    lesson.intro(NAME)
    card = lesson.model()
    if card is None:
        return
    request = fact.choose()
    found = session.recommendation()
    start = layer_options(card.n_layers, found)[0]
    why = f"by {found.brief}" if found is not None and found.brief and start.name == "recommended" else start.why
    run_id = _edit(card, request, start.layer, why)
    if run_id is None:
        return
    report = cached.report(run_id)
    with st.spinner("Taking the edit apart"):
        found = cached.rank_one(session.model(), report.edit_id, request)
    _key_and_value(found)
    _asked(found, run_id, report.verdict)


def _key_and_value(found: RankOne) -> None:
    (said, p), *_ = found.says
    (said_new, p_new), *_ = found.says_new
    values = {
        "layer": found.layer,
        "subject": found.subject,
        "width_in": f"{found.shape[1]:,}",
        "width_out": f"{found.shape[0]:,}",
        "key_norm": number(found.key_norm),
        "value_norm": number(found.value_norm),
        "change_norm": number(found.change_norm),
        "says": quoted(said),
        "says_p": percent(p),
        "says_new": quoted(said_new),
        "says_new_p": percent(p_new),
        "new": found.target_new,
        "rank": f"{found.rank_new[0]:,}",
        "rank_new": f"{found.rank_new[1]:,}",
        "residual": number(found.residual, 1),
        "residual_run": number(found.residual_run, 1),
    }
    with lesson.behind(NAME, "parts", "The key, the old value, the new one", "size"):
        lesson.text(NAME, "parts", **values)


def _asked(found: RankOne, run_id: str, verdict: str) -> None:
    first = alike_question(found)
    if not lesson.predict(NAME, size_question(found)) or (first and not lesson.predict(NAME, first)):
        return
    second = leak_question(found)
    if second and not lesson.predict(NAME, second):
        return
    show.figure(key_plane(found, session.dark()), "lesson-rank-one-plane", found.to_frame())
    lesson.text(NAME, "plane")
    with fold.on_phone("lesson-rank-one-rows", "What each prompt says, before and after"):
        show.figure(key_rows(found, session.dark()), "lesson-rank-one-rows", found.to_frame())
    st.markdown(f"**The verdict on the edit:** {escape(verdict)}")
    with fold.on_phone("lesson-rank-one-travel", "And then it travels, layer by layer"):
        lesson.text(NAME, "travel", subject=found.subject, layer=found.layer)
        with st.spinner("Reading every token after every layer"):
            travelled = cached.travel(session.model(), found.edit_id, found.prompt)
        travel.scrubber(travelled, "lesson")
    lesson.text(NAME, "after")
    lesson.links(
        lesson.Link("See this edit", "pages/edit.py", lambda: session.show_edit_run(run_id), ":material/edit:"),
        lesson.Link("What real edits do at every layer", "pages/ground_truth.py"),
    )


def _edit(card: ModelCard, request: EditRequest, layer: int, why: str) -> str | None:
    """The run of this edit, or the button that computes it."""
    about = f"{request.digest}-{card.fingerprint}-{layer}"
    lesson.text(NAME, "edit", layer=layer, why=why, new=request.target_new, true=request.target_true)
    run_id = work.result(_SLOT, about)
    if run_id is not None and cached.manifest_created(run_id):
        return run_id
    question = EditQuestion(session.model(), plain(request), "rome", layer)
    label, icon = f"Write {escape(request.target_new)} into layer {layer}", ":material/edit:"
    work.button(_SLOT, "lesson-rank-one-start", label, question, "Editing one fact", icon, about=about)
    st.caption("It takes a few seconds on two cores. No weight of the model is changed; the edit lies over it.")
    return None
