"""From a run to its screens."""

from typing import Final

import streamlit as st

from goldenlayers_core.tasks.wings import with_screens

PAGE: Final = "pages/present.py"


def has_screens(kind: str) -> bool:
    """Whether runs of a kind can be presented."""
    return kind in with_screens()


def link(run_id: str) -> None:
    """One small line: the run in presenter mode."""
    st.page_link(
        PAGE,
        label="Present",
        icon=":material/slideshow:",
        query_params={"run": run_id, "step": "1"},
        help="On a big screen, one idea at a time: large type, stepped through with the keyboard.",
        width="content",
    )
