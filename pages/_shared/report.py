"""A run as a file to hand on: its report, its figures and tables, a notebook that makes it again."""

import streamlit as st

from goldenlayers_core.tasks.notebook import notebook_of
from goldenlayers_core.tasks.report import report_bytes, zip_bytes
from pages._shared import cached


def buttons(run_id: str, place: str) -> None:
    """Download a run's report, zip or notebook, made when it is asked for; `place` keeps two sets of them apart."""
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
    st.download_button(
        "Figures and tables",
        lambda: zip_bytes(cached.workbench().store, run_id),
        f"{run_id}.zip",
        "application/zip",
        key=f"zip-{place}-{run_id}",
        icon=":material/folder_zip:",
        on_click="ignore",
        help="A zip: every figure as an interactive HTML file, every table as CSV and Parquet, where it is all from, "
        "and a README with definitions and units. The command line adds PNG and SVG: "
        f"python -m goldenlayers_core report {run_id} --out {run_id}.zip",
    )
    st.download_button(
        "Notebook",
        lambda: notebook_of(cached.workbench(), run_id),
        f"{run_id}.ipynb",
        "application/x-ipynb+json",
        key=f"notebook-{place}-{run_id}",
        icon=":material/code_blocks:",
        on_click="ignore",
        help="A Jupyter notebook that makes this run again with the project's own code and says whether the same came "
        "out. Requests from a file travel inside it.",
    )
