"""One screen of presenter mode: the finding large, at most one picture, the keys; what is technical is folded away."""

from typing import Final

import streamlit as st

from goldenlayers_core.figures import alt_text, for_screen
from goldenlayers_core.figures.present.large import SCREENS, enlarged, strip
from goldenlayers_core.tasks.present.slide import Slide
from pages._present import thumbnails, words
from pages._runs import entry
from pages._shared import session
from pages._shared.wording import escape

_HEIGHT: Final = 480  # px a picture is laid out for; the style sheet gives it what the screen has
_BARE: Final = (
    "<style>[data-testid='stSidebar'], [data-testid='stHeader'], [data-testid='stToolbar'] {display: none;}"
    "[data-testid='stMainBlockContainer'] {max-width: none; padding: 1.25rem 4vw 5rem;}</style>"
)
_STEP: Final = "step"


def show(run_id: str, slides: tuple[Slide, ...]) -> None:
    """The screen that the address names, and the way to the others."""
    number = _number(len(slides))
    slide = slides[number - 1]
    # a link from a page to itself (the list of Present) hands parameters to the script, but not to the address
    st.query_params.from_dict({"run": run_id, _STEP: str(number)})
    st.html(_BARE)
    with st.container(key="present-stage"):
        st.html(words.of_slide(slide))
        if slide.draw is not None:
            _picture(slide, f"{run_id}-{number}")
    with st.container(key="present-how"), st.expander("How was this measured?", icon=":material/science:"):
        for paragraph in slide.how:
            st.markdown(escape(paragraph).replace("\n", "  \n"))
        if slide.table is not None:
            st.dataframe(slide.table, width="stretch", hide_index=True, height=240, key=f"present-table-{number}")
    _bar(run_id, number, slides)


def _number(total: int) -> int:
    """The screen of the address, from 1; the first where it names none."""
    wanted = st.query_params.get(_STEP, "1")
    return min(max(int(wanted), 1), total) if wanted.isdecimal() else 1


def _go(number: int) -> None:
    st.query_params[_STEP] = str(number)


def _bar(run_id: str, number: int, slides: tuple[Slide, ...]) -> None:
    """Where we are, and the buttons; each has a key of the keyboard."""
    total = len(slides)
    last, first = number == total, number == 1
    with st.container(key="present-bar", horizontal=True, vertical_alignment="center"):
        st.html(
            "<div class='gl-progress' role='progressbar' aria-label='Screen' aria-valuemin='1' "
            f"aria-valuemax='{total}' aria-valuenow='{number}'>"
            f"<div style='width:{100 * number / total:.1f}%'></div></div>"
        )
        _button("First", "first", "Home", 1, first)
        _button("Back", "back", "Left", number - 1, first)
        st.markdown(f"{number} of {total}", width="content")
        _button("Next", "next", "Right", number + 1, last, primary=True)
        _button("Last", "last", "End", total, last)
        if st.button("All", key="present-all", shortcut="a"):
            thumbnails.choose(slides, number, _go)
        if st.button("Leave", key="present-leave", shortcut="Esc"):
            entry.leave(run_id)
    with st.container(key="present-keys"):  # never seen: further keys for the same, as clickers send them
        for key, to in (("Space", number + 1), ("PageDown", number + 1), ("PageUp", number - 1)):
            _button(key, f"key-{key.lower()}", key, to, last if to > number else first)


def _button(label: str, key: str, shortcut: str, to: int, off: bool, primary: bool = False) -> None:
    st.button(
        label,
        key=f"present-{key}",
        shortcut=shortcut,
        disabled=off,
        type="primary" if primary else "secondary",
        on_click=_go,
        args=(to,),
    )


def _picture(slide: Slide, name: str) -> None:
    """The picture once for each kind of screen; the style sheet shows the one that fits."""
    assert slide.draw is not None
    drawn = slide.draw(session.dark())
    with st.container(key="present-figure"), st.container(key="present-strip" if slide.strip else "present-plot"):
        for screen in SCREENS:
            large = strip(drawn, _HEIGHT, screen) if slide.strip else enlarged(drawn, _HEIGHT, screen)
            with st.container(key=f"present-for-{screen}"):
                st.plotly_chart(
                    for_screen(large),
                    width="stretch",
                    height="stretch",
                    key=f"present-{name}-{screen}",
                    theme=None,
                    config={"displayModeBar": False, "responsive": True, "staticPlot": True},
                    alt=alt_text(drawn),
                )
