"""Terms of the glossary, linked where they first appear on a page.

A link says its meaning in a tooltip and leads to the term in the glossary. Streamlit opens a link in Markdown in a new
tab, so that this tab keeps everything it holds; the new one finds the browser's choices on its desk.
"""

import re
from typing import Final

import streamlit as st

from goldenlayers_core.tasks.learn.glossary import Mention, glossary, mentions, named
from pages._shared.wording import escape

_LINKED: Final = "glossary-linked"  # in the session's state: key of a term -> the text it is linked in, on this page
_FIRST: Final = ("request", "probe", "proxy dataset", "layer score", "golden layer", "edit")  # on Home
_MOST: Final = 3  # links in one paragraph


def begin() -> None:
    """At the head of every page: no term is linked yet."""
    st.session_state[_LINKED] = {}


def linked(text: str, everyday: bool = False) -> str:
    """Markdown with the first mention on this page of each term linked, at most three in a paragraph.

    `everyday`: also words such as key and value, which mean what the glossary says in lessons only.
    """
    return "\n\n".join(_paragraph(part, everyday) for part in re.split(r"\n{2,}", text))


def introduce(text: str) -> None:
    """A page's introduction, with its terms linked."""
    st.markdown(linked(text))


def words() -> None:
    """On Home: the words to begin with, and the way to all of them."""
    with st.expander("The words used here", icon=":material/menu_book:"):
        found = [term for name in _FIRST if (term := named(name))]
        st.markdown("\n".join(f"- **{escape(term.term)}**: {escape(term.meaning)}" for term in found))
        st.page_link(
            "pages/learn.py",
            label=f"All {len(glossary())} words",
            icon=":material/menu_book:",
            query_params={"view": "glossary"},
        )
        st.caption(
            "The method is Layer Gradient Analysis of “Golden Layers and Where to Find Them” "
            "([arXiv 2602.20207](https://arxiv.org/abs/2602.20207))."
        )


def _paragraph(text: str, everyday: bool) -> str:
    done: dict[str, str] = st.session_state.setdefault(_LINKED, {})
    elsewhere = [key for key, where in done.items() if where != text]
    chosen = list(mentions(text, elsewhere, everyday))[:_MOST]
    done.update({mention.term.key: text for mention in chosen})
    for mention in reversed(chosen):
        text = text[: mention.start] + _link(mention, text) + text[mention.end :]
    return text


def _link(mention: Mention, text: str) -> str:
    tooltip = mention.term.meaning.replace('"', "'")
    return f'[{text[mention.start : mention.end]}](learn?view=glossary&term={mention.term.key} "{tooltip}")'
