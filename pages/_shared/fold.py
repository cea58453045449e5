"""Parts of a page that a phone shows on request: a switch that only a phone has, and below it what it opens.

On a wider screen everything is there from the start; the style sheet decides, not the server, which does not know.
"""

from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def on_phone(name: str, label: str, when: bool = True, row: Literal["", "center", "bottom"] = "") -> DeltaGenerator:
    """The container of a part, closed on a phone until the switch `label` above it is on; there is no switch, and the
    part is open, unless `when`. `row`: what is in it stands side by side, aligned like that."""
    beside: dict[str, Any] = {"horizontal": True, "vertical_alignment": row} if row else {}
    if not when:
        return st.container(**beside)
    if st.session_state.pop(f"refold-{name}", False):
        st.session_state[f"unfold-{name}"] = False
    outer = st.container(key=f"fold-{name}")
    outer.toggle(label, key=f"unfold-{name}", persist_state="session")
    return outer.container(key=f"folded-{name}", **beside)


def unfold(name: str) -> None:
    """Open a part, because a person pressed what leads to it; to be called before the part is drawn."""
    st.session_state[f"unfold-{name}"] = True


def fold(name: str) -> None:
    """Close a part when it is next drawn, because what a person did in it is done."""
    st.session_state[f"refold-{name}"] = True
