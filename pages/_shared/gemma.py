"""Widgets that offer Gemma where it is not here yet: what it takes, its terms, and the button that fetches it."""

import streamlit as st

from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import gemma
from pages._shared import cached, jobs, served
from pages._shared.wording import escape

SLOT = "gemma"
SOURCE = ModelSource("gemma")


def offer() -> None:
    """Nothing where it is here, or where a demo does not allow it."""
    if not served.mode().allows_model(SOURCE.source):
        return
    job = jobs.follow(SLOT, lambda _source: jobs.submit_model(SOURCE))
    if gemma.is_here(cached.workbench().root):
        return
    st.header("One step away")
    with st.container(border=True):
        st.markdown(f"**{gemma.TITLE}**  \n:small[{escape(gemma.STEPS)}]")
        st.markdown(f"It is used under [Gemma's terms]({gemma.TERMS}); a copy of them is kept beside the model.")
        accepted = st.checkbox("I accept Gemma's terms of use", key="gemma-accept")
        busy = job is not None and job.active
        if st.button("Fetch and convert it", key="gemma-fetch", disabled=busy or not accepted):
            jobs.submit(SLOT, gemma.GemmaQuestion(accepted=True), f"Fetching {gemma.TITLE}")
            st.rerun()
