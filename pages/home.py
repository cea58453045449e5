"""What is this, and what comes next?"""

import streamlit as st

from pages._present import tour_live
from pages._runs import entry
from pages._shared import cached, first_steps, frame, glossary, jobs, layer_stack, session

frame.enter()
st.title("Golden Layers")
glossary.introduce(
    "A language model keeps its facts in a stack of layers. See which layer to edit when one fact has to change, and "
    "what an edit there does."
)

toured = tour_live.show()
jobs.follow("load")
jobs.follow("score", session.show_score_run)

layer_stack.draw("home")
upcoming = first_steps.following(first_steps.steps())
st.header("Your own facts and model, in three steps" if upcoming else "All three steps are done")
first_steps.show(lead=toured)

newest = cached.workbench().store.runs()[:3]
if newest:
    st.header("Last results")
    for manifest in newest:
        entry.entry(manifest, place="home")
    st.page_link("pages/runs.py", label="All runs", icon=":material/history:")

glossary.words()
