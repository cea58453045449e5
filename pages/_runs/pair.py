"""The two boxes in which runs are chosen that stand beside each other."""

from collections.abc import Callable, Mapping

import streamlit as st

from goldenlayers_core.runtime import RunManifest
from pages._shared import link


def pair(
    runs: Mapping[str, RunManifest], label: Callable[[str], str], word: str, key: str, addresses: tuple[str, str]
) -> tuple[str, str] | None:
    """The ids of two of these runs, by an address or a person; None, with a sentence, where they are the same. `word`
    is what one of them is called, `addresses` the names of the two in an address."""
    for side, name in zip("ab", addresses, strict=True):
        link.option(name, f"{key}-{side}", tuple(runs), f"{word} {side.upper()}")
    a, b = (
        column.selectbox(
            f"{word.capitalize()} {side.upper()}",
            runs,
            index=i,
            format_func=label,
            key=f"{key}-{side}",
            persist_state="session",
        )
        for i, (side, column) in enumerate(zip("ab", st.columns(2), strict=True))
    )
    link.say(**{addresses[0]: a, addresses[1]: b})
    if a == b:
        st.caption(f"Choose two different {word}s.")
        return None
    return a, b
