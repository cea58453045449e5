"""Every screen of a run in small, to jump to one."""

import base64
from collections.abc import Callable
from html import escape as html

import streamlit as st

from goldenlayers_core.figures.present.sketch import sketch
from goldenlayers_core.tasks.present.slide import Slide
from pages._shared import session
from pages._shared.wording import shorten


@st.dialog("All screens", width="large")
def choose(slides: tuple[Slide, ...], now: int, go: Callable[[int], None]) -> None:
    """The screens in small; the one on show is framed. A press jumps to its screen."""
    with st.container(key="present-thumbnails", horizontal=True):
        for number, slide in enumerate(slides, 1):
            with st.container(key=f"present-thumb-{number}", width=200):
                look = "gl-thumb gl-thumb-now" if number == now else "gl-thumb"
                st.html(f"<div class='{look}'>{_small(slide)}</div>")
                key = f"present-jump-{number}"
                if st.button(f"Screen {number}", key=key, width="stretch", on_click=go, args=(number,)):
                    st.rerun()  # the whole page: by itself a dialog is drawn anew alone


def _small(slide: Slide) -> str:
    """A screen at a glance: its headline, and what of it is not words."""
    parts = [f"<b>{html(shorten(slide.headline, 80))}</b>"]
    if slide.draw is not None:
        drawn = base64.b64encode(sketch(slide.draw(session.dark())).encode()).decode()
        parts.append(f"<img alt='' src='data:image/svg+xml;base64,{drawn}'>")
    parts += [f"<i>{html(shorten(side.answer, 30))}</i>" for side in slide.sides]
    parts += [f"<i>{html(number.value)}</i>" for number in slide.numbers]
    parts += [f"<span>{html(shorten(line.value, 40))}</span>" for line in slide.about[:3]]
    parts += [
        f"<span>{'✓' if change.good else '✗'} {html(shorten(change.after, 30))}</span>" for change in slide.changes
    ]
    parts += [f"<span>{html(shorten(point, 44))}</span>" for point in slide.points[:3]]
    return "".join(parts)
