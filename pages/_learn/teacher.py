"""For teachers: how to run a class on one machine, what to prepare, what to hand out."""

from datetime import UTC, datetime
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.reports.sheet import Sheet, SheetLesson, sheet_html
from goldenlayers_core.tasks.learn.class_plan import class_plan
from goldenlayers_core.tasks.learn.layer import FEW, lesson_sweep
from goldenlayers_core.tasks.learn.text import lesson_text, lessons
from goldenlayers_core.tasks.workbench import KEPT_MODELS
from pages._learn import lesson, together
from pages._shared import cached, fold, session
from pages._shared.wording import count, escape, when

NAME: Final = "teacher"


def section() -> None:
    """The page, from the machine to what learners get wrong."""
    st.header("For teachers", anchor=False)
    lesson.text(NAME, "intro", minutes=lesson_text(NAME).minutes)
    st.subheader("One machine for the class")
    lesson.text(NAME, "machine", models=KEPT_MODELS)
    st.subheader("Guess together")
    lesson.text(NAME, "together")
    together.start()
    st.subheader(f"A plan of {lesson_text(NAME).minutes} minutes")
    _plan()
    st.subheader("The day before")
    with fold.on_phone("teacher-before", "What to prepare"):
        lesson.text(NAME, "before")
        _before()
    st.subheader("To hand out")
    lesson.text(NAME, "handout")
    _handout()
    st.subheader("What is often misunderstood")
    with fold.on_phone("teacher-misunderstandings", "Read them"):
        lesson.text(NAME, "misunderstandings", lga=_lga_here())


def _lga_here() -> str:
    """What real edits say of LGA's layer on the session's model."""
    found = session.by_gradients()
    return found.caution if found else "It was not run on this model yet, so nothing can be said of its layer here."


def _plan() -> None:
    slots = class_plan(lesson_text(NAME).minutes)
    table = pd.DataFrame(
        {
            "minute": [slot.start for slot in slots],
            "what": [slot.what for slot in slots],
            "minutes": [slot.minutes for slot in slots],
            "of them to talk": [slot.talk for slot in slots],
        }
    )
    st.dataframe(table, hide_index=True, width="stretch", height=38 + 35 * len(table))
    st.caption(
        "Let everybody guess before you reveal, and ask for a reason. What computes long (a sweep, many edits) is "
        "computed the day before. The classroom fits where time is left, or as homework."
    )


def _before() -> None:
    """What is there, and the way to what is not."""
    card, store = session.card(), cached.workbench().store
    runs = [run for run in store.runs() if card is not None and run.fingerprint == card.fingerprint]
    known = card.fingerprint if card else ""
    sweep = lesson_sweep(store, known, session.sweep_run()) if known else None
    enough = sweep is not None and sweep.n_requests >= FEW
    scores = next((run for run in runs if run.kind == "score"), None)
    _check(card is not None, "A model is in memory", card.name if card else "", "pages/model.py", "Model")
    _check(
        enough,
        f"A sweep of it with {FEW} requests or more is stored (lessons 4, 5 and 6 look at it)",
        f"{count(sweep.n_requests, 'request')}, {when(sweep.created)}" if sweep else "",
        "pages/ground_truth.py",
        "Ground truth",
    )
    _check(
        scores is not None,
        "Layer scores of it are stored (lesson 6)",
        when(scores.created) if scores else "",
        "pages/layer_scores.py",
        "Layer scores",
    )
    for name in lessons():
        about, n = lesson_text(name), len(_asked(name))
        done = f"{n} of {count(len(about.questions), 'question')} revealed here, on this model"
        label = f"Your own way through {about.number[0].lower()}{about.number[1:]}: {about.title}"
        _check(n >= len(about.questions), label, done, "pages/learn.py", about.number, name)


def _check(done: bool, label: str, detail: str, page: str, where: str, view: str = "") -> None:
    icon, state = (":material/check_circle:", "there") if done else (":material/radio_button_unchecked:", "missing")
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"{icon} **{state}** · {escape(label)}{f' ({escape(detail)})' if detail else ''}", width="content")
    if not done:
        query = {"view": view} if view else None
        row.page_link(page, label=f"To {where}", query_params=query, icon=":material/arrow_forward:")


def _asked(name: str) -> tuple[str, ...]:
    """Keys of the lesson's questions that were revealed on the session's model."""
    card = session.card()
    return tuple(dict.fromkeys(g.question.key for g in lesson.guesses(name) if card and g.model == card.name))


def _sheet() -> Sheet:
    found = []
    for name in lessons():
        about, keys = lesson_text(name), _asked(name)
        newest = {guess.question.key: guess.question for guess in lesson.guesses(name) if guess.question.key in keys}
        questions = tuple(newest[key] for key in about.questions if key in newest)
        if questions:
            found.append(SheetLesson(f"{about.number}. {about.title}", about.afterwards, questions))
    card = session.card()
    return Sheet(card.name if card else "", tuple(found), when(datetime.now(UTC).isoformat()))


def _handout() -> None:
    sheet = _sheet()
    if not sheet.lessons:
        st.info(
            "No question was revealed in this browser on the model in memory, so there is nothing to hand out yet. Go "
            "through the lessons once; the sheets then hold what you revealed.",
            icon=":material/print:",
        )
        st.page_link("pages/learn.py", label="All lessons", icon=":material/list:", query_params={"view": "contents"})
        return
    counts = f"{count(sheet.n_questions, 'question')} of {count(len(sheet.lessons), 'lesson')}"
    st.caption(escape(f"{counts}, computed on {sheet.model}."))
    row = st.container(horizontal=True)
    for name, label, icon in (
        ("questions", "Questions to hand out", ":material/print:"),
        ("answers", "Questions with answers", ":material/task_alt:"),
    ):
        row.download_button(
            label,
            partial(sheet_html, sheet, name == "answers"),
            f"golden-layers-{name}.html",
            "text/html",
            key=f"sheet-{name}",
            icon=icon,
            on_click="ignore",
        )
