"""Lesson 1: what a model knows, and how to ask it."""

from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.learn import know as figures
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.learn.know import Spoken, likeliest_question, share_question, wording_question
from goldenlayers_core.tasks import DatasetChoice, KnowledgeQuestion
from pages._learn import fact, lesson, work
from pages._shared import cached, jobs, session, show
from pages._shared.wording import count, sentence

NAME: Final = "know"
ENOUGH: Final = 48  # facts to ask for the count
_SLOT: Final = "knowledge"


def section() -> None:
    """Asks the live model; its own next words are the picture."""
    lesson.intro(NAME)
    card = lesson.model()
    if card is None:
        return
    request = fact.choose()
    about = f"{request.digest}-{card.fingerprint}"
    with st.spinner("Asking the model"):
        spoken = cached.spoken(session.model(), request.prompt)
    if not lesson.predict(NAME, likeliest_question(spoken, about)):
        return
    with lesson.behind(NAME, "said", "Its next words", "wording"):
        _said(spoken, "first")
    _wordings(request)


def _said(spoken: Spoken, key: str) -> None:
    show.figure(figures.next_words(spoken, session.dark()), f"lesson-know-{key}", spoken.to_frame())
    if len(spoken.steps) > 1:
        lesson.text(NAME, "tokens")
        name = f"lesson-know-steps-{key}"
        show.figure(figures.answer_steps(spoken, session.dark()), name, spoken.steps_frame())


def _wordings(request: EditRequest) -> None:
    lesson.text(NAME, "wordings")
    with st.spinner("Asking in other words"):
        found = cached.wordings(session.model(), request)
    if not lesson.predict(NAME, wording_question(found)):
        return
    show.figure(figures.wordings(found, session.dark()), "lesson-know-wordings", found.to_frame())
    _own(request)
    _count()


def _own(request: EditRequest) -> None:
    lesson.text(NAME, "own")
    prompt = st.text_input(
        "Your own wording", key="lesson-know-own", persist_state="session", placeholder=request.rephrases[0].prompt
    )
    if not (prompt or "").strip():
        return
    try:
        with st.spinner("Asking the model"):
            spoken = cached.spoken(session.model(), str(prompt).rstrip())
    except GoldenLayersError as error:
        st.warning(sentence(error), icon=":material/edit_off:")
        return
    show.figure(figures.next_words(spoken, session.dark()), "lesson-know-own", spoken.to_frame())


def _count() -> None:
    lesson.text(NAME, "knows")
    asked = cached.workbench().knowledge_counts(session.model(), cached.dataset("bundled").requests)
    n_asked = asked.n_asked if asked else 0
    jobs.follow(_SLOT)
    if not asked or n_asked < ENOUGH:
        st.info(f"The model was asked {n_asked} facts of the bundled dataset so far; a count needs {ENOUGH}.")
        question = KnowledgeQuestion(session.model(), DatasetChoice("bundled", "proxy", ENOUGH))
        label, icon = f"Ask {count(ENOUGH, 'fact')}", ":material/quiz:"
        work.button(_SLOT, "lesson-know-ask", label, question, "Asking what is known", icon)
        return
    if lesson.predict(NAME, share_question(asked.n_known, n_asked - asked.n_no_op, session.model().source)):
        lesson.text(NAME, "after")
        lesson.links(
            lesson.Link("Keep only what it knows, on Dataset", "pages/dataset.py"),
            lesson.Link("Edit this fact", "pages/edit.py", icon=":material/edit:"),
        )
