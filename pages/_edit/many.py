"""Many edits: every request of a dataset part at one layer, its results table, and the failures among them."""

from collections.abc import Callable, Mapping
from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import counted, percent, shorten
from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.reports import csv_text
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit import stack as of
from goldenlayers_core.results.edit.many_edits import MODE_WORDS, MODES, ManyEdits, Mode
from goldenlayers_core.results.formats import NOT_ASKED
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice, EditQuestion
from goldenlayers_core.tasks.judging import earlier_rules
from goldenlayers_core.tasks.questions import ManyEditsQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.cost import price
from pages._edit import controls, stacks
from pages._edit import parts as edit_result
from pages._edit.stacks import Look
from pages._shared import cached, controls_dataset, jobs, session, upload
from pages._shared.report import buttons
from pages._shared.run_choice import run_on_show
from pages._shared.wording import count, duration, escape, sentence, when

_MODES: Final[Mapping[Mode, str]] = {
    "alone": "Each alone",
    "together": "All as one edit",
    "sequential": "One after another",
}
_FILTERS: Final[Mapping[str, tuple[str, Callable[[EditReport], bool]]]] = {
    "all": ("All", lambda _report: True),
    "failed": ("Not written", lambda report: not report.took),
    **{
        kind: (f"{word} not as wished", lambda report, kind=kind: _missed(report, kind))
        for kind, word in (("rephrase", "Rephrase"), ("locality", "Neighbour"), ("portability", "Consequence"))
    },
}


def _missed(report: EditReport, kind: str) -> bool:
    return any(outcome.kind == kind and not outcome.success for outcome in report.outcomes)


def section(look: Look) -> None:
    """Which requests and how, the job, and the results of the run on show."""
    st.header("Many edits from a table")
    upload.follow_mapping()
    with st.expander("Start", icon=":material/play_arrow:", expanded=not session.many_run()):
        _start(look)
    jobs.follow("many-edits", _show)
    run = run_on_show(
        "many-edits",
        "Run on show",
        "many-run-choice",
        session.many_run(),
        _show,
        _run_words,
        "Every run of many edits in this machine's store, latest first.",
    )
    if run is None:
        st.markdown("No many edits are stored yet: choose requests above and start.")
        return
    _results(look, run, cached.many(run.run_id))


def _show(run_id: str) -> None:
    session.keep("many_run", run_id)


def _run_words(run: RunManifest) -> str:
    return f"{when(run.created)} · {shorten(run.title, 100)} · {run.model} · {run.run_id[-6:]}"


# Start ----------------------------------------------------------------------------------------------------------------


def _start(look: Look) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        name = controls_dataset.dataset()
        choice = controls_dataset.part(name, cached.dataset(name)) if name is not None else None
    with right:
        mode = _mode(look)
        earlier = _earlier(look)
    settings = f", {counted(len(look.settings), 'setting')} changed" if look.settings else ""
    where = f"at layer {look.layer}" if look.form.kind != "prompt" else ", which changes no layer"
    words = MODE_WORDS[mode] if not earlier else MODE_WORDS[mode].replace("the unedited model", escape(look.names))
    st.markdown(f"With **{escape(look.form.title)}** {where}{settings}, as chosen above, {words}.")
    job = jobs.waiting("many-edits")
    busy = job is not None and job.active
    n = len(controls_dataset.listed(choice)) if choice is not None else 0
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Edit {count(n, 'request')}",
            type="primary",
            key="many-go",
            icon=":material/playlist_play:",
            disabled=busy or not n,
        ):
            assert choice is not None
            question = ManyEditsQuestion(
                session.model(), choice, look.form.name, look.layer, look.settings, mode, earlier
            )
            title = f"Many edits: {choice.words}"
            jobs.submit("many-edits", question, title)
            st.rerun()
        st.caption(_cost(look, n), width="stretch")


def _mode(look: Look) -> Mode:
    modes = [mode for mode in MODES if mode != "together" or look.form.writes_many]
    chosen = st.segmented_control(
        "How they are written",
        modes,
        default="alone",
        required=True,
        format_func=_MODES.__getitem__,
        key=f"many-mode-{len(modes)}",
        help="Each alone: every request on the unedited model, asked under its own edit; what is stored is not "
        "computed again. One after another: a growing stack, everything asked under all of it. All as one edit: for "
        "methods that write many facts at once (MEMIT and its relatives).",
    )
    return chosen or "alone"


def _earlier(look: Look) -> tuple[str, ...]:
    if not look.edits:
        return ()
    return look.edits if st.toggle(f"On top of {look.names}", False, key="many-on-top") else ()


def _cost(look: Look, n: int) -> str:
    found = price(cached.workbench().store, look.card.fingerprint, look.form.name, session.model().source)
    each = 2 * found.seconds_per_edit  # a sweep reads no texts of probes
    return (
        f"Roughly {duration(n * each)}: twice what such an edit costs in a sweep ({found.source}), since every probe "
        "is read out. Cancel at any time; each alone goes on from where it stopped."
    )


# Results --------------------------------------------------------------------------------------------------------------


