"""Present without a run: which ones there are to present, and how it is done."""

from typing import Final

import streamlit as st

from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.present.programme import Entry, programme
from pages._runs import entry
from pages._shared import cached, present_link
from pages._shared.wording import count, escape, shorten, when

MOST: Final = 12


def choose() -> None:
    """The runs that have screens: first minutes, then the others with the newest first, edits of a sitting together."""
    runs = [m for m in cached.workbench().store.runs() if present_link.has_screens(m.kind)]
    if not runs:
        st.info(
            "There is nothing to present yet: no tour, edit, layer scores or sweep is stored.", icon=":material/info:"
        )
        st.page_link("pages/home.py", label="Start with the tour on Home: it takes a minute", icon=":material/home:")
        return
    st.markdown(
        "Right, Space or Page down: the next screen. Left or Page up: back. Home and End: the first and the last. "
        "A: all screens in small. Esc leaves. F11 fills the screen in most browsers."
    )
    entries = programme(runs)
    for one in entries[:MOST]:
        _line(one.runs[0]) if len(one.runs) == 1 else _folded(one)
    if len(entries) > MOST:
        left = sum(len(one.runs) for one in entries[MOST:])
        st.caption(f"{count(left, 'more run')}, not listed here: each is presented from its page or from Runs.")
        st.page_link("pages/runs.py", label="All runs", icon=":material/history:")


def _folded(one: Entry) -> None:
    """Edits that were made in one sitting, behind one line."""
    first = one.runs[0]
    facts = ", ".join(dict.fromkeys(one.names))
    about = f"{count(len(one.runs), 'edit')} · {when(first.created)} · {first.model}"
    with st.expander(escape(f"{shorten(facts, 90)} ({about})"), key=f"present-sitting-{first.run_id}"):
        for manifest in one.runs:
            _line(manifest)


def _line(manifest: RunManifest) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"present-run-{manifest.run_id}"):
        title, about = escape(shorten(manifest.title, 120)), escape(entry.facts(manifest))
        st.markdown(f"**{title}**  \n:small[{about}]", width="stretch")
        present_link.link(manifest.run_id)
