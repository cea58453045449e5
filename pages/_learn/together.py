"""A class that guesses together: the teacher's side in the lessons, the learners' on a page of their own."""

import io
from typing import Final
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.learn.guesses import class_guesses
from goldenlayers_core.reports import csv_text
from goldenlayers_core.results.learn.class_link import Asked, ClassLink
from goldenlayers_core.results.learn.question import Question
from goldenlayers_core.tasks.learn.class_link import MINUTES, tab_name
from goldenlayers_core.tasks.learn.text import lesson_text, lessons
from goldenlayers_core.tasks.mode import LOOPBACK
from pages._shared import cached, jobs, session, show
from pages._shared.wording import count, escape, sentence

VIEW: Final = "class"  # in the address; CODE beside it says which
CODE: Final = "class"
_CODE, _TAB = "class-code", "class-tab"  # in the session's state
_EVERY: Final = 2.0  # seconds between two looks at the class


def opened() -> ClassLink | None:
    """The class that this browser opened, while it lasts: also after the program was started again."""
    code = st.session_state.get(_CODE)
    found = cached.classes().find(code) if code else None
    return found or cached.classes().led_with(_key())


def _key() -> str:
    """What leads a class of this browser."""
    return session.secret("class")


def start() -> None:
    """For the teacher's page: open a class, or show the one that is open."""
    found = opened()
    if found is not None:
        _opened(found)
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    names = lessons()
    name = row.selectbox(
        "Lesson", names, format_func=lambda n: f"{lesson_text(n).number}: {lesson_text(n).title}", key="class-lesson"
    )
    minutes = row.selectbox("Minutes", MINUTES, index=1, key="class-minutes", width=120)
    row.button(
        "Open a class",
        type="primary",
        icon=":material/groups:",
        key="class-open",
        on_click=jobs.attempt,
        args=(_open, name, minutes),
    )


def put(name: str, question: Question, told: bool) -> None:
    """In a lesson: put its question to the class that this browser opened for it, with what came in so far."""
    found = opened()
    if found is None or found.lesson != name:
        return
    classes, key = cached.classes(), _key()
    try:
        classes.ask(found.code, key, question)
        if told:
            classes.reveal(found.code, key, question)
    except GoldenLayersError as error:  # it ended meanwhile
        st.caption(sentence(error))
        return
    _room(found.code, question.key, question.about)


def section() -> None:
    """For learners: the class's question, a guess, and the answer when it is told."""
    st.header("Guess with the class", anchor=False)
    code = st.query_params.get(CODE, "").strip().upper()
    if not code:
        st.markdown(
            "The teacher's screen shows six letters and a square code: type the letters here, or point a phone's "
            "camera at the square. You take part without a name; only what you guess is counted."
        )
        said = st.text_input("Code of the class", key="class-join", max_chars=12, placeholder="six letters")
        if said.strip():
            st.query_params[CODE] = said.strip().upper()
            st.rerun()
        st.caption("You teach? Open a class on “For teachers”.")
        return
    if _TAB not in st.session_state:
        session.keep(_TAB, tab_name())
    _guess(code)


def _open(name: str, minutes: int) -> None:
    card = session.card()
    session.keep(_CODE, cached.classes().open(name, card.name if card else "", minutes, _key()))


def _end(code: str) -> None:
    cached.classes().end(code, _key())
    session.keep(_CODE, None)


def _opened(found: ClassLink) -> None:
    about = lesson_text(found.lesson)
    st.markdown(f"**Class {found.code}** · {escape(about.number)}: {escape(about.title)}")
    _invitation(found.code)
    guesses = sum(sum(one.counts) for one in found.asked)
    st.caption(
        f"{count(len(found.asked), 'question')} put so far, {guesses} guessed. A lesson's question goes to the "
        "class when you come to it, and is told when you reveal it."
    )
    row = st.container(horizontal=True)
    row.page_link(
        "pages/learn.py", label="To the lesson", icon=":material/arrow_forward:", query_params={"view": found.lesson}
    )
    row.download_button(
        "Guesses as CSV",
        lambda: csv_text(found.to_frame()),
        f"class-{found.code}.csv",
        "text/csv",
        key="class-csv",
        icon=":material/download:",
        on_click="ignore",
        disabled=not found.asked,
    )
    row.button(
        "End the class", key="class-end", icon=":material/stop_circle:", on_click=jobs.attempt, args=(_end, found.code)
    )


