"""What the edit on show did: the light, before and after, every probe, its cost, and how it stands beside others."""

import dataclasses
from html import escape as html
from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import percent, shorten
from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit import stack as of
from goldenlayers_core.results.edit.light import RULE, Check, answered_before, is_written_on, light
from goldenlayers_core.results.formats import NOT_ASKED
from goldenlayers_core.tasks.judging import earlier_rules
from goldenlayers_core.tasks.layer_options import layer_options
from goldenlayers_core.tasks.manifest import model_of
from pages._edit import controls, parts, stacks
from pages._edit.stacks import Look
from pages._shared import cached, fold, jobs, note, present_link, session, show
from pages._shared.report import buttons
from pages._shared.wording import count, escape, precise

_VERDICTS: Final = {"green": "As wished", "amber": "With a caution", "red": "Not as wished"}
_MARKS: Final = {"good": ("gl-yes", "✓"), "poor": ("gl-no", "✗"), "none": ("gl-quiet", "·")}


def section(look: Look) -> None:
    """What the edit on show did, when it was made."""
    run_id, report = look.run_id, look.report
    if run_id is None or report is None:
        controls.empty()
        return
    if look.is_foreign:
        _of_another_model(run_id)
    _headline(run_id, report, look.stack)
    if not look.is_foreign:
        _another_layer(look, run_id, report)
    _said(run_id, report)
    _comparison(look)
    with fold.on_phone("edit-cost", "What it cost"):
        st.header("What it cost")
        parts.cost(run_id, report)


def kept() -> bool:
    """The edit on show as it was kept, where its model is not in memory; whether there is one."""
    run_id = session.edit_run()
    try:
        report = cached.report(run_id) if run_id else None
    except GoldenLayersError:
        report = None
    if run_id is None or report is None:
        return False
    _headline(run_id, report, "")
    _said(run_id, report)
    return True


def _said(run_id: str, report: EditReport) -> None:
    """What the model says without and with the edit, to the prompt and to every probe."""
    st.header(f"Before and after, {parts.where(report)}")
    parts.before_and_after(report)
    drawn = figures.top_tokens(report.before, report.after, session.dark())
    show.figure(drawn, f"tokens-{run_id}", report.tokens_frame())
    st.header("Every probe")
    parts.probes(report, "edit")
    show.figure(figures.probe_changes(report, session.dark()), f"probes-{run_id}", report.to_frame())


def _of_another_model(run_id: str) -> None:
    """Whose edit it is, and the way to work on with it: nothing here makes it again on a model that is not chosen."""
    run = cached.workbench().store.manifest(run_id)
    source = model_of(run)
    with st.container(horizontal=True, vertical_alignment="center", key="edit-foreign"):
        st.markdown(
            f":material/info: An edit of {escape(run.model)}, which is not this session's model.", width="content"
        )
        if source is not None and st.button(f"Work on {run.model}", key="edit-take-model", icon=":material/memory:"):
            session.choose_model(source)
            session.show_edit_run(run_id)
            st.rerun()


def _headline(run_id: str, report: EditReport, stack: str) -> None:
    """The light, the verdict, what the light stands for, and the way into or out of the stack ("": there is none)."""
    found = light(report, stacks.card_of(report.edit_id))
    with st.container(border=True, key="edit-verdict"):
        parts.lamp(found.colour, _VERDICTS[found.colour])
        st.markdown(f"## {escape(found.words)}")
        st.markdown(f"{escape(report.prompt)} … {escape(report.target_true)} **→** {escape(report.target_new)}")
        note.shown(note.of(run_id), 1_000)
        if is_written_on(report):
            st.info(
                f"A short answer can be the beginning of another word. The model begins with "
                f"“{escape(report.target_new.strip())}”, but says another word with it, so the fact is not told. Write "
                "an answer that no longer word begins with, or the whole word that you mean.",
                icon=":material/text_fields:",
            )
        if rules := earlier_rules(cached.workbench().store.manifest(run_id)):
            st.caption(f":material/gavel: This report was {rules} (Runs, under More).")
        if answered_before(report):
            st.warning(
                "A no-op: the model gave the new answer before the edit already, so this says nothing about the layer.",
                icon=":material/block:",
            )
        show.cells((), map(_check, found.checks), "gl-checks")
        _in_or_out(run_id, report, stack)
        below = report.provenance.get("on top of", "")
        with st.expander("What the light stands for, and where it is from", icon=":material/info:", key="edit-remarks"):
            st.caption(
                escape(
                    f"{parts.made(report)}; 1 request, {count(len(report.outcomes), 'probe')}. "
                    + (f"Before: the model with {below} below it. " if below else "")
                    + RULE
                )
            )
            st.caption("The base model was never changed: an edit lies over it, so that undo is dropping it.")


