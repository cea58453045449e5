"""Ground truth: which layer, and how sure?"""

import streamlit as st

from pages._shared import cached, frame, glossary
from pages._truth import card as truth_card
from pages._truth import start, views

frame.enter()
st.title("Ground truth")
glossary.introduce("Which layer, and how sure?")
run = start.open_run()
if run is None:
    start.empty()
    start.controls()
else:
    start.more()
start.follow()

if run is None:
    unjudged = truth_card.unjudged()
    if unjudged is not None:
        truth_card.known_so_far(unjudged)
        if unjudged.pick("search").run_id:
            views.race(unjudged)
else:
    sweep = cached.sweep(run.run_id)
    card = truth_card.of_sweep(run, sweep)
    truth_card.headline(card, run, sweep)
    truth_card.skipped(sweep)
    truth_card.pictures(card, truth_card.real_curve(sweep), run.run_id)
    views.views(card, sweep, run.run_id)
