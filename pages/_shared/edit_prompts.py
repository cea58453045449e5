"""Free prompts, asked of the model without and with the edit on show."""

from html import escape as html
from typing import TYPE_CHECKING

import streamlit as st

from goldenlayers_core.figures.text import number
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import EditReport
from pages._shared import cached, session
from pages._shared.edit_kept import Look

if TYPE_CHECKING:
    from goldenlayers_core.evaluation import Tried

MOST = 8


def section(look: Look) -> None:
    """Free prompts, before and after the edit on show."""
    if look.report is not None:
        free_prompts(look.report, session.model())


def free_prompts(report: EditReport, model: ModelSource) -> None:
    """A text area, one prompt a line, and the answers before and after."""
    st.subheader("Try your own prompts")
    with st.form("edit-try", border=False):
        text = st.text_area(
            f"Prompts, one per line (at most {MOST})",
            key="edit-prompts",
            persist_state="session",
            height=110,
            placeholder=f"{report.prompt}\n{report.subject} is",
        )
        asked = st.form_submit_button("Ask the model, before and after", icon=":material/forum:")
    prompts = tuple(dict.fromkeys(line.strip() for line in str(text or "").splitlines() if line.strip()))
    if not prompts:
        if asked:
            st.warning("There is no prompt; write at least one line.", icon=":material/edit_off:")
        return
    if len(prompts) > MOST:
        st.warning(f"There are {len(prompts)} prompts; the first {MOST} are asked.", icon=":material/content_cut:")
    with st.spinner("Asking the model, before and after"):
        found = cached.tried(model, (report.edit_id,), prompts[:MOST])
    rows = "".join(map(_row, found))
    st.html(
        "<div class='gl-scroll'><table class='gl-table'><thead><tr><th>prompt</th><th>before</th>"
        f"<th>after, with the edit at layer {report.layer}</th><th>answer</th><th>next token moved, nats</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )
    st.caption("Greedy text of ten tokens. Next token moved: KL(before || after), in nats; 0 is unmoved.")


def _row(tried: "Tried") -> str:
    same = "same" if tried.before.answer == tried.after.answer else "changed"
    cells = (
        f"<td class='gl-wide'>{html(tried.prompt)}</td>",
        f"<td class='gl-wide'>{html(tried.before.answer)}</td>",
        f"<td class='gl-wide'><strong>{html(tried.after.answer)}</strong></td>",
        f"<td>{same}</td>",
        f"<td class='gl-number'>{number(tried.divergence)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"
