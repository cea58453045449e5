"""Edit: what happens if I edit here?"""

from typing import Final

import streamlit as st

from pages._shared import (
    edit_controls,
    edit_covariance,
    edit_did,
    edit_export,
    edit_kept,
    edit_layers,
    edit_lens,
    edit_many,
    edit_panel,
    edit_request,
    edit_sides,
    edit_stack,
    frame,
    glossary,
    jobs,
    link,
    session,
)

# name in the address and key, title, what draws it from a `Look`
VIEWS: Final = (
    ("did", "What it did", edit_did.section),
    ("panel", "Blast radius", edit_panel.section),
    ("lens", "Where it acted", edit_lens.section),
    ("sides", "Side by side", edit_sides.section),
    ("layers", "Every layer", edit_layers.section),
    ("covariance", "Key covariance", edit_covariance.section),
    ("many", "Many edits", edit_many.section),
    ("take", "Take it away", edit_export.section),
)

frame.enter()
st.title("Edit")
glossary.introduce(
    "What happens if a fact is written into one layer? Edits lie over the model while it answers, one on top of the "
    "other; no weight is changed."
)
card = session.card()
if card is None:
    link.say_choices(session.model(), session.choice())
    edit_controls.load()
    frame.stop()

found = session.recommendation()
left, right = st.columns([3, 2], gap="large")
with left:
    request = edit_request.choose()
    form, settings = edit_controls.method()
with right:
    layer = edit_controls.layer(card, found, form, settings)
    below = edit_controls.base(edit_kept.active(), card.fingerprint)
    edit_controls.button(request, form, settings, layer, below)
jobs.follow("edit", edit_kept.add)

look = edit_kept.look(card, found, request, form, settings, layer)
edit_stack.section(card, look.run_id)

titles = {name: title for name, title, _ in VIEWS}
link.option("view", "edit-view", tuple(titles))
view = st.segmented_control(
    "Look at",
    tuple(titles),
    default=VIEWS[0][0],
    required=True,
    format_func=titles.__getitem__,
    key="edit-view",
    persist_state="session",
)
link.say_choices(session.model(), session.choice())
link.say(view=view, run=None if view == "many" else look.run_id)
next(section for name, _, section in VIEWS if name == (view or VIEWS[0][0]))(look)
