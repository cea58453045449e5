"""A file that was just uploaded: read, or refused with one sentence; its columns are mapped where they need it."""

import dataclasses
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.datasets import ColumnMapping, Table, guess_mapping, read_table
from goldenlayers_core.errors import GoldenLayersError, MappingError
from goldenlayers_core.records import Dataset
from pages._shared import cached
from pages._shared.wording import count, escape

SHOWN: Final = "dataset-upload"  # key of the selectbox of uploaded files
_PENDING: Final = "upload-pending"
_ERROR: Final = "upload-error"
_NONE: Final = "(no column)"
_FIELDS: Final = {
    "prompt": "Prompt, complete and with the subject in it",
    "subject": "Subject",
    "target_new": "New answer",
    "target_true": "True answer",
    "rephrase": "Prompt in other words",
    "locality_prompt": "Unrelated prompt (locality)",
    "locality_answer": "Its answer",
    "portability_prompt": "Prompt that follows from the fact (portability)",
    "portability_answer": "Its answer",
    "relation": "Relation",
    "case_id": "Case number",
}
_NEEDED: Final = ("prompt", "subject", "target_new")


@dataclass(frozen=True)
class Pending:
    """A table whose columns can still be mapped otherwise."""

    name: str
    data: bytes
    mapping: ColumnMapping
    reference: str | None  # what it was read as, if it could be read
    problem: str = ""


def take() -> None:
    """Called when a file was chosen: read and keep it. What was there before stays, whatever happens."""
    file = st.session_state.get("dataset-file")
    st.session_state.pop(_ERROR, None)
    if file is None:
        return
    try:
        _read(file.getvalue(), file.name, None)
    except MappingError as error:
        columns = read_table(file.getvalue(), file.name).columns
        st.session_state[_PENDING] = Pending(file.name, file.getvalue(), guess_mapping(columns), None, str(error))
    except GoldenLayersError as error:
        st.session_state[_ERROR] = str(error)


def _read(data: bytes, name: str, mapping: ColumnMapping | None) -> Dataset:
    reference, found = cached.workbench().upload(data, name, mapping)
    st.session_state[SHOWN] = reference
    if found.format == "table":
        used = mapping or guess_mapping(read_table(data, name).columns)
        st.session_state[_PENDING] = Pending(name, data, used, reference)
    else:
        st.session_state.pop(_PENDING, None)
    return found


def say_what_happened() -> None:
    """Why a file was refused, and the columns of one that cannot be read without a word from a person."""
    if _ERROR in st.session_state:
        st.error(escape(st.session_state[_ERROR]), icon=":material/error:")
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is not None and pending.reference is None:
        st.warning(escape(pending.problem), icon=":material/view_column:")
        _form(pending)


def columns_of(name: str) -> None:
    """For a table that was just uploaded: the columns it was read by, to be corrected."""
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is not None and pending.reference == name:
        with st.expander("Which column means what", icon=":material/view_column:", expanded=bool(pending.problem)):
            _form(pending)


def _form(pending: Pending) -> None:
    table = read_table(pending.data, pending.name)
    st.caption(f"The first rows of {count(len(table.rows), 'row')}, as they are in the file:")
    st.dataframe(_head(table), hide_index=True, height="content")
    with st.form("mapping"):
        mapping = _mapping(table.columns, pending.mapping)
        pressed = st.form_submit_button("Read it with these columns", type="primary", key="apply-mapping")
    if pressed:
        try:
            _apply(pending, mapping)
        except GoldenLayersError as error:
            st.error(escape(str(error)), icon=":material/error:")
            return
        st.rerun()


def _head(table: Table) -> pd.DataFrame:
    return pd.DataFrame([{name: str(row.get(name, "")) for name in table.columns} for row in table.rows[:3]])


def _mapping(columns: tuple[str, ...], guess: ColumnMapping) -> ColumnMapping:
    options = (_NONE, *columns)
    chosen: dict[str, str | None] = {}
    sides = st.columns(2)
    for place, (field, label) in enumerate(_FIELDS.items()):
        column = getattr(guess, field)
        picked = sides[place % 2].selectbox(
            label + (" (needed)" if field in _NEEDED else ""),
            options,
            index=options.index(column) if column in options else 0,
            key=f"column-{field}",
        )
        chosen[field] = None if picked == _NONE else picked
    return ColumnMapping(**chosen)


def _apply(pending: Pending, mapping: ColumnMapping) -> None:
    reference, _ = cached.workbench().upload(pending.data, pending.name, mapping)
    st.session_state["dataset-next"] = reference
    st.session_state[_PENDING] = dataclasses.replace(pending, mapping=mapping, reference=reference, problem="")


def follow_mapping() -> None:
    """Show what a corrected mapping made of a file; before the selectbox of uploaded files is drawn."""
    reference = st.session_state.pop("dataset-next", None)
    if reference is not None:
        st.session_state[SHOWN] = reference
