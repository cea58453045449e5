"""What an opened address asks for and is not here, one sentence each, with what can be done about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages._shared.wording import escape

_NOTICES: Final = "link-notices"  # in the session's state: name -> Notice


@dataclass(frozen=True)
class Notice:
    """One sentence; and a button that does something about it, or leads to `page`."""

    text: str  # plain
    label: str = ""
    act: Callable[[], object] | None = None
    page: str = ""  # "pages/dataset.py"
    icon: str = ":material/link_off:"


def put(name: str, notice: Notice) -> None:
    """Show a notice until it is dismissed or another page opens; one of the same name gives way to it."""
    st.session_state[_NOTICES] = {**st.session_state.get(_NOTICES, {}), name: notice}


def drop(name: str | None = None) -> None:
    """Take a notice away; all of them for None."""
    kept = {} if name is None else {k: v for k, v in st.session_state.get(_NOTICES, {}).items() if k != name}
    st.session_state[_NOTICES] = kept


def draw() -> None:
    """Every notice, and how to be rid of them."""
    notices: dict[str, Notice] = st.session_state.get(_NOTICES, {})
    if not notices:
        return
    with st.container(border=True, key="link-notices"):
        for name, notice in notices.items():
            with st.container(horizontal=True, vertical_alignment="center", key=f"link-notice-{name}"):
                st.markdown(f"{notice.icon} {escape(notice.text)}", width="stretch")
                if notice.label and st.button(notice.label, key=f"link-do-{name}"):
                    _do(name, notice)
        st.button("Dismiss", key="link-dismiss", type="tertiary", icon=":material/close:", on_click=drop)


def _do(name: str, notice: Notice) -> None:
    drop(name)
    if notice.act:
        notice.act()
    if notice.page:
        st.switch_page(notice.page)
    st.rerun()
