"""What was computed, and where is it?"""

import streamlit as st

from pages._shared import cached, frame, glossary, link, runs_compare, runs_disk, runs_jobs, show_runs

PER_PAGE = 10

frame.enter()
st.title("Runs")
glossary.introduce("What was computed so far? Runs stay on this machine until they are deleted, and open at once.")

runs_jobs.running()

runs = cached.workbench().store.runs()
if not runs:
    st.info("No run is stored yet. Score a dataset or edit a fact, and it appears here.", icon=":material/info:")
    st.page_link("pages/home.py", label="Three steps to a first result", icon=":material/home:")
else:
    kinds = sorted({m.kind for m in runs}, reverse=True)
    lists = ("all", "starred", *kinds)
    link.option("view", "runs-kind", lists)
    kind = st.segmented_control(
        "Show",
        lists,
        default="all",
        required=True,
        format_func=lambda name: show_runs.LISTS.get(name) or show_runs.KINDS.get(name, name),
        key="runs-kind",
        persist_state="session",
    )
    listed = [m for m in runs if kind in ("all", m.kind) or (kind == "starred" and m.starred)]
    if not listed:
        st.info("No run is starred yet; the star stands beside each run.", icon=":material/star_border:")
    n_pages = show_runs.n_pages(listed, PER_PAGE)
    link.number("page", "runs-page", n_pages)
    number = st.pagination(n_pages, key="runs-page") if n_pages > 1 else 1
    link.say(view=None if kind == "all" else kind, page=number if number > 1 else None)
    for manifest in show_runs.page_of(listed, number, PER_PAGE):
        show_runs.entry(manifest, place="runs")
    runs_compare.compare(runs)

runs_jobs.stopped()
runs_disk.use()
