"""Through the model: how the edit on show travels from the layer it is written into to the answer."""

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import shorten
from goldenlayers_core.results import EditReport
from goldenlayers_core.tasks.serial import request_from
from pages._edit import stacks
from pages._edit.stacks import Look
from pages._shared import cached, session, travel
from pages._shared.wording import count, escape, sentence


def section(look: Look) -> None:
    """The prompt of the edit on show, or one of its probes, without and with this one edit."""
    run_id, report = look.run_id, look.report
    if run_id is None or report is None:
        st.info("No edit is on show; make one above, or choose one of the stack.", icon=":material/edit_off:")
        return
    if look.is_foreign:
        st.info("The edit on show belongs to another model than the one in memory.", icon=":material/edit_off:")
        return
    prompt = _prompt(run_id, report)
    try:
        at = _at(run_id) if prompt == report.prompt else None
        with st.spinner("Reading every token after every layer"):
            found = cached.travel(session.model(), report.edit_id, prompt, at)
    except GoldenLayersError as error:
        st.warning(sentence(error), icon=":material/edit_off:")
        return
    travel.scrubber(found, "edit")
    below = f", with {count(found.n_below, 'edit')} below it, before and after" if found.n_below else ""
    about = found.provenance
    st.caption(
        escape(f"This edit alone{below}; {about['device']}, {about['dtype']}; one prompt, one forward pass each.")
    )


def _at(run_id: str) -> int | None:
    """Where a person or a file said that the subject stands; None where nobody did."""
    asked = stacks.question(run_id).request
    return request_from(asked).subject_at if asked else None


def _prompt(run_id: str, report: EditReport) -> str:
    """The rewrite prompt, until another probe of the edit is chosen."""
    kinds = {outcome.prompt: outcome.kind for outcome in reversed(report.outcomes)} | {report.prompt: "rewrite"}
    prompts = sorted(kinds, key=lambda prompt: prompt != report.prompt)
    return str(
        st.selectbox(
            "Prompt",
            prompts,
            format_func=lambda prompt: f"{kinds[prompt]}: {shorten(prompt, 110)}",
            key=f"travel-prompt-{run_id}",
        )
    )
