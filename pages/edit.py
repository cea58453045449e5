"""Edit: what happens if I edit here?"""

from typing import Final

import streamlit as st

from goldenlayers_core.results.truth.measured import method_used
from pages._edit import (
    controls,
    covariance,
    export,
    layers,
    lens,
    many,
    outcome,
    panel,
    request,
    sides,
    stack,
    stacks,
    travel,
)
from pages._shared import fold, frame, glossary, jobs, layer_stack, link, session

# name in the address and key, title, what draws it from a `Look`
VIEWS: Final = (
    ("did", "What it did", outcome.section),
    ("panel", "Blast radius", panel.section),
    ("travel", "Through the model", travel.section),
    ("lens", "Where it acted", lens.section),
    ("sides", "Side by side", sides.section),
    ("layers", "Every layer", layers.section),
    ("covariance", "Key covariance", covariance.section),
    ("many", "Many edits", many.section),
    ("take", "Take it away", export.section),
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
    controls.load()
    if outcome.kept():
        link.say(run=session.edit_run())
    frame.stop()

with controls.inputs(stacks.shown(stacks.active(), card.fingerprint)[0] is not None):
    left, right = st.columns([3, 2], gap="large")
    with left:
        asked = request.choose()
        form, settings = controls.method()
    found = session.recommendation(method_used(form.name, settings))
    with right:
        layer = controls.layer(card, found, form, settings)
        below = controls.base(stacks.active(), card.fingerprint)
        controls.button(asked, form, settings, layer, below)
jobs.follow("edit", stacks.add)

look = stacks.look(card, found, asked, form, settings, layer)
with fold.on_phone("edit-layers", "The model's layers"):
    layer_stack.draw("edit", look.edited, method_used(form.name, settings))
with fold.on_phone("edit-stack", "Edits made"):
    stack.section(card, look.run_id)

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
