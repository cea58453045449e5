"""Learn: what is all this, and is it so? Lessons on the live model."""

from typing import Final

import streamlit as st

from goldenlayers_core.tasks.lesson_text import lessons
from pages._shared import (
    frame,
    learn_classroom,
    learn_glossary,
    learn_golden,
    learn_know,
    learn_layer,
    learn_lga,
    learn_rank_one,
    learn_recall,
    learn_teacher,
    learn_wrong,
    lesson,
    link,
)

# name in the address, title, what draws it
VIEWS: Final = (
    ("contents", "All lessons", lesson.contents),
    ("know", "1. What a model knows", learn_know.section),
    ("recall", "2. Where a fact is recalled", learn_recall.section),
    ("rank-one", "3. A fact as key and value", learn_rank_one.section),
    ("layer", "4. Why the layer matters", learn_layer.section),
    ("golden", "5. Golden layers", learn_golden.section),
    ("lga", "6. Layer Gradient Analysis", learn_lga.section),
    ("wrong", "7. When edits go wrong", learn_wrong.section),
    ("classroom", "Classroom: a planted fact", learn_classroom.section),
    ("glossary", "Glossary", learn_glossary.section),
    ("teacher", "For teachers", learn_teacher.section),
)

frame.enter()
st.title("Learn")
titles = {name: title for name, title, _ in VIEWS}
wanted = st.query_params.get("view") or st.session_state.get(lesson.VIEW)
view = wanted if wanted and link.known("view", wanted, tuple(titles)) else VIEWS[0][0]
lesson.at(view)
if st.session_state.get("learn-choice") != view:
    st.session_state["learn-choice"] = view
st.selectbox(
    "Lesson",
    tuple(titles),
    format_func=titles.__getitem__,
    key="learn-choice",
    on_change=lambda: lesson.go(st.session_state["learn-choice"]),
    label_visibility="collapsed",
)

section = next(draw for name, _, draw in VIEWS if name == view)
if view in lessons():
    lesson.head(view)
    section()
    lesson.end(view)
else:
    section()
