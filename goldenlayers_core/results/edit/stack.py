"""A stack of edits as a value: which edits lie over a model, in which order, which are switched on; with its history.

Every function returns a new stack. A stack holds ids only; what an edit is stands in the store, and the model is never
written.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MOST: Final = 200  # edits in a stack
HISTORY: Final = 100  # steps that can be undone


@dataclass(frozen=True, slots=True)
class Entry:
    """One edit of a stack."""

    edit_id: str
    enabled: bool = True


Entries = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """Edits from the bottom (laid over the model first) to the top, and what undo and redo bring back."""

    entries: Entries = ()
    past: tuple[Entries, ...] = ()  # oldest first
    future: tuple[Entries, ...] = ()  # what was undone, the last undone last

    @property
    def edit_ids(self) -> tuple[str, ...]:
        """Every edit, from the bottom."""
        return tuple(entry.edit_id for entry in self.entries)

    @property
    def enabled(self) -> tuple[str, ...]:
        """The edits that are switched on, from the bottom."""
        return tuple(entry.edit_id for entry in self.entries if entry.enabled)


@dataclass(frozen=True, slots=True)
class EditCard:
    """What is worth showing of a stored edit, read without its tensors."""

    edit_id: str
    method: str
    facts: tuple[tuple[str, str, str], ...]  # (prompt, subject, new target)
    layers: tuple[int, ...]
    rank: int  # columns of its factors, summed over its layers
    entries: int  # places of its codebooks (GRACE)
    prefix: str  # text before every prompt (in-context editing)
    weight_change: float  # Frobenius norm of the change over that of the weights changed
    n_bytes: int  # of its tensors, float32
    fingerprint: str  # of the model it belongs to
    below: tuple[str, ...] = ()  # ids of the edits it was computed on top of

    @property
    def prompt(self) -> str:
        """Of the first fact."""
        return self.facts[0][0]

    @property
    def name(self) -> str:
        """Subject -> new target of the first fact, and how many more there are."""
        _, subject, target = self.facts[0]
        more = f" and {len(self.facts) - 1} more" if len(self.facts) > 1 else ""
        return f"{subject} → {target}{more}"

    @property
    def run_id(self) -> str:
        """The run that holds its report, where it was measured here."""
        return f"edit-{self.edit_id[:16]}"

    @property
    def changes_something(self) -> bool:
        """Whether it can change an answer at all: a change of weights, a memory, or a text before the prompt."""
        return self.weight_change > 0 or self.entries > 0 or bool(self.prefix)


class Laid(Protocol):
    """An edit or its card, as far as what it stands on goes."""

    @property
    def edit_id(self) -> str:
        """Names its content."""

    @property
    def prompt(self) -> str:
        """Of the first fact."""

    @property
    def below(self) -> tuple[str, ...]:
        """Ids of the edits it was computed on top of."""


def left_behind(taken: Sequence[Laid]) -> str:
    """Which of the edits taken were computed on top of others that are not, in one sentence; "" for none."""
    ids = {edit.edit_id for edit in taken}
    lonely = [edit for edit in taken if not ids.issuperset(edit.below)]
    if not lonely:
        return ""
    lost = {below for edit in lonely for below in edit.below} - ids
    which = f"The edit of {lonely[0].prompt!r} was" if len(lonely) == 1 else f"{len(lonely)} of these edits were"
    others = "another edit that is" if len(lost) == 1 else f"{len(lost)} other edits that are"
    return (
        f"{which} computed on top of {others} not taken along, and may do something else without; take them together, "
        "or make it anew on the unedited model."
    )


def _stepped(stack: Stack, entries: Entries) -> Stack:
    """The next state; what was undone before is forgotten. The same stack where nothing changes."""
    if entries == stack.entries:
        return stack
    return Stack(entries, (*stack.past, stack.entries)[-HISTORY:], ())


def add(stack: Stack, *edit_ids: str, off: Sequence[str] = ()) -> Stack:
    """Lay edits on top, switched on, and switch those of `off` off, in one step.

    An edit that is there already is moved to the top; beyond MOST the oldest go.
    """
    kept = tuple(
        dataclasses.replace(entry, enabled=entry.enabled and entry.edit_id not in off)
        for entry in stack.entries
        if entry.edit_id not in edit_ids
    )
    return _stepped(stack, (*kept, *(Entry(edit_id) for edit_id in dict.fromkeys(edit_ids)))[-MOST:])


def toggle(stack: Stack, edit_id: str) -> Stack:
    """Switch an edit off or on again."""
    return _stepped(
        stack,
        tuple(
            dataclasses.replace(entry, enabled=not entry.enabled) if entry.edit_id == edit_id else entry
            for entry in stack.entries
        ),
    )


def move(stack: Stack, edit_id: str, by: int) -> Stack:
    """Move an edit `by` places up (above 0) or down; it stops at the ends."""
    if edit_id not in stack.edit_ids:
        return stack
    entries = list(stack.entries)
    place = stack.edit_ids.index(edit_id)
    entry = entries.pop(place)
    entries.insert(min(max(place + by, 0), len(entries)), entry)
    return _stepped(stack, tuple(entries))


def drop(stack: Stack, edit_id: str) -> Stack:
    """Take an edit out."""
    return _stepped(stack, tuple(entry for entry in stack.entries if entry.edit_id != edit_id))


def clear(stack: Stack) -> Stack:
    """Take every edit out; undo brings them back."""
    return _stepped(stack, ())


def only(stack: Stack, is_kept: Callable[[str], bool]) -> Stack:
    """The stack without edits that no longer exist, in its history, too."""

    def cut(states: Sequence[Entries]) -> tuple[Entries, ...]:
        return tuple(tuple(entry for entry in entries if is_kept(entry.edit_id)) for entries in states)

    return Stack(cut([stack.entries])[0], cut(stack.past), cut(stack.future))


def undo(stack: Stack) -> Stack:
    """The stack before its last change; the same where there was none."""
    if not stack.past:
        return stack
    return Stack(stack.past[-1], stack.past[:-1], (*stack.future, stack.entries))


def redo(stack: Stack) -> Stack:
    """Take the last undo back; the same where there is none."""
    if not stack.future:
        return stack
    return Stack(stack.future[-1], (*stack.past, stack.entries), stack.future[:-1])
