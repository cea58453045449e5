"""The glossary: every word of the dashboard, which lesson teaches it and which page shows it."""

from typing import Final

import streamlit as st

from goldenlayers_core.tasks.learn.glossary import Term, glossary, term_of
from goldenlayers_core.tasks.learn.text import lesson_text, lessons
from pages._shared import fold
from pages._shared.wording import count, escape

_FEW: Final = 8  # terms that are shown with ways to lesson and page
_PAGES: Final = {
    "pages/model.py": "Model",
    "pages/dataset.py": "Dataset",
    "pages/layer_scores.py": "Layer scores",
    "pages/ground_truth.py": "Ground truth",
    "pages/edit.py": "Edit",
    "pages/runs.py": "Runs",
}


def section() -> None:
    """One term that the address names, or all that a search finds."""
    st.header("Glossary", anchor=False)
    asked = term_of(st.query_params.get("term", ""))
    if asked is not None:
        _card(asked)
        st.page_link(
            "pages/learn.py",
            label=f"All {len(glossary())} terms",
            icon=":material/menu_book:",
            query_params={"view": "glossary"},
        )
        return
    search = st.text_input("Search", key="glossary-search", placeholder="golden, edit, probe, ...") or ""
    found = [term for term in glossary() if term.holds(search)]
    st.caption(f"{count(len(found), 'term')} of {len(glossary())}")
    if len(found) <= _FEW:
        for term in found:
            _card(term)
        return
    with fold.on_phone("glossary-list", f"Read all {len(found)}"):
        st.markdown("\n".join(f"- {_words(term)}" for term in found))


def _card(term: Term) -> None:
    with st.container(border=True, key=f"term-{term.key}"):
        st.markdown(_words(term))
        row = st.container(horizontal=True)
        if term.lesson in lessons():
            about = lesson_text(term.lesson)
            label, where = f"{about.number}: {about.title}", {"view": term.lesson}
            row.page_link("pages/learn.py", label=label, icon=":material/school:", query_params=where)
        if term.page:
            row.page_link(term.page, label=f"The page {_PAGES[term.page]}", icon=":material/arrow_forward:")


def _words(term: Term) -> str:
    also = f" (also: {escape(', '.join(term.aliases))})" if term.aliases else ""
    return f"**{escape(term.term)}**{also}: {escape(term.meaning)}"
