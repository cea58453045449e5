"""Side by side: the same prompts and seed to the unedited model, stack A and stack B, what differs marked."""

from collections.abc import Mapping
from html import escape as html
from itertools import groupby

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.edit.sides import LONGEST, Decoding, Side, SideBySide, differing
from goldenlayers_core.tasks.edit.own_request import MOST_PROMPTS as MOST
from pages._edit import parts, stacks
from pages._edit.stacks import Look
from pages._shared import cached, session, show
from pages._shared.wording import count, escape, sentence


def section(look: Look) -> None:
    """A form of prompts, and what every side says to them."""
    prompts, decoding = _form(look)
    asked = tuple(
        (f"stack {name}", edits) for name in stacks.NAMES if (edits := stacks.enabled(name, look.card.fingerprint))
    )
    if not asked:
        st.info("No edit is on in either stack: there is nothing to compare yet.", icon=":material/layers_clear:")
        return
    if not prompts:
        st.caption(
            "Write at least one prompt and ask; each stack that has an edit on is a column beside the unedited model."
        )
        return
    if len(prompts) > MOST:
        st.warning(f"There are {len(prompts)} prompts; the first {MOST} are asked.", icon=":material/content_cut:")
    try:
        with st.spinner("Asking each side"):
            found = cached.sides(session.model(), asked, prompts[:MOST], decoding)
    except GoldenLayersError as error:
        st.warning(sentence(error), icon=":material/edit_off:")
        return
    _table(found, dict(asked))


def _form(look: Look) -> tuple[tuple[str, ...], Decoding]:
    """The prompts, one a line, and how the model goes on; read when the button is pressed."""
    report = look.report
    with st.form("edit-try", border=False):
        text = st.text_area(
            f"Prompts, one per line (at most {MOST})",
            key="edit-prompts",
            persist_state="session",
            height=110,
            placeholder=f"{report.prompt}\n{report.subject} is" if report else "The capital of France is",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            tokens = st.number_input(
                "New tokens", 1, LONGEST, 30, key="sides-tokens", persist_state="session", width=140
            )
            temperature = st.number_input(
                "Temperature",
                0.0,
                2.0,
                0.0,
                0.1,
                key="sides-temperature",
                persist_state="session",
                width=140,
                help="0 is greedy: the likeliest token. Above it tokens are drawn, with the same seed on every side.",
            )
            seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="sides-seed", persist_state="session", width=140)
            chat = st.toggle(
                "Chat template",
                False,
                key="sides-chat",
                persist_state="session",
                disabled=not look.card.has_chat_template,
                help="Each prompt becomes a user's message in the model's own chat template."
                if look.card.has_chat_template
                else f"{escape(look.card.name)} has no chat template.",
            )
            st.form_submit_button("Ask every side", icon=":material/forum:", key="sides-ask")
    prompts = tuple(dict.fromkeys(line.strip() for line in str(text or "").splitlines() if line.strip()))
    return prompts, Decoding(int(tokens), float(temperature), int(seed), bool(chat and look.card.has_chat_template))


def _table(found: SideBySide, edits: Mapping[str, tuple[str, ...]]) -> None:
    held = tuple(_held(side, edits.get(side.name, ())) for side in found.sides)
    heads = (
        html(side.name) + (f" <span class='gl-quiet'>{html(told)}</span>" if told else "")
        for side, told in zip(found.sides, held, strict=True)
    )
    rows = (
        f"<td class='gl-wide'>{html(prompt)}</td>{_cells(found.sides, held, place)}"
        for place, prompt in enumerate(found.prompts)
    )
    show.cells(("prompt", *heads), rows, "gl-sides")
    how = (
        "greedy"
        if found.decoding.temperature == 0
        else f"temperature {found.decoding.temperature:g}, seed {found.decoding.seed} on every side"
    )
    chat = ", in the model's chat template" if found.decoding.chat else ""
    st.caption(
        escape(
            f"Marked: words that the unedited model does not say there. At most {found.decoding.max_new_tokens} "
            f"tokens, {how}{chat}; {found.model}."
        )
    )
    with st.expander("Table", icon=":material/download:"):
        st.dataframe(found.to_frame(), width="stretch", hide_index=True)


def _held(side: Side, edits: tuple[str, ...]) -> str:
    """What a stack holds, so that two columns can be told apart; "" of the unedited model."""
    return f"{count(side.n_edits, 'edit')}: {parts.told(edits)}" if side.n_edits else ""


def _cells(sides: tuple[Side, ...], held: tuple[str, ...], place: int) -> str:
    """What every side said to a prompt; on a phone each is headed by its side."""
    base = sides[0].texts[place]
    cells = f"<td class='gl-wide' data-side='unedited'>{html(base) or '(nothing)'}</td>"
    for side, told in zip(sides[1:], held[1:], strict=True):
        words = "".join(
            f"<mark>{html(text.rstrip())}</mark>{html(text[len(text.rstrip()) :])}" if is_new else html(text)
            for is_new, text in _runs(differing(base, side.texts[place]))
        )
        same = "" if side.texts[place] != base else "<br><span class='gl-quiet'>same</span>"
        cells += f"<td class='gl-wide' data-side='{html(f'{side.name}, {told}')}'>{words or '(nothing)'}{same}</td>"
    return cells


def _runs(words: tuple[tuple[str, bool], ...]) -> list[tuple[bool, str]]:
    """Neighbouring words of one kind as one text."""
    return [(is_new, "".join(word for word, _ in run)) for is_new, run in groupby(words, key=lambda pair: pair[1])]
