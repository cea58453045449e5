"""A file that was just uploaded: read, or refused with one sentence; its columns are mapped where they need it."""

import dataclasses
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from goldenlayers_core.datasets import ColumnMapping, Table, guess_mapping, read_table
from goldenlayers_core.errors import GoldenLayersError, MappingError
from goldenlayers_core.records import Dataset
from pages._shared import cached
from pages._shared.wording import count, sentence

SHOWN: Final = "dataset-upload"  # key of the selectbox of uploaded files
_PENDING: Final = "upload-pending"
_ERROR: Final = "upload-error"
_NONE: Final = "(no column)"
_FIELDS: Final = (  # in pairs, side by side
    ("prompt", "Prompt, complete and with the subject in it"),
    ("subject", "Subject"),
    ("target_new", "New answer"),
    ("target_true", "True answer"),
    ("rephrase", "The prompt in other words"),
    ("relation", "Relation"),
    ("locality_prompt", "Prompt that should not change"),
    ("locality_answer", "Its answer"),
    ("portability_prompt", "Prompt that follows from the fact"),
    ("portability_answer", "Its answer"),
    ("case_id", "Case number"),
)
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


def waits_for_columns() -> bool:
    """Say why a file was refused, or ask for the columns of one that cannot be read without a word from a person."""
    if _ERROR in st.session_state:
        st.error(sentence(st.session_state[_ERROR]), icon=":material/error:")
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is not None and pending.reference is None:
        st.warning(sentence(pending.problem), icon=":material/view_column:")
        _form(pending)
        st.button("Leave this file", key="leave-upload", on_click=st.session_state.pop, args=(_PENDING, None))
        return True
    return False


def columns_of(name: str) -> None:
    """For a table that was just uploaded: the columns it was read by, to be corrected."""
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is not None and pending.reference == name:
        with st.expander("Which column means what", icon=":material/view_column:", expanded=bool(pending.problem)):
            _form(pending)


def _form(pending: Pending) -> None:
    table = read_table(pending.data, pending.name)
    st.caption(f"How it begins ({count(len(table.rows), 'row')}):")
    st.dataframe(_head(table), hide_index=True, height="content")
    with st.form("mapping"):
        mapping = _mapping(table.columns, pending.mapping)
        pressed = st.form_submit_button("Read it with these columns", type="primary", key="apply-mapping")
    if pressed:
        try:
            _apply(pending, mapping)
        except GoldenLayersError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        st.rerun()


def _head(table: Table) -> pd.DataFrame:
    return pd.DataFrame([{name: str(row.get(name, "")) for name in table.columns} for row in table.rows[:3]])


def _mapping(columns: tuple[str, ...], guess: ColumnMapping) -> ColumnMapping:
    options = (_NONE, *columns)
    chosen: dict[str, str | None] = {}
    sides: list[DeltaGenerator] = []
    for field, label in _FIELDS:
        sides = sides or list(st.columns(2))
        column = getattr(guess, field)
        picked = sides.pop(0).selectbox(
            f"{label} :small[`{field}`{', needed' if field in _NEEDED else ''}]",
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
