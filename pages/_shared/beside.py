"""A heatmap of requests with the open request beside it: in view after a click, and walked by keyboard."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import streamlit as st

from goldenlayers_core.figures.scores.cells import Rows
from goldenlayers_core.figures.scores.walk import Step, walked

_STEPS: Final[tuple[tuple[Step, str, str], ...]] = (
    ("up", "↑ Row", "The row above."),
    ("down", "↓ Row", "The row below."),
    ("left", "← Layer", "A layer towards the embedding."),
    ("right", "→ Layer", "A layer towards the answer."),
)
# Arrow keys press the buttons of the row that has the focus.
_KEYS: Final = """
if (!window.goldenLayersWalk) {
  window.goldenLayersWalk = true;
  const names = {ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right"};
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.('[class*="st-key-walkway-"]');
    const step = names[event.key];
    const button = box && step && box.querySelector(`[class*="st-key-walk-"][class*="-${step}"] button`);
    if (!button) return;
    event.preventDefault();
    button.focus();
    button.click();
  });
}
"""
_SHOW: Final = """
// %s
document.querySelector(".st-key-beside-%s")?.scrollIntoView({block: innerWidth < 1000 ? "start" : "nearest"});
"""


@contextmanager
def panel(key: str, opened: object = None) -> Iterator[None]:
    """Where the open request stands, under the heatmap on a phone; scrolled to when a click has `opened` another."""
    with st.container(key=f"beside-{key}"):
        yield
        if opened is not None:
            st.html(f"<script>{_SHOW % (opened, key)}</script>", unsafe_allow_javascript=True)


def walk(key: str, rows: Rows, layers: Sequence[int], at: tuple[int, int], to: Callable[[int, int], Any]) -> None:
    """Four buttons that step through the cells; `to(request, layer)` opens one."""
    with st.container(horizontal=True, gap="small", key=f"walkway-{key}"):
        for step, label, words in _STEPS:
            st.button(
                label,
                key=f"walk-{key}-{step}",
                help=f"{words} With the focus here the arrow keys do the same.",
                on_click=lambda step=step: to(*walked(rows, layers, at, step)),
            )
        st.html(f"<script>{_KEYS}</script>", unsafe_allow_javascript=True)
