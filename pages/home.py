"""What is this, and what comes next?"""

import streamlit as st

from pages._shared import cached, frame, glossary, jobs, session, show_runs, steps, tour_live

frame.enter()
st.title("Golden Layers")
glossary.introduce(
    "A language model keeps its facts in a stack of layers. See which layer to edit when one fact has to change, and "
    "what an edit there does."
)

toured = tour_live.show()
jobs.follow("load")
jobs.follow("score", session.show_score_run)

upcoming = steps.following(steps.steps())
st.header("Your own facts and model, in three steps" if upcoming else "All three steps are done")
steps.show(lead=toured)

newest = cached.workbench().store.runs()[:3]
if newest:
    st.header("Last results")
    for manifest in newest:
        show_runs.entry(manifest, place="home")
    st.page_link("pages/runs.py", label="All runs", icon=":material/history:")

glossary.words()
