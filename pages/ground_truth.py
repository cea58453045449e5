"""Ground truth: which layer, and how sure?"""

import streamlit as st

from pages._shared import cached, frame, glossary, truth_card, truth_start, truth_views

frame.enter()
st.title("Ground truth")
glossary.introduce("Which layer, and how sure?")
run = truth_start.open_run()
if run is None:
    truth_start.empty()
    truth_start.controls()
else:
    truth_start.more()
truth_start.follow()

if run is None:
    unjudged = truth_card.unjudged()
    if unjudged is not None:
        truth_card.known_so_far(unjudged)
        if unjudged.pick("search").run_id:
            truth_views.race(unjudged)
else:
    sweep = cached.sweep(run.run_id)
    card = truth_card.of_sweep(run, sweep)
    truth_card.headline(card, run, sweep)
    truth_card.skipped(sweep)
    truth_card.pictures(card, truth_card.real_curve(sweep), run.run_id)
    truth_views.views(card, sweep, run.run_id)
