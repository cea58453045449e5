"""Present: a run on a big screen, one idea at a time."""

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.tasks.present.slide import Slide
from pages._present import choice, screen
from pages._shared import cached, frame, glossary
from pages._shared.wording import sentence

frame.enter()
wanted = st.query_params.get("run", "")
slides: tuple[Slide, ...] = ()
problem = ""
if wanted:
    try:
        slides = cached.slides(wanted)
    except GoldenLayersError as error:
        problem = sentence(error)

if slides:
    screen.show(wanted, slides)
else:
    st.title("Present")
    glossary.introduce("A run on a big screen: one idea at a time, in large type, stepped through with the keyboard.")
    if problem:
        st.warning(problem, icon=":material/search_off:")
    choice.choose()
