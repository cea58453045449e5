"""A result on the page: the finding, the figure, its table twin, the downloads."""

import io
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures import alt_text, for_screen, to_html, to_png
from goldenlayers_core.figures.text import BRIEF, first_sentence
from goldenlayers_core.reports import csv_text
from goldenlayers_core.results.formats import gaps_of
from pages._shared import cached, glossary
from pages._shared.wording import escape, sentence, shorten

__all__ = ["downloads", "escape", "figure", "stacked"]

_CONFIG = {"displaylogo": False, "responsive": True, "displayModeBar": False}  # plotly's bar would lie over the cells
TWIN: Final = "twin-"  # keys of the figures' tables
_PAGE = 500  # rows of a table that a browser gets at once


def figure(drawn: go.Figure, name: str, table: pd.DataFrame, *, selectable: bool = False, heading: bool = True) -> Any:
    """Title and definition as text (they wrap on any screen), the figure, then its table and downloads.

    `name` is the key and the stem of the files; `heading` whether the title is one of the page's headings. Returns the
    selection when `selectable`.
    """
    event = _drawn(drawn, name, _brief(_subtitle(drawn)), selectable, heading)
    _twin(drawn, name, table)
    return event


def _subtitle(drawn: go.Figure) -> str:
    return str((drawn.layout.meta or {}).get("subtitle", ""))


def _brief(text: str) -> str:
    """The first sentence of a definition, or as much of it as takes two lines on a phone."""
    return shorten(first_sentence(text), BRIEF)


@st.fragment
def _twin(drawn: go.Figure, name: str, table: pd.DataFrame) -> None:
    """The whole definition; the table and the files, made when they are opened: a page of four charts is there in
    half the time."""
    box = st.expander(
        "Definition, table and downloads", icon=":material/download:", key=f"{TWIN}{name}", on_change="rerun"
    )
    box.caption(glossary.linked(_lines(_subtitle(drawn))))
    if box.open:
        with box:
            downloads(drawn, name, table)


def filling(drawn: go.Figure, name: str, *, selectable: bool = False, heading: bool = True) -> Any:
    """Title, definition and figure alone: while its numbers still come in there is no table to take away."""
    return _drawn(drawn, name, _subtitle(drawn), selectable, heading)


def _lines(text: str) -> str:
    """As Markdown with the same line breaks."""
    return escape(text).replace("\n", "  \n")


def _drawn(drawn: go.Figure, name: str, words: str, selectable: bool, heading: bool) -> Any:
    title = escape(str((drawn.layout.meta or {}).get("title", "")))
    st.markdown(f"### {title}" if heading else f"**{title}**")
    st.caption(glossary.linked(_lines(words)) if heading else _lines(words))
    bare = cached.once(for_screen, drawn, titled=False)
    return st.plotly_chart(
        bare,
        width="stretch",
        key=f"figure-{name}",
        theme=None,
        on_select="rerun" if selectable else "ignore",
        selection_mode="points",
        config=_CONFIG,
        alt=alt_text(drawn),
    )


def cells(heads: Iterable[str], rows: Iterable[str], look: str = "") -> None:
    """A table of HTML cells, which scrolls by itself: `heads` go into <th>, `rows` into <tr>."""
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    st.html(
        f"<div class='gl-scroll'><table class='gl-table {look}'>"
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table></div>"
    )


@st.fragment
def paged(table: pd.DataFrame, name: str) -> None:
    """A table, cut into pages where it is long: a browser gets no more than one of them."""
    pages = -(-len(table) // _PAGE)
    number = 1
    if pages > 1:
        number = st.pagination(pages, key=f"table-page-{name}")
        st.caption(f"Rows {(number - 1) * _PAGE + 1:,} to {min(number * _PAGE, len(table)):,}.")
    rows = table.iloc[(number - 1) * _PAGE : number * _PAGE]
    height = min(38 + 35 * len(rows), 320)
    st.dataframe(rows, width="stretch", hide_index=True, height=height, placeholder=gaps_of(table) or None)


def downloads(drawn: go.Figure, name: str, table: pd.DataFrame) -> None:
    """The table twin, and buttons for HTML, PNG, CSV and Parquet; a file is made when its button is pressed."""
    paged(table, name)
    st.caption(f"{len(table):,} rows. A PNG takes some seconds and needs Chromium or Chrome on this machine.")
    html, png, csv, parquet = st.columns(4)
    html.download_button(
        "HTML", lambda: to_html(drawn), f"{name}.html", "text/html", key=f"html-{name}", on_click="ignore"
    )
    csv.download_button("CSV", lambda: csv_text(table), f"{name}.csv", "text/csv", key=f"csv-{name}", on_click="ignore")
    parquet.download_button(
        "Parquet",
        lambda: _parquet(table),
        f"{name}.parquet",
        "application/octet-stream",
        key=f"parquet-{name}",
        on_click="ignore",
    )
    if png.button("PNG", key=f"make-png-{name}"):
        try:
            with st.spinner("Drawing the PNG"):
                data = to_png(drawn)
        except GoldenLayersError as error:
            st.warning(sentence(error))
        else:
            st.download_button("Save the PNG", data, f"{name}.png", "image/png", key=f"png-{name}", on_click="ignore")


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns one under the other."""
    return pd.concat(tables, ignore_index=True)


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
