"""Golden Layers: navigation, page setup, sidebar. `make app` starts it."""

import streamlit as st

from goldenlayers_core.runtime import logs
from pages._shared import frame, link

logs.configure()
frame.dress()

PAGES = [
    st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
    st.Page("pages/model.py", title="Model", icon=":material/memory:"),
    st.Page("pages/dataset.py", title="Dataset", icon=":material/table_rows:"),
    st.Page("pages/layer_scores.py", title="Layer scores", icon=":material/grid_on:"),
    st.Page("pages/ground_truth.py", title="Ground truth", icon=":material/verified:"),
    st.Page("pages/edit.py", title="Edit", icon=":material/edit:"),
    st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
    st.Page("pages/runs.py", title="Runs", icon=":material/history:"),
    st.Page("pages/present.py", title="Present", icon=":material/slideshow:"),
]

page = st.navigation(PAGES)
st.set_page_config(page_title=f"{page.title} · Golden Layers")  # what the browser's tab says
link.arrive(page.url_path)
frame.sidebar()
frame.guarded(page.run, page.url_path)
