"""What the model says to some probes, before and after an edit: one card per probe."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as html
from typing import Final

import streamlit as st

from goldenlayers_core.figures.text import shorten

_WORDS: Final = {
    "rewrite": "The prompt itself",
    "rephrase": "A rephrase",
    "locality": "A neighbour",
    "portability": "A consequence",
}
_WISHES: Final = {
    "rewrite": ("✓ new answer", "✗ not the new answer"),
    "rephrase": ("✓ follows", "✗ does not follow"),
    "locality": ("✓ stays", "✗ changed"),
    "portability": ("✓ follows", "✗ does not follow"),
}


@dataclass(frozen=True)
class Said:
    """One probe. `prompt` is "" where only the share of several probes is known, which `now` says then."""

    kind: str  # rewrite, rephrase, locality or portability
    prompt: str
    before: str
    now: str
    wished: bool | None  # whether it came out as wished; None where that is a share


def cards(said: Sequence[Said], when: str) -> None:
    """The cards side by side, one under the other on a phone. `when`: "after the edit at layer 5"."""
    st.html(f"<div class='gl-said'>{''.join(_card(each, when) for each in said)}</div>")


def _card(each: Said, when: str) -> str:
    good, bad = _WISHES[each.kind]
    mark = (
        ""
        if each.wished is None
        else f"<span class='gl-{'yes' if each.wished else 'no'}'>{good if each.wished else bad}</span>"
    )
    prompt = f"<p class='gl-prompt'>{html(shorten(each.prompt, 160))} …</p>" if each.prompt else ""
    before = f"<p class='gl-quiet'>before: {html(shorten(each.before, 80)) or '(nothing)'}</p>" if each.prompt else ""
    now = html(shorten(each.now, 110)) or "(nothing)"
    return (
        f"<div><p class='gl-kind'><span>{_WORDS[each.kind]}</span>{mark}</p>{prompt}{before}"
        f"<p class='gl-quiet'>{html(when)}</p><p class='gl-now'>{now}</p></div>"
    )
