"""Which facts is the layer chosen on?"""

import streamlit as st

from pages._shared import cached, controls_dataset, frame, glossary, link, session, show_dataset, upload
from pages._shared.wording import count, escape

frame.enter()
st.title("Dataset")
glossary.introduce(
    "Which facts is the layer chosen on? Each is a *request*: a prompt, the answer that is true today, and the answer "
    "to write instead."
)
st.markdown(f"**In use:** {escape(session.choice().words)}")

upload.follow_mapping()
name = controls_dataset.dataset()
if name is not None:
    found = cached.dataset(name)
    st.header("What was read")
    show_dataset.summary(found)
    upload.columns_of(name, found)

    st.header("Which of them to use")
    part = controls_dataset.part(name, found)
    if part is not None:
        link.say_choices(session.model() if part.known_only else None, part)
        controls_dataset.knowledge(part)
        in_use = part == session.choice()
        with st.container(horizontal=True, vertical_alignment="center"):
            label = "These requests are in use" if in_use else controls_dataset.use_label(part)
            act = session.choose_dataset
            st.button(label, "use-dataset", on_click=act, args=(part,), type="primary", disabled=in_use)
            st.page_link("pages/layer_scores.py", label="Next: score the layers", icon=":material/arrow_forward:")

        listed = controls_dataset.listed(part)
        requests, report = st.tabs([count(len(listed), "request").capitalize(), "Report by row"])
        with requests:
            show_dataset.requests(listed, name)
        with report:
            show_dataset.report(found)
