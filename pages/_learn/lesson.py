"""The frame of every lesson: head, text, predict-then-reveal, links into the tools, progress, and the contents.

A lesson is a text in assets/lessons/<name>.md (its format: `goldenlayers_core.tasks.learn.text`), a row of `VIEWS` in
pages/learn.py, and a section here beside it. pages/learn.py draws `head` before the section and `end` after it, so that
a section may return early:

    def section() -> None:
        lesson.text("layer", "intro")
        card = lesson.model()                              # one button that loads it, where it is not in memory
        if card is None:
            return
        found = cached....                                 # a real result
        first = layer_questions(found)[0]                  # results.learn.question.Question, computed in the core
        if not lesson.predict("layer", first):             # asks; True once the learner has pressed Reveal
            return                                         # the picture that gives it away comes after
        show.figure(figures...., "lesson-layer", found.to_frame())
        lesson.text("layer", "after", layer=found.golden)  # fills {{layer}}
        lesson.links(lesson.Link("Open this sweep", "pages/ground_truth.py", lambda: session.show_sweep_run(run_id)))

A lesson is done when every question that its text names was revealed. Guesses live on this browser's desk
(`session.keep`), so a reload keeps them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from goldenlayers_core.results.learn.question import Guess, Question
from goldenlayers_core.tasks import ModelCard
from goldenlayers_core.tasks.learn.text import LessonText, lesson_text, lessons
from pages._learn import together
from pages._shared import fold, glossary, jobs, session
from pages._shared.wording import count, escape

VIEW: Final = "learn-view"  # the chosen view, in the session's state; `?view=` in the address
_KEPT: Final = "lesson:{}"  # per lesson: (question key, about) -> Guess of everything revealed
_RADIO: Final = "predict-{}-{}-{}"


@dataclass(frozen=True)
class Link:
    """A way into a tool page. `act` first puts the same state on show there (session.open_request, show_*_run)."""

    label: str
    page: str  # "pages/edit.py"
    act: Callable[[], object] | None = None
    icon: str = ":material/arrow_forward:"


def go(view: str) -> None:
    """Show another view of Learn; for a button's `on_click`, or before `st.switch_page("pages/learn.py")`."""
    session.keep(VIEW, view)
    st.query_params.from_dict({"view": view})


def at(view: str) -> None:
    """State which view is on show; what else the address holds (a term of the glossary) stays.

    Each time: a link from a page to itself hands its parameters to the script, but not to the address.
    """
    session.keep(VIEW, view)
    st.query_params["view"] = view


def head(name: str) -> None:
    """Number, title, minutes, what the learner can do afterwards, and how far they are."""
    about = lesson_text(name)
    st.header(f"{about.number}. {escape(about.title)}", anchor=False)
    st.caption(f"About {count(about.minutes, 'minute')} · {_standing(about)}")
    goals = fold.on_phone(f"lesson-{name}-goals", "What you can do afterwards", bool(_guesses(name)))
    with goals, st.container(border=True):
        st.markdown("**Afterwards**\n" + "\n".join(f"- {escape(line)}" for line in about.afterwards))


def text(name: str, part: str, **values: object) -> None:
    """A part of the lesson's text; `values` fill its {{places}} and are shown as they are, never as Markdown."""
    found = lesson_text(name).part(part, **{key: escape(str(value)) for key, value in values.items()})
    st.markdown(glossary.linked(found, everyday=True))


def behind(name: str, part: str, label: str, *questions: str) -> DeltaGenerator:
    """The container of a part that leads up to questions: a phone folds it away once all of them were revealed."""
    return fold.on_phone(f"lesson-{name}-{part}", label, set(questions) <= _revealed(name))


def intro(name: str, **values: object) -> None:
    """The text that the lesson begins with; `values` fill its {{places}}."""
    with behind(name, "intro", "How this lesson begins", lesson_text(name).questions[0]):
        text(name, "intro", **values)


def model() -> ModelCard | None:
    """The session's model; where it is not in memory, one button that loads it, and None."""
    card = session.card()
    job = jobs.follow("load")
    if card is None and (job is None or not job.active):
        source = session.model().source
        st.info("This lesson runs on a model that is in memory; none is yet.", icon=":material/memory:")
        name = "the bundled model" if source == "bundled" else source
        st.button(
            f"Load {name}",
            type="primary",
            icon=":material/memory:",
            key="lesson-load",
            on_click=jobs.attempt,
            args=(jobs.submit_model, session.model()),
        )
        if source == "bundled":
            st.caption("It takes about a second; the very first time some seconds more.")
    return card


def predict(name: str, question: Question) -> bool:
    """Ask before showing. True once the learner has revealed this question about this result; then the guess stands
    beside the truth, with the explanation, which a phone folds away when the next is revealed."""
    guess = _guesses(name).get((question.key, question.about))
    with st.container(border=True, key=f"lesson-question-{name}-{question.key}"):
        told = guess is not None and guess.question.options == question.options
        if guess is not None and told:
            _told(name, Guess(question, guess.choice, guess.model))
        else:
            _ask(name, question)
    together.put(name, question, told)
    return told


def links(*ways: Link) -> None:
    """Buttons into the tool pages, with the same state."""
    st.markdown("**Go on in the tools**")
    row = st.container(horizontal=True)
    for place, way in enumerate(ways):
        key = f"lesson-link-{st.session_state.get(VIEW)}-{place}"
        if row.button(escape(way.label), key=key, icon=way.icon):
            if way.act:
                way.act()
            st.switch_page(way.page)


