"""The two stacks of this browser, seen by nobody else, and the edit on show. A reload finds them again."""

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit import stack as of
from goldenlayers_core.results.edit.stack import EditCard, Stack
from goldenlayers_core.tasks import EditQuestion, ModelCard, Recommendation
from goldenlayers_core.tasks.edit.methods import MethodForm
from goldenlayers_core.tasks.present.covers import written
from pages._shared import cached, edit_link, fold, session
from pages._shared.wording import count

NAMES: Final = ("A", "B")
_STACK: Final = "stack-{}"
_ACTIVE: Final = "stack-active"


@dataclass(frozen=True)
class Look:
    """What the views of Edit are about."""

    card: ModelCard  # of the model in memory
    found: Recommendation | None
    request: EditRequest | None  # of the inputs above; None where it cannot be edited
    form: MethodForm
    settings: dict[str, Any]
    layer: int  # of the inputs above
    stack: str  # the stack on show, "A" or "B"
    edits: tuple[str, ...]  # ids of its edits that are on and belong to this model, from the bottom
    other: tuple[str, ...]  # the same of the other stack
    run_id: str | None  # of the edit on show
    report: EditReport | None

    @property
    def edited(self) -> tuple[int, ...]:
        """The layers that the edit on show was written into; none where none of this model is on show."""
        if self.report is None or self.is_foreign:
            return ()
        card = card_of(self.report.edit_id)
        return card.layers if card and card.layers else (self.report.layer,)

    @property
    def is_foreign(self) -> bool:
        """Whether the edit on show was made on another model than the one in memory."""
        return self.report is not None and self.report.fingerprint != self.card.fingerprint

    @property
    def names(self) -> str:
        """The stack in words, such as "stack A (2 edits)"."""
        return f"stack {self.stack} ({count(len(self.edits), 'edit')})"

    def nothing_on(self, so: str) -> bool:
        """Whether no edit of the stack is on: then that is said, with what follows from it."""
        if not self.edits:
            st.info(
                f"Stack {self.stack} has no edit that is on, so {so}; add an edit, or switch one on.",
                icon=":material/layers_clear:",
            )
        return not self.edits


def active() -> str:
    """The stack that new edits go to, and that is on show."""
    name = st.session_state.get(_ACTIVE)
    return name if name in NAMES else NAMES[0]


def choose(name: str) -> None:
    """Put a stack on show."""
    session.keep(_ACTIVE, name)


def other(name: str) -> str:
    """The stack that is not `name`."""
    return NAMES[1 - NAMES.index(name)]


def stack(name: str) -> Stack:
    """A stack; edits that were deleted from the store have left it."""
    found: Stack = st.session_state.get(_STACK.format(name), Stack())
    if not found.entries:
        return found
    stored = frozenset(cached.workbench().store.names("edits"))
    readable = {edit_id for edit_id in found.edit_ids if edit_id in stored and card_of(edit_id)}
    return found if len(readable) == len(found.entries) else of.only(found, readable.__contains__)


def put(name: str, changed: Stack) -> None:
    """Keep a changed stack."""
    session.keep(_STACK.format(name), changed)


def card_of(edit_id: str) -> EditCard | None:
    """A stored edit's card; None where it is not stored any more, or cannot be read by this version."""
    try:
        return cached.edit_card(edit_id)
    except GoldenLayersError:
        return None


def enabled(name: str, fingerprint: str) -> tuple[str, ...]:
    """The edits of a stack that are on and belong to this model, from the bottom."""
    cards = map(card_of, stack(name).enabled)
    return tuple(card.edit_id for card in cards if card is not None and card.fingerprint == fingerprint)


def add(run_id: str) -> None:
    """A new edit goes to the top of the active stack and on show."""
    add_edit(cached.report(run_id).edit_id)
    session.show_edit_run(run_id)
    fold.fold(edit_link.INPUTS)  # a phone shows what came of them


def add_edit(edit_id: str) -> None:
    """Lay a stored edit on top of the active stack; another edit of the same fact is switched off."""
    name = active()
    put(name, of.add(stack(name), edit_id, off=same_fact(name, cached.edit_card(edit_id).facts)))


def fact_of(card: EditCard) -> str:
    """The fact as in Runs, `Barcelona: Spain → Switzerland`; without its old answer where it was not measured here."""
    try:
        report = cached.report(card.run_id)
    except GoldenLayersError:
        return card.name
    return written(report.subject, report.target_true, report.target_new) if len(card.facts) == 1 else card.name


def same_fact(name: str, facts: tuple[tuple[str, str, str], ...]) -> tuple[str, ...]:
    """The edits of a stack that are on and write one of these facts (prompt and subject)."""
    wanted = {(prompt, subject) for prompt, subject, _ in facts}
    cards = [card for edit_id in stack(name).enabled if (card := card_of(edit_id))]
    return tuple(card.edit_id for card in cards if wanted & {(prompt, subject) for prompt, subject, _ in card.facts})


def shown(name: str, fingerprint: str) -> tuple[str, EditReport] | tuple[None, None]:
    """The edit on show: the one chosen, else the topmost of the stack that was measured here on this model."""
    chosen = session.edit_run()
    cards = [card for edit_id in reversed(stack(name).edit_ids) if (card := card_of(edit_id))]
    mine = (card.run_id for card in cards if card.fingerprint == fingerprint)
    for run_id in (*((chosen,) if chosen else ()), *mine):
        try:
            return run_id, cached.report(run_id)
        except GoldenLayersError:
            continue
    return None, None


def look(
    card: ModelCard,
    found: Recommendation | None,
    request: EditRequest | None,
    form: MethodForm,
    settings: dict[str, Any],
    layer: int,
) -> Look:
    """Everything the views are about: the inputs, the stacks, the edit on show."""
    name = active()
    run_id, report = shown(name, card.fingerprint)
    mine, others = (enabled(which, card.fingerprint) for which in (name, other(name)))
    return Look(card, found, request, form, settings, layer, name, mine, others, run_id, report)


def question(run_id: str) -> EditQuestion:
    """What was asked for when a stored edit was made. Raises StoreError when it is gone."""
    return cached.asked(EditQuestion, run_id)
