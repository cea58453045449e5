"""Where it acted: old and new target through the layers, without and with the stack."""

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results import EditReport
from pages._edit.stacks import Look
from pages._shared import cached, session, show
from pages._shared.wording import escape, sentence


def section(look: Look) -> None:
    """A prompt and two targets, those of the edit on show until others are written."""
    if look.nothing_on("before and after are the same"):
        return
    prompt, new, old = _asked(look.report)
    try:
        with st.spinner("Reading the residual stream"):
            found = cached.lens(session.model(), look.edits, prompt, new, old)
    except GoldenLayersError as error:
        st.warning(sentence(error), icon=":material/edit_off:")
        return
    name = f"{look.edits[-1][:8]}-{len(look.edits)}"
    st.caption(escape(f"Before: the unedited model. After: {look.names}."))
    show.figure(figures.lens_curves(found, session.dark()), f"lens-{name}", found.to_frame())
    st.header("What attention and MLPs add")
    if found.why_not:
        st.info(f"{escape(found.why_not)} The parts are not told.", icon=":material/info:")
    else:
        show.figure(figures.lens_parts(found, session.dark()), f"lens-parts-{name}", found.to_frame())
    st.caption(
        escape(f"{found.model} · {found.provenance['device']}, {found.provenance['dtype']} · one prompt, last token")
    )


def _asked(report: EditReport | None) -> tuple[str, str, str]:
    """What is looked at; it follows the edit on show until something else is written."""
    wanted = (report.prompt, report.target_new, report.target_true) if report is not None else ("", "", "")
    if st.session_state.get("lens-of") != wanted:
        st.session_state["lens-of"] = wanted
        for key, text in zip(("lens-prompt", "lens-new", "lens-old"), wanted, strict=True):
            st.session_state[key] = text
    prompt = st.text_input(
        "Prompt", key="lens-prompt", persist_state="session", help="Any prompt; read at its last token."
    )
    one, two = st.columns(2)
    new = one.text_input("New target", key="lens-new", persist_state="session")
    old = two.text_input("Old target", key="lens-old", persist_state="session")
    return str(prompt or "").rstrip(), str(new or "").strip(), str(old or "").strip()
