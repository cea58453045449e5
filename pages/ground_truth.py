"""Ground truth: which layer, and how sure?"""

import streamlit as st

from goldenlayers_core.tasks.real_edits import data_of, used_in
from pages._shared import cached, frame, glossary, layer_stack
from pages._truth import card, needed, start, views

frame.enter()
st.title("Ground truth")
glossary.introduce("Which layer, and how sure?")
stack = st.container()
run = start.open_run()
if run is None:
    with stack:
        layer_stack.draw("truth")
    start.empty()
    start.shipped()
    start.controls()
else:
    start.more(run)
start.follow()

if run is None:
    unjudged = card.unjudged()
    if unjudged is not None:
        card.known_so_far(unjudged)
        if unjudged.pick("search").run_id:
            views.race(unjudged)
else:
    sweep = cached.sweep(run.run_id)
    with stack:
        layer_stack.draw("truth", used=used_in(run), of=sweep, data=data_of(run))
    judged = card.of_sweep(run, sweep)
    card.headline(judged, run, sweep)
    card.skipped(sweep)
    card.pictures(judged, card.real_curve(sweep), run.run_id)
    card.literature(judged)
    needed.needed(sweep, run.run_id)
    views.views(judged, sweep, run.run_id)
