"""What was computed, and where is it?"""

from typing import Final

import streamlit as st

from pages._runs import compare, compare_sweeps, disk, engine, entry, jobs
from pages._shared import cached, frame, glossary, link

PER_PAGE = 8
LISTS: Final = {"all": "Everything", "starred": "Starred"}

frame.enter()
st.title("Runs")
glossary.introduce("What was computed so far? Runs stay on this machine until they are deleted, and open at once.")

jobs.running()

runs = cached.workbench().store.runs()
if not runs:
    st.info("No run is stored yet. Score a dataset or edit a fact, and it appears here.", icon=":material/info:")
    st.page_link("pages/home.py", label="Three steps to a first result", icon=":material/home:")
else:
    kinds = sorted({m.kind for m in runs}, reverse=True)
    lists = (*LISTS, *kinds)
    link.option("view", "runs-kind", lists)
    kind = st.segmented_control(
        "Show",
        lists,
        default="all",
        required=True,
        format_func=lambda name: LISTS.get(name) or entry.kind_of(name).title,
        key="runs-kind",
        persist_state="session",
    )
    listed = [m for m in runs if kind in ("all", m.kind) or (kind == "starred" and m.starred)]
    if not listed:
        st.info("No run is starred yet; the star stands beside each run.", icon=":material/star_border:")
    n_pages = entry.n_pages(listed, PER_PAGE)
    link.number("page", "runs-page", n_pages)
    number = st.pagination(n_pages, key="runs-page") if n_pages > 1 else 1
    link.say(view=None if kind == "all" else kind, page=number if number > 1 else None)
    for manifest in entry.page_of(listed, number, PER_PAGE):
        entry.entry(manifest, place="runs")
    compare.compare(runs)
    compare_sweeps.compare(runs)

jobs.stopped()
engine.choose()
disk.use()
