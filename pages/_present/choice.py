"""Present without a run: which ones there are to present, and how it is done."""

import streamlit as st

from pages._runs import entry
from pages._shared import cached, present_link
from pages._shared.wording import escape, shorten

MOST = 12


def choose() -> None:
    """The runs that have screens, newest first."""
    runs = [m for m in cached.workbench().store.runs() if present_link.has_screens(m.kind)]
    if not runs:
        st.info(
            "There is nothing to present yet: no tour, edit, layer scores or sweep is stored.", icon=":material/info:"
        )
        st.page_link("pages/home.py", label="Start with the tour on Home: it takes a minute", icon=":material/home:")
        return
    st.markdown(
        "Right, Space or Page down: the next screen. Left or Page up: back. Home and End: the first and the last. "
        "Esc leaves. F11 fills the screen in most browsers."
    )
    for manifest in runs[:MOST]:
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"present-run-{manifest.run_id}"
        ):
            title, about = escape(shorten(manifest.title, 120)), escape(entry.facts(manifest))
            st.markdown(f"**{title}**  \n:small[{about}]", width="stretch")
            present_link.link(manifest.run_id)
    if len(runs) > MOST:
        st.caption(f"The newest {MOST} of {len(runs)} runs; every other one is presented from its page or from Runs.")
        st.page_link("pages/runs.py", label="All runs", icon=":material/history:")
