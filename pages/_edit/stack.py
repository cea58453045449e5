"""The stack on show: its edits from the bottom to the top, each switched, moved or dropped by a button."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import percent
from goldenlayers_core.results.edit import stack as of
from goldenlayers_core.results.edit.light import light
from goldenlayers_core.results.edit.stack import EditCard, Stack
from goldenlayers_core.tasks import ModelCard
from pages._edit import parts, stacks
from pages._shared import cached, note, session
from pages._shared.wording import count, escape, size

PAGE: Final = 12  # edits listed at once


def section(card: ModelCard, run_id: str | None) -> None:
    """Which stack, what is in it, and what can be done with it. `run_id`: the edit on show."""
    with st.container(border=True, key="edit-stack"):
        name = _head(card)
        stack = stacks.stack(name)
        _actions(name, stack)
        if not stack.entries:
            st.markdown(f"Stack {name} is empty: the model answers as it is. A new edit is laid on it.")
            return
        start = _page(name, len(stack.entries))
        for place in range(start, min(start + PAGE, len(stack.entries))):
            _row(name, stack, place, card, run_id)
        st.caption(
            f"Laid over {escape(card.name)} from 1 upwards; switching off or dropping an edit undoes it. Norm: "
            "Frobenius norm of the change over that of the matrices changed. Rank: columns of its factors, over its "
            "layers. Only this browser sees its stacks."
        )


def _head(card: ModelCard) -> str:
    """Which of the two stacks is on show."""
    on = {name: len(stacks.enabled(name, card.fingerprint)) for name in stacks.NAMES}
    key = "edit-stack-choice"
    st.session_state[key] = stacks.active()
    st.segmented_control(
        "Stack",
        stacks.NAMES,
        required=True,
        key=key,
        format_func=lambda name: f"Stack {name} · {on[name]} on",
        on_change=lambda: stacks.choose(st.session_state[key] or stacks.active()),
        help="Two stacks of edits on one model. New edits go to the one on show; Side by side compares them.",
    )
    return stacks.active()


def _actions(name: str, stack: Stack) -> None:
    """What is done with the whole stack."""
    other = stacks.other(name)

    def copy() -> None:
        kept = stacks.stack(other)
        stacks.put(other, of.Stack(stack.entries, (*kept.past, kept.entries)[-of.HISTORY :], ()))
        st.toast(f"Stack {other} now holds what stack {name} holds.", icon=":material/content_copy:")

    with st.container(horizontal=True, gap="small"):
        _button("Undo", "undo", ":material/undo:", not stack.past, stacks.put, name, of.undo(stack))
        _button("Redo", "redo", ":material/redo:", not stack.future, stacks.put, name, of.redo(stack))
        _button(f"Copy to {other}", "copy", ":material/content_copy:", not stack.entries, copy)
        _button("Clear", "clear", ":material/delete_sweep:", not stack.entries, stacks.put, name, of.clear(stack))


def _button(label: str, key: str, icon: str, off: bool, act: Callable[..., None], *args: object) -> None:
    st.button(label, key=f"stack-{key}", icon=icon, disabled=off, on_click=act, args=args)


def _page(name: str, total: int) -> int:
    """Index of the first edit listed; the topmost are listed until another page is asked for."""
    if total <= PAGE:
        return 0
    pages = -(-total // PAGE)
    key = f"stack-page-{name}"
    if not 1 <= st.session_state.get(key, 0) <= pages:
        st.session_state[key] = pages
    number = st.number_input(f"Part of the {total} edits, 1 to {pages}", 1, pages, key=key, width=220)
    return (int(number) - 1) * PAGE


def _row(name: str, stack: Stack, place: int, model: ModelCard, run_id: str | None) -> None:
    """One edit: what it is, and its buttons."""
    entry = stack.entries[place]
    card = cached.edit_card(entry.edit_id)
    mine = card.fingerprint == model.fingerprint
    key = f"{name}-{entry.edit_id[:12]}"
    with st.container(border=True, key=f"stack-row-{place + 1}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _switch(name, stack, entry, key)
            shown = " · on show" if card.run_id == run_id else ""
            st.markdown(f"**{place + 1}. {escape(stacks.fact_of(card))}**{shown}", width="stretch")
            _buttons(name, stack, place, card, key, run_id)
        st.caption(" · ".join(part for part in (_took(card), escape(_facts(card))) if part))
        note.shown(note.of(card.run_id))
        if not mine:
            st.caption(
                f":material/block: It was made on another model (fingerprint {card.fingerprint[:8]}) and is not laid "
                f"over {escape(model.name)} ({model.fingerprint[:8]}); load the model it belongs to, or drop it."
            )


def _switch(name: str, stack: Stack, entry: of.Entry, key: str) -> None:
    st.session_state[f"stack-on-{key}"] = entry.enabled
    st.toggle(
        "on",
        key=f"stack-on-{key}",
        label_visibility="collapsed",
        help="On: it lies over the model. Off: it stays in the stack without effect.",
        on_change=stacks.put,
        args=(name, of.toggle(stack, entry.edit_id)),
    )


def _buttons(name: str, stack: Stack, place: int, card: EditCard, key: str, run_id: str | None) -> None:
    last = len(stack.entries) - 1
    edit_id = card.edit_id
    row = st.container(horizontal=True, gap="small", width="content")
    for word, explained, off, act, args in (
        ("Show", "Put this edit on show below", card.run_id == run_id, session.show_edit_run, (card.run_id,)),
        ("Up", "Lay it one place earlier", place == 0, stacks.put, (name, of.move(stack, edit_id, -1))),
        ("Down", "Lay it one place later", place == last, stacks.put, (name, of.move(stack, edit_id, 1))),
        ("Drop", "Take it out of the stack", False, stacks.put, (name, of.drop(stack, edit_id))),
    ):
        row.button(
            word,
            key=f"stack-{word.lower()}-{key}",
            help=explained,
            disabled=off,
            on_click=act,  # type: ignore[arg-type]
            args=args,
            type="tertiary",
        )
    written = note.of(card.run_id)
    if written is not None:  # its run is here to keep it
        with row.popover("Note", type="tertiary", key=f"stack-note-{key}", help="Your own words on this edit"):
            note.form(card.run_id, written, place=f"stack-{name}")
            st.caption(
                "Kept with the edit's run: shown in Runs, in its report, and in the exported Golden Layers file."
            )


def _took(card: EditCard) -> str:
    """The edit's light in a few words; "" where it was not measured here."""
    try:
        colour = light(cached.report(card.run_id), card).colour
    except GoldenLayersError:
        return ""
    return {
        "green": ":green[✓ took]",
        "amber": ":orange[△ took, with a caution]",
        "red": ":red[✗ did not take]",
    }[colour]


def _facts(card: EditCard) -> str:
    """An edit in one line: method, layers, rank, norm, size, digest."""
    told = (
        card.method.upper(),
        parts.layers_of(card.layers) or "no layer",
        f"rank {card.rank}" if card.rank else "",
        f"{count(card.entries, 'place')} in a memory" if card.entries else "",
        f"{count(len(card.prefix), 'character')} before every prompt" if card.prefix else "",
        f"norm {percent(card.weight_change)} of the weight" if card.weight_change else "",
        size(card.n_bytes),
        f"digest {card.edit_id[:8]}",
    )
    return " · ".join(filter(None, told))
