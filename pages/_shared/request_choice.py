"""The selectbox of a run's requests: the twin of a click on its heatmap, for keyboards and tests."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from goldenlayers_core.tasks.address import short
from pages._shared import link, session

MOST: Final = 5_000  # requests a browser still lists without delay


def choose(
    key: str, digests: Sequence[str], words: Callable[[int], str], picked: Callable[[], None] | None = None
) -> int:
    """The open request's number: the address's, else the session's, else the first. `picked` runs after a choice."""

    def take() -> None:
        session.open_request(digests[st.session_state[key]])
        if picked:
            picked()

    link.request(digests, "the run on show")
    digest = session.request_digest()
    index = digests.index(digest) if digest in digests else 0
    options = list(range(min(len(digests), MOST))) + ([index] if index >= MOST else [])
    if st.session_state.get(key) != index:
        st.session_state[key] = index
    chosen = st.selectbox(
        "Request",
        options,
        format_func=words,
        key=key,
        on_change=take,
        help="Type to search. A click on a cell of the heatmap opens its request, too."
        + ("" if len(digests) <= MOST else f" The first {MOST:,} requests are listed; click to open another."),
    )
    session.open_request(digests[chosen])
    link.say(request=short(digests[chosen]))
    return int(chosen)
