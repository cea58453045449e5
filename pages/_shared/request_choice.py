"""The selectbox of a run's requests: the twin of a click on its heatmap, for keyboards and tests."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from goldenlayers_core.figures.text import shorten
from goldenlayers_core.tasks.address import short
from pages._shared import link, session

MOST: Final = 5_000  # requests a browser still lists without delay


def labels(prompts: Sequence[str], old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """A line per request that tells requests apart: made once, since a list of thousands is told at every rerun."""
    return tuple(
        f"{n}. {shorten(prompt, 70)} | {shorten(before, 24) or '?'} → {shorten(after, 24)}"
        for n, (prompt, before, after) in enumerate(zip(prompts, old, new, strict=True), 1)
    )


def choose(
    key: str, digests: Sequence[str], words: Callable[[int], str], picked: Callable[[], None] | None = None
) -> int:
    """The open request's number: the address's, else the session's, else the first. `picked` runs after a choice."""

    def take() -> None:
        place = st.session_state.get(key)  # of another run's list, where a browser was slower than a change of runs
        if not isinstance(place, int) or not 0 <= place < len(digests):
            return
        session.open_request(digests[place])
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


def clicked(figure: str, seen: str) -> tuple[int, int] | None:
    """The (request, layer) of a cell of the heatmap `figure` clicked since the last look, which `seen` keeps."""
    event = st.session_state.get(f"figure-{figure}")
    points = event["selection"]["points"] if event else []
    cell = (int(points[0]["customdata"][0]), int(points[0]["customdata"][1])) if points else None
    if cell == st.session_state.get(seen):
        return None
    st.session_state[seen] = cell
    return cell
