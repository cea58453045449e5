"""An edit travelling through the model: on Edit, and in the lesson on the rank-one edit."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.edit.travel import What
from goldenlayers_core.results.edit.travel import Travel
from pages._shared import session, show

_WHATS: Final[dict[What, str]] = {
    "change": "Hidden state",
    "odds": "New answer",
    "gain": "New answer, gained",
    "alone": "Written at the subject only",
}
PACE: Final = 0.8  # seconds per layer while it plays


def scrubber(found: Travel, name: str) -> None:
    """The grid, the bars beside it, and the slider that both follow. `name` is the key: one per place on a page."""
    playing = bool(st.session_state.get(f"travel-playing-{name}"))
    part: Callable[[Travel, str], None] = st.fragment(_scrubber, run_every=PACE if playing else None)
    part(found, name)


def _scrubber(found: Travel, name: str) -> None:
    at, playing, last = f"travel-at-{name}", f"travel-playing-{name}", found.n_layers - 1
    layer = st.session_state.get(at)
    layer = layer if isinstance(layer, int) and 0 <= layer <= last else last
    if st.session_state.get(playing):
        layer = min(layer + 1, last)
    st.session_state[at] = layer
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.segmented_control(
            "Show",
            [what for what in _WHATS if what != "alone" or found.subject is not None],
            default="change",
            required=True,
            format_func=_WHATS.__getitem__,
            key=f"travel-what-{name}",
        )
        label, icon = (
            ("Stop", ":material/stop:") if st.session_state.get(playing) else ("Play", ":material/play_arrow:")
        )
        if st.button(label, key=f"travel-play-{name}", icon=icon, help="From the edited layer to the top."):
            st.session_state[playing] = not st.session_state.get(playing)
            if st.session_state[playing]:
                st.session_state[at] = max(found.lowest - 1, 0)
            st.rerun()
    st.slider("Up to layer", 0, last, key=at, help="Drag it, or step with the arrow keys.")
    _drawn(found, shown or "change", layer, name)
    if st.session_state.get(playing) and layer == last:
        st.session_state[playing] = False
        st.rerun()


def _drawn(found: Travel, what: What, layer: int, name: str) -> None:
    dark = session.dark()
    grid, bars = st.columns([3, 2], gap="medium")
    with grid:
        show.figure(figures.travel_grid(found, what, layer, dark), f"travel-{name}", found.to_frame())
    with bars:
        show.figure(figures.travel_tokens(found, layer, dark), f"travel-tokens-{name}", found.tokens_frame())
