"""The three steps to a first result: what is done, what is next, and the button that does it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from goldenlayers_core.errors import DatasetError
from goldenlayers_core.tasks import Recommendation, ScoreQuestion
from pages._shared import jobs, session
from pages._shared.wording import count, escape, shorten

_LOAD: Final = "Load a model"
_SCORE: Final = "Score its layers"
_EDIT: Final = "Edit a fact"
_FACTS: Final = ("pages/dataset.py", "Other facts")
_MODELS: Final = ("pages/model.py", "Another model")
_SCORES: Final = "pages/layer_scores.py"
_TRUTH: Final = "pages/ground_truth.py"
_EDITING: Final = "pages/edit.py"
_ICONS: Final = {"done": ":material/check_circle:", "next": ":material/arrow_forward:", "later": ":material/schedule:"}
_COLOURS: Final = {"done": "green", "next": "primary", "later": "gray"}


@dataclass(frozen=True)
class Step:
    """One step. Its button does `act`, if anything, and then leads to `page`, if any."""

    key: str
    title: str
    text: str
    done: bool
    label: str
    act: Callable[[], None] | None = None
    page: str = ""
    ready: bool = True
    why_not: str = ""
    caution: str = ""
    other: tuple[str, str] = ("", "")  # another way: page and words


def steps() -> tuple[Step, ...]:
    """The steps as this session has gone them."""
    return _load(), _score(), _edit()


def following(all_steps: tuple[Step, ...]) -> Step | None:
    """The first step that is not done; None when all are."""
    return next((step for step in all_steps if not step.done), None)


def _load() -> Step:
    card, source = session.card(), session.model().source
    if card:
        text = f"{escape(card.name)} is loaded: {card.n_layers} layers."
        return Step("load", _LOAD, text, True, "See the model", page="pages/model.py")
    name = "the bundled model" if source == "bundled" else source
    text = (
        "SmolLM2, a real language model with 135 million parameters, came with the set-up. It loads in about a second; "
        "the very first time takes some seconds more."
        if source == "bundled"
        else f"{escape(source)} was chosen and is not in memory."
    )
    return Step("load", _LOAD, text, False, f"Load {name}", lambda: jobs.submit_model(session.model()), other=_MODELS)


def _score() -> Step:
    found = session.recommendation()
    if found and not found.run_id:
        return _beside(found) or _unscored()
    if found:
        text = f"{found.headline}, by {escape(found.brief)}."
        if found.kind == "score":
            return _scored(found, text, found.caution)
        see = Step("score", _SCORE, text, True, "See the ground truth", page=_TRUTH)
        return replace(see, caution=found.caution, other=_FACTS)
    return _unscored()


def _scored(found: Recommendation, text: str, caution: str) -> Step:
    """Scored by gradients; its button shows the run."""
    see = Step("score", _SCORE, text, True, "See the layer scores", lambda: _see(found.run_id), _SCORES)
    return replace(see, caution=caution, other=_FACTS)


def _unscored() -> Step:
    part = session.choice()
    text = (
        f"Every layer is scored on facts that might be edited ({escape(part.words)}). The layer that comes "
        "first over all of them is the golden layer."
    )

    def act() -> None:
        jobs.submit_score(ScoreQuestion(session.model(), part))

    label = f"Score {count(part.limit, 'request')}" if part.limit else "Score the dataset"
    return _after_first(Step("score", _SCORE, text, False, label, act, other=_FACTS))


def _beside(measured: Recommendation) -> Step | None:
    """Scored by gradients, and what the sweep that comes with the model says beside them; None without scores."""
    found = session.by_gradients()
    if found is None:
        return None
    text = (
        f"Gradients name layer {found.layer} ({escape(found.brief)}). {measured.headline}, by {escape(measured.brief)}."
    )
    return _scored(found, text, measured.caution)


def _see(run_id: str) -> None:
    if session.score_run() is None:
        session.show_score_run(run_id)


def _after_first(step: Step) -> Step:
    """The step, not to be gone before a model is there."""
    return replace(step, ready=session.card() is not None, why_not="Needs step 1.")


def _edit() -> Step:
    if session.edit_run():
        text = "An edit was made. Try free prompts on the edited model, undo it, or edit another fact."
        return _after_first(Step("edit", _EDIT, text, True, "See the edit", page=_EDITING))
    try:
        request = session.first_request()
    except DatasetError as error:
        gone = Step("edit", _EDIT, "There is no fact to edit.", False, "Edit this fact", other=_FACTS)
        return replace(gone, ready=False, why_not=str(error))
    instead = f" instead of {escape(shorten(request.target_true))}" if request.target_true else ""
    prompt, new = escape(shorten(request.prompt, 80)), escape(shorten(request.target_new))
    text = f"Make the model continue “{prompt}” with **{new}**{instead}, and see what else moved."

    def act() -> None:
        session.open_request(request.digest)

    return _after_first(Step("edit", _EDIT, text, False, "Edit this fact", act, _EDITING))


def show(lead: bool = True) -> None:
    """The steps side by side; the next one has a filled button where they `lead` the page or have begun."""
    all_steps = steps()
    upcoming = following(all_steps)
    lead = lead or any(step.done for step in all_steps)
    busy = any((job := jobs.waiting(slot)) and job.active for slot in ("load", "score"))
    for number, (column, step) in enumerate(zip(st.columns(3), all_steps, strict=True), 1):
        with column.container(border=True, height="stretch", key=f"step-{step.key}"):
            state = "done" if step.done else "next" if step is upcoming else "later"
            st.badge(state, icon=_ICONS[state], color=_COLOURS[state])
            st.markdown(f"### {number}. {step.title}")
            st.markdown(step.text)
            if step.caution:
                st.caption(escape(step.caution))
            if not step.ready:
                st.caption(escape(step.why_not))
            kind = "primary" if step is upcoming and lead else "secondary"
            idle = not step.ready or (busy and not step.done)
            if st.button(step.label, key=f"do-{step.key}", type=kind, disabled=idle, on_click=step.act) and step.page:
                st.switch_page(step.page)
            page, words = step.other
            if page:
                st.page_link(page, label=words)