def _results(look: Look, run: RunManifest, found: ManyEdits) -> None:
    with st.container(horizontal=True, gap="medium", key="many-rates"):
        for rate in found.rates:
            st.metric(
                f"{rate.kind.capitalize()}, as wished",
                percent(rate.good / rate.n_probes),
                width="content",
                help=f"{rate.good:,} of {rate.n_probes:,} probes of {rate.n_requests:,} requests: "
                f"{edit_result.KIND_WORDS[rate.kind]}. Mean over requests {percent(rate.mean)}.",
            )
        for kind in found.not_asked:
            st.metric(
                f"{kind.capitalize()}, as wished", NOT_ASKED, width="content", help="No request has such a probe."
            )
        st.metric(
            "Weight change",
            percent(found.weight_change),
            width="content",
            help="Frobenius norm relative to the matrices changed: of everything together, or the mean of edits alone.",
        )
    st.caption(escape(f"{_counts(found)}; {count(found.n_requests, 'request')} of {found.dataset}. {found.definition}"))
    if found.skipped:
        with st.expander(f"{count(len(found.skipped), 'request')} could not be written", icon=":material/block:"):
            for case, reason in found.skipped[:50]:
                st.markdown(f"**{escape(case)}**: {escape(reason)}")
    kept = _filtered(found)
    _table(found, kept)
    _downloads(run, found)
    if kept:
        _detail(look, run, found, kept)
    about = found.provenance
    parts = (found.model, f"{about.get('device', '?')}, {about.get('dtype', '?')}", f"torch {about.get('torch', '?')}")
    ours = (f"layer {found.layer}: {about.get('layer', '')}", f"fingerprint {found.fingerprint[:8]}", run.run_id)
    rules = filter(None, (earlier_rules(run),))
    st.caption(escape(" · ".join((*parts, *rules, *ours, f"{duration(found.seconds)} for {found.n_computed} of them"))))


def _counts(found: ManyEdits) -> str:
    """Probes as wished of each kind, in the end and, where that was asked, at each fact's own time."""
    then = {own.kind: f" (at its own time {own.good:,})" for own in found.own_rates}
    asked = [f"{rate.kind} {rate.good:,} of {rate.n_probes:,}{then.get(rate.kind, '')}" for rate in found.rates]
    return ", ".join((*asked, *(f"{kind} {NOT_ASKED}" for kind in found.not_asked)))


def _filtered(found: ManyEdits) -> list[int]:
    """Requests that pass the filter, by number."""
    kept = {name: [i for i, r in enumerate(found.reports) if test(r)] for name, (_, test) in _FILTERS.items()}
    chosen = st.segmented_control(
        "Show",
        tuple(_FILTERS),
        default="all",
        required=True,
        format_func=lambda name: f"{_FILTERS[name][0]} ({len(kept[name])})",
        key="many-filter",
    )
    return kept[chosen or "all"]


def _table(found: ManyEdits, kept: list[int]) -> None:
    if not kept:
        st.success("No request is left by this filter.", icon=":material/check:")
        return
    rates = [found.reports[i].rates() for i in kept]
    frame = pd.DataFrame(
        {
            "request": [i + 1 for i in kept],
            "took": ["✓" if found.reports[i].took else "✗" for i in kept],
            "prompt": [found.reports[i].prompt for i in kept],
            "new answer": [found.reports[i].target_new for i in kept],
            "before": [found.reports[i].before.answer for i in kept],
            "after": [found.reports[i].after.answer for i in kept],
            **{
                kind: [f"{r[kind][0]} of {r[kind][1]}" if kind in r else NOT_ASKED for r in rates]
                for kind in PROBE_KINDS[1:]
            },
            "P(new) after": [percent(found.reports[i].after.target_new_probability) for i in kept],
        }
    )
    st.dataframe(frame, width="stretch", hide_index=True, height=min(38 + 35 * len(frame), 420), key="many-table")
    st.caption("Answers are greedy text. Probes as wished (docs/judging.md), out of all of their kind.")


def _downloads(run: RunManifest, found: ManyEdits) -> None:
    with st.container(horizontal=True):
        for name, frame in (("requests", found.to_frame), ("probes", found.probes_frame)):
            st.download_button(
                f"{name.capitalize()} as CSV",
                lambda frame=frame: csv_text(frame()),
                f"{run.run_id}-{name}.csv",
                "text/csv",
                key=f"many-csv-{name}",
                icon=":material/download:",
                on_click="ignore",
            )
        buttons(run.run_id, "many")


def _detail(look: Look, run: RunManifest, found: ManyEdits, kept: list[int]) -> None:
    """One request with every probe, and the way to the bench."""
    chosen = st.selectbox(
        "Request, with every probe",
        kept,
        format_func=lambda i: f"{i + 1}. {shorten(found.reports[i].prompt, 80)} → {found.reports[i].target_new}",
        key=f"many-request-{run.run_id}",
        help="Type to search.",
    )
    report = found.reports[chosen if chosen in kept else kept[0]]
    st.markdown(f"**{escape(report.verdict)}**")
    edit_result.probes(report, "many")
    if found.fingerprint != look.card.fingerprint:
        st.caption("Made on another model than the one in memory; load that one to open it in the bench.")
        return
    job = jobs.waiting("edit")
    busy = job is not None and job.active
    if found.mode == "alone":
        if st.button("Open in the bench", key="many-open", icon=":material/edit:", disabled=busy):
            _open(run, found, chosen)
        st.caption("Makes the edit again, which gives the same one, and lays it on the stack on show.")
    elif st.button(
        f"Lay {count(len(found.edit_ids), 'edit')} on stack {look.stack}", key="many-stack", icon=":material/layers:"
    ):
        kept_now = stacks.stack(look.stack)
        stacks.put(look.stack, of.add(kept_now, *found.edit_ids))
        st.rerun()


def _open(run: RunManifest, found: ManyEdits, index: int) -> None:
    asked = cached.asked(ManyEditsQuestion, run.run_id)
    choice: DatasetChoice = asked.choice
    try:
        request = cached.by_digest(choice.dataset).get(found.request_digests[index])
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    if request is None:
        st.error("The dataset no longer holds this request; open the dataset again.", icon=":material/error:")
        return
    session.open_request(request.digest)
    controls.start(EditQuestion(asked.model, plain(request), found.method, found.layer, asked.settings, asked.earlier))