def end(name: str) -> None:
    """How far the learner is, the lessons before and after, and the way to begin again."""
    names, about = lessons(), lesson_text(name)
    st.divider()
    if _guesses(name):
        st.caption(_standing(about))
    row = st.container(horizontal=True)
    place = names.index(name)
    if place > 0:
        before = lesson_text(names[place - 1])
        row.button(
            f"{before.number}: {before.title}",
            key="lesson-previous",
            icon=":material/arrow_back:",
            on_click=go,
            args=(before.name,),
        )
    if place + 1 < len(names):
        after = lesson_text(names[place + 1])
        row.button(
            f"{after.number}: {after.title}",
            key="lesson-next",
            icon=":material/arrow_forward:",
            type="primary" if is_done(name) else "secondary",
            icon_position="right",
            on_click=go,
            args=(after.name,),
        )
    row.button("All lessons", key="lesson-contents", icon=":material/list:", on_click=go, args=("contents",))
    if _guesses(name):
        row.button(
            "Forget my guesses",
            key="lesson-reset",
            icon=":material/restart_alt:",
            on_click=reset,
            args=(name,),
        )


def is_done(name: str) -> bool:
    """Whether every question of the lesson was revealed."""
    return set(lesson_text(name).questions) <= _revealed(name)


def guesses(name: str) -> tuple[Guess, ...]:
    """Every question that was revealed in this browser, with its guess, oldest first."""
    return tuple(_guesses(name).values())


def reset(name: str) -> None:
    """Forget a lesson's guesses."""
    for key in [str(key) for key in st.session_state if str(key).startswith(_RADIO.format(name, "", "")[:-1])]:
        del st.session_state[key]
    session.keep(_KEPT.format(name), None)


def contents() -> None:
    """All lessons, with what is done."""
    names = lessons()
    done = sum(is_done(name) for name in names)
    st.progress(done / len(names), text=f"{done} of {count(len(names), 'lesson')} done")
    upcoming = next((name for name in names if not is_done(name)), None)
    for name in names:
        about = lesson_text(name)
        with st.container(border=True, key=f"lesson-card-{name}"):
            st.markdown(f"## {about.number}. {escape(about.title)}")
            st.caption(f"About {count(about.minutes, 'minute')} · {_standing(about)}")
            st.markdown("\n".join(f"- {escape(line)}" for line in about.afterwards))
            begun = "Look again" if is_done(name) else "Go on" if _revealed(name) else "Begin"
            st.button(
                f"{begun}: {about.title}",
                key=f"lesson-open-{name}",
                on_click=go,
                args=(name,),
                type="primary" if name == upcoming else "secondary",
            )


def _ask(name: str, question: Question) -> None:
    st.caption(":material/psychology_alt: Predict first, then reveal")
    key = _RADIO.format(name, question.key, question.about)
    choice = st.radio(
        escape(question.text),
        range(len(question.options)),
        index=None,
        format_func=lambda i: escape(question.options[i]),
        key=key,
        persist_state="session",
    )
    wait = "Choose what you expect first; a wrong guess teaches as much as a right one."
    st.button(
        "Reveal",
        key=f"reveal-{key}",
        type="primary",
        icon=":material/visibility:",
        disabled=choice is None,
        help=wait if choice is None else None,
        on_click=_reveal,
        args=(name, question, choice),
    )


def _told(name: str, guess: Guess) -> None:
    question = guess.question
    st.markdown(f"**{escape(question.text)}**")
    truth = " or ".join(escape(answer) for answer in question.answers)
    said = escape(question.options[guess.choice])
    if guess.is_right:
        st.success(f"**Right.** You said: {said}.", icon=":material/check_circle:")
    else:
        st.info(f"**Not so.** You said: {said}. Computed: **{truth}**.", icon=":material/lightbulb:")
    newest = (question.key, question.about) == next(reversed(_guesses(name)))
    with fold.on_phone(f"why-{name}-{question.key}", "Why", not newest):
        st.markdown(escape(question.explanation))
        st.button(
            "Ask me again",
            key=f"again-{name}-{question.key}",
            type="tertiary",
            icon=":material/restart_alt:",
            on_click=_forget,
            args=(name, question),
        )


def _reveal(name: str, question: Question, choice: int) -> None:
    card = session.card()
    guess = Guess(question, choice, card.name if card else "")
    session.keep(_KEPT.format(name), {**_others(name, question), (question.key, question.about): guess})


def _forget(name: str, question: Question) -> None:
    st.session_state.pop(_RADIO.format(name, question.key, question.about), None)
    session.keep(_KEPT.format(name), _others(name, question) or None)


def _others(name: str, question: Question) -> dict[tuple[str, str], Guess]:
    """The guesses at the lesson's other questions."""
    return {key: guess for key, guess in _guesses(name).items() if key != (question.key, question.about)}


def _guesses(name: str) -> Mapping[tuple[str, str], Guess]:
    found: Mapping[tuple[str, str], Guess] = st.session_state.get(_KEPT.format(name), {})
    return found


def _revealed(name: str) -> set[str]:
    return {key for key, _about in _guesses(name)}


def _standing(about: LessonText) -> str:
    found = guesses(about.name)
    answered = len(_revealed(about.name) & set(about.questions))
    if not answered:
        return f"{count(len(about.questions), 'question')} to guess at"
    right = sum(guess.is_right for guess in found)
    told = f"{answered} of {count(len(about.questions), 'question')} revealed, {right} of {len(found)} guessed right"
    return f":material/check_circle: Done · {told}" if is_done(about.name) else told
