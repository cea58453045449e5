"""Blast radius: what the stack changes where nothing was meant to change, and whether the model is collapsing."""

from html import escape as html

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import number, percent
from goldenlayers_core.results.edit.panel import PanelResult
from goldenlayers_core.tasks.edit.stored import open_panel, panel_name
from goldenlayers_core.tasks.questions import PanelQuestion
from pages._edit import parts
from pages._edit.stacks import Look
from pages._shared import cached, jobs, session, show
from pages._shared.wording import duration, escape, shorten


def section(look: Look) -> None:
    """The panel under the stack on show; measured in the background, and kept."""
    if look.nothing_on("nothing has moved"):
        return
    found = _stored(look)
    if found is None:
        st.markdown(
            f"240 general prompts that know nothing of the edits are asked without and with {escape(look.names)}: "
            "facts, arithmetic, code, grammar, everyday sentences, lists, translations, explanations."
        )
        busy = jobs.busy("panel")
        if st.button("Measure the blast radius", type="primary", key="panel", icon=":material/radar:", disabled=busy):
            jobs.submit("panel", PanelQuestion(session.model(), look.edits), f"Blast radius of {look.names}")
            st.rerun()
        st.caption("About five seconds on two cores; the side before the edits is measured once per model and kept.")
    jobs.follow("panel")
    if found is not None:
        _shown(found)


def _stored(look: Look) -> PanelResult | None:
    name = panel_name(look.card.fingerprint, look.card.dtype, look.edits)
    try:
        return open_panel(cached.workbench().store, name)
    except GoldenLayersError:
        return None


def _shown(found: PanelResult) -> None:
    guard, name = found.guard, found.edit_ids[-1][:12] + str(len(found.edit_ids))
    with st.container(border=True, key="panel-guard"):
        parts.lamp(guard.colour, {"green": "No collapse", "amber": "Caution", "red": "Collapse"}[guard.colour])
        st.markdown(f"**{escape(guard.words)}**")
    show.figure(figures.panel_strip(found, session.dark()), f"panel-{name}", found.to_frame())
    st.header("The prompts that moved most")
    _worst(found)
    st.header("As edits pile up")
    show.figure(figures.guard_curve(found, session.dark()), f"guard-{name}", found.curve_frame())
    st.caption(
        f"{escape(found.model)} · {found.provenance.get('device', '?')}, {found.provenance.get('dtype', '?')} · torch "
        f"{escape(found.provenance.get('torch', '?'))} · measured in {duration(found.seconds)}"
    )


def _worst(found: PanelResult) -> None:
    heads = ("nats", "prompt", "before and after", "next tokens before", "after")
    show.cells(heads, (_row(found, answer.index, answer.before, answer.after) for answer in found.answers))
    st.caption(
        "Greedy text of ten tokens without and (bold) with the stack; the three likeliest next tokens of either side."
    )


def _row(found: PanelResult, index: int, before: str, after: str) -> str:
    prompt = found.prompts[index]
    tokens = (
        "<br>".join(f"{html(token.strip() or '␣')}&nbsp;{percent(p).replace(' ', '&nbsp;')}" for token, p in side[:3])
        for side in (found.tops_before[index], found.tops_after[index])
    )
    return "".join(
        (
            f"<td class='gl-number'>{number(float(found.divergence[index]))}</td>",
            f"<td class='gl-wide'>{html(prompt.prompt)}<br><span class='gl-quiet'>{html(prompt.kind)}</span></td>",
            f"<td class='gl-wide'>{html(shorten(before, 80))}<br><strong>{html(shorten(after, 80))}</strong></td>",
            *(f"<td class='gl-number'>{side}</td>" for side in tokens),
        )
    )
