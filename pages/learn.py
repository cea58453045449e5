"""Learn: what is all this, and is it so? Lessons on the live model."""

from typing import Final

import streamlit as st

from goldenlayers_core.tasks.learn.text import lessons
from pages._learn import (
    classroom,
    glossary,
    golden,
    know,
    layer,
    lesson,
    lga,
    rank_one,
    recall,
    teacher,
    together,
    wrong,
)
from pages._shared import frame, link

# name in the address, title, what draws it
VIEWS: Final = (
    ("contents", "All lessons", lesson.contents),
    ("know", "1. What a model knows", know.section),
    ("recall", "2. Where a fact is recalled", recall.section),
    ("rank-one", "3. A fact as key and value", rank_one.section),
    ("layer", "4. Why the layer matters", layer.section),
    ("golden", "5. Golden layers", golden.section),
    ("lga", "6. Layer Gradient Analysis", lga.section),
    ("wrong", "7. When edits go wrong", wrong.section),
    ("classroom", "Classroom: a planted fact", classroom.section),
    (together.VIEW, "Guess with a class", together.section),
    ("glossary", "Glossary", glossary.section),
    ("teacher", "For teachers", teacher.section),
)

frame.enter()
st.title("Learn")
titles = {name: title for name, title, _ in VIEWS}
wanted = st.query_params.get("view") or st.session_state.get(lesson.VIEW)
view = wanted if wanted and link.known("view", wanted, tuple(titles)) else VIEWS[0][0]
lesson.at(view)
choice = f"learn-choice-{view}"  # a widget per view: one that is told its value afterwards may miss it on a slow phone
with st.container(key="learn-choice"):
    st.selectbox(
        "Lesson",
        tuple(titles),
        index=tuple(titles).index(view),
        format_func=titles.__getitem__,
        key=choice,
        on_change=lambda: lesson.go(st.session_state[choice]),
        label_visibility="collapsed",
    )

section = next(draw for name, _, draw in VIEWS if name == view)
if view in lessons():
    lesson.head(view)
    section()
    lesson.end(view)
else:
    section()
