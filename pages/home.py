"""What is this, and what comes next?"""

import streamlit as st

from pages._shared import cached, frame, jobs, session, show_runs, steps

frame.enter()
st.title("Golden Layers")
st.markdown(
    "A language model keeps its facts in a stack of layers, and whoever wants to change one fact has to choose the "
    "layer to change. Golden Layers scores every layer on a small set of facts, shows the one that stands out (the "
    "*golden layer*), and lets you edit a fact there and see what else changed."
)

jobs.follow("load")
jobs.follow("score", session.show_score_run)

upcoming = steps.following(steps.steps())
st.header("Three steps to a first result" if upcoming else "All three steps are done")
steps.show()

newest = cached.workbench().store.runs()[:3]
if newest:
    st.header("Last results")
    for manifest in newest:
        show_runs.entry(manifest, place="home")
    st.page_link("pages/runs.py", label="All runs", icon=":material/history:")

steps.words()
