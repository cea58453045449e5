"""Layer scores: which layer, by gradients?"""

import streamlit as st

from pages._shared import (
    cached,
    frame,
    glossary,
    jobs,
    scores_card,
    scores_controls,
    scores_pictures,
    scores_request,
    session,
)

frame.enter()
st.title("Layer scores")
glossary.introduce("Which layer should be edited, judged by gradients alone?")
asked = scores_controls.start_bar()
jobs.follow("score", session.show_score_run)

run = scores_controls.open_run()
if run is None:
    scores_controls.empty(asked)
else:
    run_id = run.run_id
    scores, selection = cached.scores(run_id)
    scores_pictures.clicked(run_id, scores)
    scores_card.card(scores, selection, run_id, scores_controls.is_bundled(run))

    st.header("Every request at every layer")
    scores_pictures.heatmap(scores, selection, run_id)

    st.header("One request")
    scores_request.profile(scores, scores_request.choose(scores), selection)

    st.header("All requests together")
    by_relation = scores_pictures.split_by_relation(scores)
    left, right = st.columns(2, gap="large")
    with left:
        scores_pictures.sums(selection, run_id)
    with right:
        scores_pictures.distribution(scores, selection, run_id, by_relation)