def _check(check: Check) -> str:
    look, mark = _MARKS[check.state]
    return (
        f"<td class='{look}'>{mark}</td><td class='gl-word'>{check.name}</td>"
        f"<td class='gl-wide'>{html(check.words)}</td>"
    )


def _in_or_out(run_id: str, report: EditReport, stack: str) -> None:
    """Undo, where the edit is in the stack; the way into it, where it is not."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if not stack:
            st.caption("Load its model to lay it on a stack, or to edit on.")
        elif report.edit_id in stacks.stack(stack).edit_ids:
            if st.button("Undo this edit", key="undo", icon=":material/undo:"):
                stacks.put(stack, of.drop(stacks.stack(stack), report.edit_id))
                session.show_edit_run(None)
                st.toast("Undone: the edit is dropped, and the base model is as it always was.", icon=":material/undo:")
                st.rerun()
        elif stacks.card_of(report.edit_id) is None:
            st.caption("Its factors cannot be read by this version, so it cannot be laid on a stack; make it again.")
        elif st.button(f"Lay it on stack {stack}", key="lay", icon=":material/layers:"):
            stacks.add(run_id)
            st.rerun()
        present_link.link(run_id)
        buttons(run_id, "edit")


def _another_layer(look: Look, run_id: str, report: EditReport) -> None:
    """The same request and settings at another layer, one click away."""
    if look.form.kind == "prompt":
        return
    fact = (report.prompt, report.target_new, report.method)
    tried = {r.layer for r in _reports(look.stack) if (r.prompt, r.target_new, r.method) == fact}
    busy, last = jobs.busy("edit"), look.card.n_layers - 1

    def start_at(layer: int) -> None:
        controls.start(dataclasses.replace(stacks.question(run_id), layer=layer))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**The same request at**", width="content")
        for option in layer_options(look.card.n_layers, look.found):
            if option.layer in tried:
                continue
            label = f"layer {option.layer} ({option.called})"
            if st.button(label, key=f"beside-{option.layer}", help=escape(option.why), disabled=busy):
                start_at(option.layer)
        beside = report.layer + 1 if report.layer < last else max(report.layer - 1, 0)
        at = st.number_input(
            "Another layer", 0, last, beside, key=f"beside-{run_id}", label_visibility="collapsed", width=130
        )
        if st.button("Try this layer", key="beside-any", icon=":material/compare_arrows:", disabled=busy):
            start_at(int(at))


def _reports(name: str) -> list[EditReport]:
    """Reports of a stack's edits, from the bottom, of those that were measured here."""
    found = []
    for edit_id in stacks.stack(name).edit_ids:
        try:
            found.append(cached.report(cached.edit_card(edit_id).run_id))
        except GoldenLayersError:
            continue
    return found


def _comparison(look: Look) -> None:
    """The numbers of every edit of the stack; nothing while there is one edit only."""
    found = _reports(look.stack)
    if len(found) < 2:
        return
    title = f"The edits of stack {look.stack}, one by one"
    with fold.on_phone("edit-comparison", title):
        st.header(title)
        st.dataframe(
            pd.DataFrame([_row(report) for report in found]),
            width="stretch",
            hide_index=True,
            key="edit-comparison",
            alt="The edits of this stack: layer, whether it took, probes as wished, weight change, time",
        )
        st.caption(
            "Each edit as it was measured when it was made: with the edits it was computed on below it, and none above "
            "it. Probes as wished, out of all of their kind."
        )


def _row(report: EditReport) -> dict[str, str | int]:
    rates = {kind: f"{good} of {total}" for kind, (good, total) in report.rates().items()}
    return {
        "layer": report.layer,
        "method": report.method,
        "took": "✓ yes" if report.took else "✗ no",
        **{kind: rates.get(kind, NOT_ASKED) for kind in PROBE_KINDS},
        "P(new) after": percent(report.after.target_new_probability),
        "weight change": percent(report.weight_change),
        "time": precise(report.seconds),
        "request": f"{shorten(report.prompt, 60)} → {shorten(report.target_new, 24)}",
    }