def _invitation(code: str) -> None:
    """Address and QR code."""
    here = urlsplit(st.context.url or "")
    address = (
        f"{here.scheme}://{here.netloc}{here.path.rsplit('/', 1)[0]}/learn?{urlencode({'view': VIEW, CODE: code})}"
    )
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="png", scale=6, border=3)
    row = st.container(horizontal=True, vertical_alignment="center")
    described = f"QR code that opens {address}"
    row.image(picture.getvalue(), width=180, caption=f"QR code of class {code}", alt=described)
    words = row.container()
    words.code(address, language=None, wrap_lines=True)
    words.markdown(f"or *Learn*, *Guess with a class*, and the code **{code}**")
    if (here.hostname or "") in (*LOOPBACK, "localhost"):
        words.warning(
            "This address works on this machine only: start the app with HOST, and open it by the machine's own name.",
            icon=":material/lan:",
        )


@st.fragment(run_every=_EVERY)
def _room(code: str, key: str, about: str) -> None:
    """What came in so far, on the teacher's screen."""
    found = cached.classes().find(code)
    asked = next((one for one in found.asked if (one.key, one.about) == (key, about)), None) if found else None
    if asked is None:
        return
    with st.container(border=True, key=f"class-room-{key}"):
        show.filling(class_guesses(asked, session.dark()), f"class-{key}")
        with st.expander(f"Join the class: {code}", icon=":material/qr_code:"):
            _invitation(code)


@st.fragment(run_every=_EVERY)
def _guess(code: str) -> None:
    found = cached.classes().find(code)
    if found is None:
        st.info(f"There is no class {escape(code)}: it has ended, or the code is another. Ask for the link again.")
        return
    asked = found.current
    if asked is None:
        st.info("The class is open. Its first question comes here by itself.", icon=":material/hourglass_empty:")
        return
    place = len(found.asked) - 1
    st.caption(f"Class {code} · {escape(lesson_text(found.lesson).title)} · question {place + 1}")
    mine = asked.guesses.get(st.session_state[_TAB])
    if asked.revealed:
        _told(asked, mine)
        return
    choice = st.radio(
        escape(asked.text),
        range(len(asked.options)),
        index=mine,
        format_func=lambda i: escape(asked.options[i]),
        key=f"class-guess-{code}-{place}",
    )
    if choice is not None and choice != mine:
        try:
            cached.classes().guess(code, place, st.session_state[_TAB], choice)
            mine = choice
        except GoldenLayersError as error:
            st.warning(sentence(error))
    if mine is not None:
        st.caption(":material/check: Your guess is in. You may change it until the answer is told.")
    for before in found.asked[:-1][-1:]:
        if before.revealed:
            st.divider()
            st.caption("The question before")
            _told(before, before.guesses.get(st.session_state[_TAB]))


def _told(asked: Asked, mine: int | None) -> None:
    st.markdown(f"**{escape(asked.text)}**")
    truth = " or ".join(escape(asked.options[place]) for place in asked.right)
    if mine is None:
        st.info(f"Computed: **{truth}**.", icon=":material/lightbulb:")
    elif mine in asked.right:
        st.success(f"**Right.** You said: {escape(asked.options[mine])}.", icon=":material/check_circle:")
    else:
        said = escape(asked.options[mine])
        st.info(f"**Not so.** You said: {said}. Computed: **{truth}**.", icon=":material/lightbulb:")
    st.markdown(escape(asked.explanation))
    show.filling(class_guesses(asked, session.dark()), "class-told")
