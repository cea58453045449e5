"""Layer scores: which layer, by gradients?"""

import streamlit as st

from goldenlayers_core.tasks.real_edits import data_of
from goldenlayers_core.tasks.scores.predicting import judged_by
from pages._scores import card, controls, pictures, request, second_looks
from pages._shared import beside, cached, fold, frame, glossary, jobs, layer_stack, session

frame.enter()
st.title("Layer scores")
glossary.introduce("Which layer should be edited, judged by gradients alone?")
asked = controls.start_bar()
jobs.follow("score", session.show_score_run)

stack = st.container()
run = controls.open_run()
if run is None:
    with stack:
        layer_stack.draw("scores")
    controls.empty(asked)
else:
    run_id = run.run_id
    scores, selection = cached.scores(run_id)
    with stack:
        used = judged_by(scores) if scores.covariance else None
        layer_stack.draw("scores", used=used, of=scores, data=data_of(run))
    opened = pictures.clicked(run_id, scores)
    with fold.on_phone("scores-card", "The layer that these scores name", pictures.by_address()):
        card.card(scores, selection, run_id)
        second_looks.second_looks(scores, selection)

    st.header("Every request at every layer")
    left, right = st.columns([3, 2], gap="medium")
    with right, beside.panel("scores", opened):
        index = request.choose(scores)
        request.panel(scores, index, selection, run_id)
    with left:
        pictures.heatmap(scores, selection, run_id, index)
    with fold.on_phone("scores-request", "This request over the layers"):
        request.profile(scores, index, selection)

    with fold.on_phone("scores-together", "All requests together"):
        st.header("All requests together")
        pictures.together(scores, selection, run_id)
