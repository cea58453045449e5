"""The hub searched by a part of a name, and the button that puts a found name into the form below."""

from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.hub_models import HubModel
from goldenlayers_core.tasks.hub_search import search
from pages._shared.wording import escape, parameters, sentence

NAME: Final = "model-hub"  # the form's field
_FOUND: Final = "hub-found"  # in the session: what the last search found


def offer() -> None:
    """A field, and what was found; nothing is asked before Search is pressed."""
    with st.form("hub-search", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        words = left.text_input("Search the hub", key="hub-words", placeholder="a part of a name: qwen3, olmo")
        pressed = right.form_submit_button("Search", icon=":material/search:", key="hub-search", width="stretch")
    if pressed:
        _look(words or "")
    found: tuple[HubModel, ...] | None = st.session_state.get(_FOUND)
    if found is None:
        return
    if not found:
        st.info("The hub has no model with safetensors weights by these words.", icon=":material/search_off:")
    for model in found:
        _row(model)


def _look(words: str) -> None:
    st.session_state.pop(_FOUND, None)
    try:
        with st.spinner("Asking the hub"):
            st.session_state[_FOUND] = search(words)
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")


def _row(model: HubModel) -> None:
    facts = [
        parameters(model.n_parameters) + " parameters" if model.n_parameters else "size not told",
        f"licence {model.licence}" if model.licence else "no licence told",
        "gated: accept its terms on its page and set HF_TOKEN" if model.gated else "open",
        *([f"model type {model.model_type}"] if model.model_type else []),
    ]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{escape(model.name)}**  \n:small[{escape(', '.join(facts))}]"
            + ("  \n:small[:material/block: its family is not in the list below]" if model.against else ""),
            width="stretch",
        )
        st.button("Choose", key=f"hub-choose-{model.name}", on_click=_choose, args=(model.name,))


def _choose(name: str) -> None:
    st.session_state[NAME] = name
    st.session_state.pop(_FOUND, None)
