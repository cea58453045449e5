"""A run as a file to hand on."""

import streamlit as st

from goldenlayers_core.tasks.reporting import report_bytes
from pages._shared import cached


def button(run_id: str, place: str) -> None:
    """Download the run's report, which is made when the button is pressed; `place` keeps two of them apart."""
    st.download_button(
        "Report",
        lambda: report_bytes(cached.workbench().store, run_id),
        f"{run_id}.html",
        "text/html",
        key=f"report-{place}-{run_id}",
        icon=":material/description:",
        on_click="ignore",
        help="One HTML file (5 MB) with figures, tables, definitions and provenance. It works offline and prints.",
    )
