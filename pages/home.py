"""What is this, and what comes next?"""

import streamlit as st

from pages._present import tour_live
from pages._runs import entry
from pages._shared import cached, first_steps, fold, frame, glossary, jobs, layer_stack, session

frame.enter()
st.title("Golden Layers")
glossary.introduce(
    "A language model keeps its facts in a stack of layers. See which layer to edit when one fact has to change, and "
    "what an edit there does."
)

toured = tour_live.show()
jobs.follow("load")
jobs.follow("score", session.show_score_run)

with fold.on_phone("home-layers", "All layers, and what names which", toured):
    layer_stack.draw("home")
upcoming = first_steps.following(first_steps.steps())
after = "Your own facts and model, in three steps" if upcoming else "All three steps are done"
with fold.on_phone("home-steps", after, toured):
    st.header(after)
    first_steps.show(lead=toured)

newest = cached.workbench().store.runs()[:3]
if newest:
    with fold.on_phone("home-results", f"Last results: {len(newest)}", toured):
        st.header("Last results")
        for manifest in newest:
            entry.entry(manifest, place="home")
        st.page_link("pages/runs.py", label="All runs", icon=":material/history:")

glossary.words()
