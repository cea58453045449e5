"""From any page to Edit: which request, which layer."""

from typing import NoReturn

import streamlit as st

from pages._shared import session

WANTED_LAYER = "edit-wanted-layer"


def go(digest: str | None = None, layer: int | None = None) -> NoReturn:
    """Open Edit, with a request of the dataset and a layer where they are given."""
    if digest is not None:
        session.open_request(digest)
        st.session_state["edit-source"] = "dataset"
    if layer is not None:
        st.session_state[WANTED_LAYER] = layer
    st.switch_page("pages/edit.py")


def take_wanted_layer() -> int | None:
    """The layer another page asked for, once."""
    return st.session_state.pop(WANTED_LAYER, None)
