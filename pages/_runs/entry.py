"""Stored runs on the page: one entry each, with what can be done with it."""

from typing import Final, NoReturn

import streamlit as st

from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.runtime import RunManifest
from pages._shared import cached, jobs, note, present_link, report, session
from pages._shared.wording import count, duration, escape, shorten, when

KINDS: Final = {
    "score": "Layer scores",
    "sweep": "Sweep",
    "search": "Budgeted search",
    "trace": "Causal trace",
    "edit": "Edit",
    "many-edits": "Many edits",
    "tour": "First minute",
}
LISTS: Final = {"all": "Everything", "starred": "Starred"}
_TRUTH: Final = "pages/ground_truth.py"
_PAGES: Final = {
    "score": "pages/layer_scores.py",
    "sweep": _TRUTH,
    "search": _TRUTH,
    "trace": _TRUTH,
    "edit": "pages/edit.py",
    "many-edits": "pages/edit.py",
    "tour": "pages/home.py",
}
_ICONS: Final = {
    "score": ":material/grid_on:",
    "sweep": ":material/verified:",
    "search": ":material/timer:",
    "trace": ":material/route:",
    "edit": ":material/edit:",
    "many-edits": ":material/playlist_add_check:",
    "tour": ":material/play_circle:",
}
_LOST: Final = {
    "score": "Delete this run? Its scores per request stay in the store, so that computing it again is quick.",
    "sweep": "Delete this sweep? What it measured stays in the store, so that computing it again is quick.",
    "trace": "Delete this trace? Its effects per request stay in the store, so that computing it again is quick.",
    "edit": "Delete this report? Making the edit again takes as long as the first time.",
    "many-edits": "Delete this run? Reports of edits made alone stay in the store, so that it is quick to make again.",
    "tour": "Delete this tour? The scores and edits it made are runs of their own and stay.",
}


def entry(manifest: RunManifest, place: str) -> None:
    """A run with its facts and its buttons; `place` keeps the widgets of two lists apart."""
    key = f"{place}-{manifest.run_id}"
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"run-{key}"):
        icon = _ICONS.get(manifest.kind, ":material/description:")
        words = f"  \n:small[:material/sticky_note_2: {escape(shorten(manifest.note, 300))}]" if manifest.note else ""
        st.markdown(
            f"{icon} **{escape(shorten(manifest.title, 120))}**  \n:small[{escape(facts(manifest))}]{words}",
            width="stretch",
        )
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            if place == "runs":
                _star(manifest, key)
            if manifest.kind in _PAGES and st.button("Open", key=f"open-{key}"):
                open_run(manifest)
            if place == "runs":
                _more(manifest)


def facts(manifest: RunManifest) -> str:
    """Kind, time, finding, model, number of requests and time spent, in one line."""
    summary = manifest.told
    parts = [KINDS.get(manifest.kind, manifest.kind), when(manifest.created)]
    if manifest.kind in ("score", "sweep", "search", "trace"):
        stability = f", stability {summary['stability']}" if "stability" in summary else ""
        parts += [f"golden layer {summary.get('golden layer', '?')}{stability}"]
        parts += [count(manifest.n_requests, "request")]
    if manifest.kind == "edit":
        parts += ["the edit took" if summary.get("took") == "yes" else "the edit did not take"]
    if manifest.kind == "many-edits":
        parts += [count(manifest.n_requests, "request")]
    if manifest.kind == "tour":
        parts += [f"neighbours kept: {summary['neighbours kept']}"] if summary.get("neighbours kept") else []
    if manifest.kind in ("edit", "many-edits"):
        kinds = PROBE_KINDS if manifest.kind == "many-edits" else PROBE_KINDS[1:]  # of one edit: whether it took
        parts += [f"{kind} {summary[kind]}" for kind in kinds if kind in summary]
    parts += [manifest.model, f"took {duration(manifest.seconds)}"]
    return " · ".join(parts)


def has_page(kind: str) -> bool:
    """Whether runs of a kind open on a page."""
    return kind in _PAGES


def open_run(manifest: RunManifest) -> None:
    """Put a run on show and go to its page."""
    show = {
        "score": session.show_score_run,
        "sweep": session.show_sweep_run,
        "edit": session.show_edit_run,
        "tour": session.show_tour_run,
    }
    if manifest.kind == "many-edits":
        session.show_many_run(manifest.run_id)
    if manifest.kind in show:  # a search and a trace stand on the card of their model
        show[manifest.kind](manifest.run_id)
    st.switch_page(_PAGES[manifest.kind])


def leave(run_id: str) -> NoReturn:
    """From the screens back to the run's own page; Home where it has none any more."""
    manifest = next((m for m in cached.workbench().store.runs() if m.run_id == run_id), None)
    if manifest is not None and has_page(manifest.kind):
        open_run(manifest)
    st.switch_page("pages/home.py")


def _star(manifest: RunManifest, key: str) -> None:
    """Mark a run, or take the mark off."""
    st.button(
        "Starred" if manifest.starred else "Star",
        key=f"star-{key}",
        icon=":material/star:" if manifest.starred else ":material/star_border:",
        type="tertiary",
        help="Starred runs have a list of their own.",
        on_click=jobs.attempt,
        args=(cached.workbench().store.annotate_run, manifest.run_id, None, not manifest.starred),
    )


def _more(manifest: RunManifest) -> None:
    """Rename, note, report, and delete after a second thought."""
    run_id = manifest.run_id
    with st.popover("More", key=f"more-{run_id}"):
        with st.form(f"rename-form-{run_id}", border=False):
            title = st.text_input("Title", manifest.title, max_chars=200, key=f"title-{run_id}") or ""
            if st.form_submit_button("Rename", key=f"rename-{run_id}") and title.strip():
                cached.workbench().store.rename_run(run_id, title.strip())
                st.rerun()
        note.form(run_id, manifest.note)
        st.divider()
        report.buttons(run_id, "runs")
        if present_link.has_screens(manifest.kind):
            present_link.link(run_id)
        st.divider()
        st.markdown(_LOST.get(manifest.kind, "Delete this run? It cannot be brought back."))
        st.button(
            "Delete it", key=f"delete-{run_id}", icon=":material/delete:", on_click=jobs.attempt, args=(delete, run_id)
        )


def delete(run_id: str) -> None:
    """Delete a run, and take it off this session's pages."""
    cached.workbench().store.delete_run(run_id)
    if session.score_run() == run_id:
        session.show_score_run(None)
    if session.edit_run() == run_id:
        session.show_edit_run(None)
    if session.sweep_run() == run_id:
        session.show_sweep_run(None)
    if session.many_run() == run_id:
        session.show_many_run(None)
    if session.tour_run() == run_id:
        session.show_tour_run(None)


def n_pages(runs: list[RunManifest], length: int) -> int:
    """How many pages of `length` runs there are."""
    return -(-len(runs) // length)


def page_of(runs: list[RunManifest], number: int, length: int) -> list[RunManifest]:
    """The runs of a page, counted from 1; of the last one where there are fewer."""
    start = (min(number, max(n_pages(runs, length), 1)) - 1) * length
    return runs[start : start + length]
