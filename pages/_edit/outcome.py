"""What the edit on show did: the light, before and after, every probe, and what it cost."""

from collections.abc import Mapping
from html import escape as html
from typing import Final, Literal

import streamlit as st

from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit import stack as of
from goldenlayers_core.results.edit.light import RULE, Check, Colour, answered_before, light
from pages._edit import compare, controls, parts, stacks
from pages._edit.stacks import Look
from pages._shared import note, present_link, session
from pages._shared.report import buttons
from pages._shared.wording import count, escape


def section(look: Look) -> None:
    """What the edit on show did, when it was made."""
    run_id, report = look.run_id, look.report
    if run_id is None or report is None:
        controls.empty()
        return
    headline(run_id, report, look.stack)
    compare.another_layer(look)
    st.header(f"Before and after, {parts.where(report)}")
    parts.before_and_after(report)
    parts.tokens(run_id, report)
    st.header("Every probe")
    parts.probes(report)
    parts.changes(run_id, report)
    compare.table(look)
    st.header("What it cost")
    parts.cost(run_id, report)


LAMPS: Final[Mapping[Colour, tuple[str, str, Literal["green", "orange", "red"]]]] = {
    "green": ("The edit took", ":material/check_circle:", "green"),
    "amber": ("It took, with a caution", ":material/warning:", "orange"),
    "red": ("The edit did not take", ":material/cancel:", "red"),
}
MARKS: Final = {"good": "✓", "poor": "✗", "none": "·"}


def _check(check: Check) -> str:
    look = {"good": "gl-yes", "poor": "gl-no", "none": "gl-quiet"}[check.state]
    return (
        f"<tr><td class='{look}'>{MARKS[check.state]}</td><td class='gl-word'>{check.name}</td>"
        f"<td class='gl-wide'>{html(check.words)}</td></tr>"
    )


def headline(run_id: str, report: EditReport, stack: str) -> None:
    """The light, the verdict, what the light stands for, and the way into or out of the stack."""
    found = light(report, parts.card_of(report))
    with st.container(border=True, key="edit-verdict"):
        label, icon, colour = LAMPS[found.colour]
        st.badge(label, icon=icon, color=colour)
        st.markdown(f"## {escape(found.words)}")
        st.markdown(f"{escape(report.prompt)} … {escape(report.target_true)} **→** {escape(report.target_new)}")
        note.shown(note.of(run_id), 1_000)
        st.markdown(escape(report.verdict))
        if answered_before(report):
            st.warning(
                "A no-op: the model gave the new answer before the edit already, so this says nothing about the layer.",
                icon=":material/block:",
            )
        rows = "".join(map(_check, found.checks))
        st.html(f"<div class='gl-scroll'><table class='gl-table gl-checks'><tbody>{rows}</tbody></table></div>")
        below = report.provenance.get("on top of", "")
        st.caption(
            escape(
                f"{parts.made(report)}; 1 request, "
                f"{count(len(report.outcomes), 'probe')}. "
                + (f"Before: the model with {below} below it. " if below else "")
                + RULE
            )
        )
        _in_or_out(run_id, report, stack)


def _in_or_out(run_id: str, report: EditReport, stack: str) -> None:
    """Undo, where the edit is in the stack; the way into it, where it is not."""
    there = report.edit_id in stacks.stack(stack).edit_ids
    with st.container(horizontal=True, vertical_alignment="center"):
        if there:
            if st.button("Undo this edit", key="undo", icon=":material/undo:"):
                stacks.put(stack, of.drop(stacks.stack(stack), report.edit_id))
                session.show_edit_run(None)
                st.toast("Undone: the edit is dropped, and the base model is as it always was.", icon=":material/undo:")
                st.rerun()
        elif parts.card_of(report) is None:
            st.caption("Its factors cannot be read by this version, so it cannot be laid on a stack; make it again.")
        elif st.button(f"Lay it on stack {stack}", key="lay", icon=":material/layers:"):
            stacks.add(run_id)
            st.rerun()
        present_link.link(run_id)
        buttons(run_id, "edit")
        st.caption("The base model was never changed: an edit lies over it, so that undo is dropping it.")
