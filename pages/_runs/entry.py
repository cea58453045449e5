"""Stored runs on the page: one entry each, with what can be done with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NoReturn

import streamlit as st

from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.edit.judge_again import judge_again
from goldenlayers_core.tasks.judging import WITH_TEXTS, earlier_rules
from goldenlayers_core.tasks.shipped_sweep import COMES
from pages._shared import cached, jobs, note, present_link, report, session
from pages._shared.run_choice import edited_how
from pages._shared.wording import count, duration, escape, shorten, when

_TRUTH: Final = "pages/ground_truth.py"
_AGAIN: Final = "so that computing it again is quick."


@dataclass(frozen=True, slots=True)
class RunKind:
    """What the page says of a kind of run, and where one of it opens."""

    title: str
    page: str = ""  # "": on none
    icon: str = ":material/description:"
    lost: str = "Delete this run? It cannot be brought back."
    shown: Callable[[], str | None] = lambda: None  # id of the one on show
    show: Callable[[str | None], None] = lambda _run_id: None  # puts one on show; some stand on their model's card


KINDS: Final[Mapping[str, RunKind]] = MappingProxyType(
    {
        "score": RunKind(
            "Layer scores",
            "pages/layer_scores.py",
            ":material/grid_on:",
            f"Delete this run? Its scores per request stay in the store, {_AGAIN}",
            session.score_run,
            session.show_score_run,
        ),
        "sweep": RunKind(
            "Sweep",
            _TRUTH,
            ":material/verified:",
            f"Delete this sweep? What it measured stays in the store, {_AGAIN}",
            session.sweep_run,
            session.show_sweep_run,
        ),
        "search": RunKind("Budgeted search", _TRUTH, ":material/timer:"),
        "trace": RunKind(
            "Causal trace",
            _TRUTH,
            ":material/route:",
            f"Delete this trace? Its effects per request stay in the store, {_AGAIN}",
        ),
        "edit": RunKind(
            "Edit",
            "pages/edit.py",
            ":material/edit:",
            "Delete this report? Making the edit again takes as long as the first time.",
            session.edit_run,
            session.show_edit_run,
        ),
        "many-edits": RunKind(
            "Many edits",
            "pages/edit.py",
            ":material/playlist_add_check:",
            "Delete this run? Reports of edits made alone stay in the store, so that it is quick to make again.",
            session.many_run,
            session.show_many_run,
        ),
        "tour": RunKind(
            "First minute",
            "pages/home.py",
            ":material/play_circle:",
            "Delete this tour? The scores and edits it made are runs of their own and stay.",
            session.tour_run,
            session.show_tour_run,
        ),
    }
)


def kind_of(name: str) -> RunKind:
    """A kind of run by its name; one that opens on no page for a name that is not known."""
    return KINDS.get(name) or RunKind(name)


def entry(manifest: RunManifest, place: str) -> None:
    """A run with its facts and its buttons; `place` keeps the widgets of two lists apart."""
    key, kind = f"{place}-{manifest.run_id}", kind_of(manifest.kind)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"run-{key}"):
        words = f"  \n:small[:material/sticky_note_2: {escape(shorten(manifest.note, 300))}]" if manifest.note else ""
        st.markdown(
            f"{kind.icon} **{escape(shorten(manifest.title, 120))}**  \n:small[{escape(facts(manifest))}]{words}",
            width="stretch",
        )
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            if place == "runs":
                _star(manifest, key)
            if kind.page and st.button("Open", key=f"open-{key}"):
                open_run(manifest)
            if place == "runs":
                _more(manifest)


def facts(manifest: RunManifest) -> str:
    """Kind, time, finding, model, number of requests and time spent, in one line."""
    summary = manifest.told
    parts = [kind_of(manifest.kind).title, when(manifest.created)]
    if manifest.kind in ("score", "sweep", "search", "trace"):
        stability = f", stability {summary['stability']}" if "stability" in summary else ""
        parts += [f"golden layer {summary.get('golden layer', '?')}{stability}"]
        parts += [count(manifest.n_requests, "request")]
    if manifest.kind == "edit":
        parts += ["the edit took" if summary.get("took") == "yes" else "the edit did not take"]
    if manifest.kind == "many-edits":
        parts += [count(manifest.n_requests, "request")]
    if manifest.kind in ("sweep", "search"):
        parts += [edited_how(manifest)]
    if manifest.kind == "tour":
        parts += [f"neighbours kept: {summary['neighbours kept']}"] if summary.get("neighbours kept") else []
    if manifest.kind in ("edit", "many-edits"):
        kinds = PROBE_KINDS if manifest.kind == "many-edits" else PROBE_KINDS[1:]  # of one edit: whether it took
        parts += [f"{kind} {summary[kind]}" for kind in kinds if kind in summary]
    parts += [earlier_rules(manifest)] if earlier_rules(manifest) else []
    took = "comes with the product" if manifest.title.endswith(COMES) else f"took {duration(manifest.seconds)}"
    parts += [manifest.model, took]
    return " · ".join(parts)


def open_run(manifest: RunManifest) -> None:
    """Put a run on show and go to its page."""
    kind = kind_of(manifest.kind)
    kind.show(manifest.run_id)
    st.switch_page(kind.page)


def leave(run_id: str) -> NoReturn:
    """From the screens back to the run's own page; Home where it has none any more."""
    manifest = next((m for m in cached.workbench().store.runs() if m.run_id == run_id), None)
    if manifest is not None and kind_of(manifest.kind).page:
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
        if earlier_rules(manifest) and manifest.kind in WITH_TEXTS:
            st.button("Judge it again", key=f"judge-{run_id}", on_click=jobs.attempt, args=(_judge, run_id))
        if present_link.has_screens(manifest.kind):
            present_link.link(run_id)
        st.divider()
        st.markdown(kind_of(manifest.kind).lost)
        st.button(
            "Delete it", key=f"delete-{run_id}", icon=":material/delete:", on_click=jobs.attempt, args=(delete, run_id)
        )


def _judge(run_id: str) -> None:
    changed = judge_again(cached.workbench().store, run_id)
    st.toast(f"Judged again by docs/judging.md: {count(changed, 'probe')} came out otherwise.", icon=":material/gavel:")


def delete(run_id: str) -> None:
    """Delete a run, and take it off this session's pages."""
    cached.workbench().store.delete_run(run_id)
    put_away(run_id)


def put_away(run_id: str | None = None) -> None:
    """Take a run, or every run, off this session's pages."""
    for kind in KINDS.values():
        if run_id is None or kind.shown() == run_id:
            kind.show(None)


def n_pages(runs: list[RunManifest], length: int) -> int:
    """How many pages of `length` runs there are."""
    return -(-len(runs) // length)


def page_of(runs: list[RunManifest], number: int, length: int) -> list[RunManifest]:
    """The runs of a page, counted from 1; of the last one where there are fewer."""
    start = (min(number, max(n_pages(runs, length), 1)) - 1) * length
    return runs[start : start + length]
