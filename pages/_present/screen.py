"""One screen of presenter mode: the finding large, at most one picture, the keys; what is technical is folded away."""

from html import escape as html
from typing import Final

import streamlit as st

from goldenlayers_core.figures import alt_text, for_screen
from goldenlayers_core.figures.present.large import enlarged
from goldenlayers_core.tasks.present.slide import Change, Number, Side, Slide
from pages._runs import entry
from pages._shared import session
from pages._shared.wording import escape

_HEIGHT: Final = 480  # px a picture is laid out for; the style sheet gives it what the screen has
_BARE: Final = (
    "<style>[data-testid='stSidebar'], [data-testid='stHeader'], [data-testid='stToolbar'] {display: none;}"
    "[data-testid='stMainBlockContainer'] {max-width: none; padding: 3vh 4vw 6rem;}</style>"
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
        st.html(_words(slide))
        if slide.draw is not None:
            _picture(slide, f"{run_id}-{number}")
    with st.container(key="present-how"), st.expander("How was this measured?", icon=":material/science:"):
        for paragraph in slide.how:
            st.markdown(escape(paragraph).replace("\n", "  \n"))
        if slide.table is not None:
            st.dataframe(slide.table, width="stretch", hide_index=True, height=240, key=f"present-table-{number}")
    _bar(run_id, number, len(slides))


def _number(total: int) -> int:
    """The screen of the address, from 1; the first where it names none."""
    wanted = st.query_params.get(_STEP, "1")
    return min(max(int(wanted), 1), total) if wanted.isdecimal() else 1


def _go(number: int) -> None:
    st.query_params[_STEP] = str(number)


def _bar(run_id: str, number: int, total: int) -> None:
    """Where we are, and the buttons; each has a key of the keyboard."""
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
    assert slide.draw is not None
    drawn = slide.draw(session.dark())
    with st.container(key="present-figure"):
        st.plotly_chart(
            for_screen(enlarged(drawn, _HEIGHT)),
            width="stretch",
            height="stretch",
            key=f"present-{name}",
            theme=None,
            config={"displayModeBar": False, "responsive": True, "staticPlot": True},
            alt=alt_text(drawn),
        )


def _words(slide: Slide) -> str:
    """Everything of a screen that is not a picture."""
    parts = [f"<h1 class='gl-headline'>{html(slide.headline)}</h1>"]
    parts += [f"<p class='gl-say'>{html(slide.say)}</p>"] if slide.say else []
    parts += [f"<p class='gl-asked'>{html(slide.prompt)} …</p>"] if slide.prompt else []
    parts += [f"<div class='gl-two'>{''.join(map(_side, slide.sides))}</div>"] if slide.sides else []
    parts += [f"<div class='gl-two'>{''.join(map(_number_of, slide.numbers))}</div>"] if slide.numbers else []
    parts += [f"<ul class='gl-changes'>{''.join(map(_change, slide.changes))}</ul>"] if slide.changes else []
    return f"<div class='gl-stage'>{''.join(parts)}</div>"


def _side(side: Side) -> str:
    title = f"<span class='gl-when'>{html(side.title)}</span>" if side.title else ""
    look = f"gl-side gl-side-{side.title.lower()}" if side.title else "gl-side"
    return f"<div class='{look}'>{title}<strong>{html(side.answer)}</strong></div>"


def _number_of(number: Number) -> str:
    return (
        f"<div class='gl-side'><strong>{html(number.value)}</strong>"
        f"<span class='gl-when'>{html(number.meaning)}</span></div>"
    )


def _change(change: Change) -> str:
    look, mark = ("gl-yes", "✓") if change.good else ("gl-no", "✗")
    moved = html(change.after) if change.before == change.after else f"{html(change.before)} → {html(change.after)}"
    return (
        f"<li><span class='gl-asked'>{html(change.prompt)} …</span><strong>{moved}</strong> "
        f"<span class='{look}'>{mark} {change.word}</span></li>"
    )
