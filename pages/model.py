"""Which model is looked into?"""

import streamlit as st

from pages._shared import controls_model, discovery, frame, gemma, glossary, jobs, link, session, show_model

frame.enter()
st.title("Model")
glossary.introduce("Which language model is looked into? It stays on this machine, and its weights are never changed.")

job = jobs.follow("load")
link.say_choices(session.model())
card = session.card()
if card:
    show_model.card(card)
    st.page_link("pages/dataset.py", label="Next: choose the facts", icon=":material/arrow_forward:")
elif not (job and job.active):
    st.info("No model is in memory yet. The bundled one is ready: press Load.", icon=":material/info:")

st.header("Load another model" if card else "Load a model")
asked = controls_model.source()
if asked:
    jobs.submit_model(asked)
    st.rerun()
discovery.proposal()
show_model.presets()
show_model.families()
controls_model.on_this_machine()
gemma.offer()
