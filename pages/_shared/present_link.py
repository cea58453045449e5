"""From a run to its screens."""

from typing import Final, NoReturn

import streamlit as st

from pages._shared import cached

PAGE: Final = "pages/present.py"
KINDS: Final = ("tour", "edit", "score", "sweep")  # of runs that have screens (tasks.slides)


def has_screens(kind: str) -> bool:
    """Whether runs of a kind can be presented."""
    return kind in KINDS


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


def leave(run_id: str) -> NoReturn:
    """From the screens back to the run's own page; Home where it has none any more."""
    from pages._runs import entry  # which shows this link, too

    manifest = next((m for m in cached.workbench().store.runs() if m.run_id == run_id), None)
    if manifest is not None and entry.has_page(manifest.kind):
        entry.open_run(manifest)
    st.switch_page("pages/home.py")
