"""Edit: what happens if I edit here?"""

import streamlit as st

from pages._shared import (
    edit_compare,
    edit_controls,
    edit_kept,
    edit_prompts,
    edit_request,
    edit_result,
    frame,
    jobs,
    session,
)

frame.enter()
st.title("Edit")
st.markdown(
    "What happens if a fact is written into one layer? The edit lies over the model while it answers; no weight is "
    "changed."
)
card = session.card()
if card is None:
    edit_controls.load()
    st.stop()

found = session.recommendation()
left, right = st.columns([3, 2], gap="large")
with left:
    request = edit_request.choose()
    form, settings = edit_controls.method()
with right:
    layer = edit_controls.layer(card, found)
    edit_controls.button(request, form, settings, layer)
jobs.follow("edit", edit_kept.add)

reports = edit_kept.reports()
shown = edit_kept.shown(reports)
if shown is None:
    edit_controls.empty()
else:
    report = reports[shown]
    st.header("What this edit did")
    edit_result.headline(shown, report)
    edit_compare.another_layer(shown, reports, card, found)
    edit_compare.side_by_side(shown, reports)

    st.header(f"Before and after, layer {report.layer}")
    edit_result.before_and_after(report)
    edit_result.tokens(shown, report)

    st.header("Every probe")
    edit_result.probes(report)
    edit_result.changes(shown, report)

    edit_prompts.free_prompts(report, session.model())

    st.header("What it cost")
    edit_result.cost(shown, report)
