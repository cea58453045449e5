"""A file that was just uploaded: read, or refused with one sentence; its columns are mapped where they need it."""

import dataclasses
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from goldenlayers_core.datasets import ColumnMapping, Outline, Reading, is_quick, outline_apart, proposed_subjects
from goldenlayers_core.errors import Cancelled, GoldenLayersError, LanguageError, MappingError
from goldenlayers_core.records import Dataset
from pages._shared import cached
from pages._shared.wording import count, escape, sentence

SHOWN: Final = "dataset-upload"  # key of the selectbox of uploaded files
_PENDING: Final = "upload-pending"
_ERROR: Final = "upload-error"
_READING: Final = "upload-reading"
_NEXT: Final = "dataset-next"
_SHOWN: Final = 200  # proposed subjects that can be corrected on the page
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
class Asked:
    """A file and how it is to be read."""

    name: str
    data: bytes
    mapping: ColumnMapping | None = None
    language: str = ""
    subjects: tuple[tuple[int, str], ...] | None = None  # (row, subject), confirmed

    @property
    def confirmed(self) -> dict[int, str] | None:
        """The subjects by row."""
        return None if self.subjects is None else dict(self.subjects)


@dataclass(frozen=True)
class Pending:
    """A file that can still be read otherwise: by other columns, in another language, with subjects."""

    asked: Asked
    reference: str | None  # what it was read as, if it could be read
    table: Outline | None = None  # where its columns can be mapped
    languages: tuple[str, ...] = ()
    problem: str = ""


def take() -> None:
    """Called when a file was chosen: read and keep it. What was there before stays, whatever happens."""
    file = st.session_state.get("dataset-file")
    st.session_state.pop(_ERROR, None)
    stop()
    if file is not None:
        _begin(Asked(file.name, file.getvalue()))


def _begin(asked: Asked) -> None:
    """Read small files at once; others in a process of their own, which the page looks at."""
    options = (asked.data, asked.name, asked.mapping, asked.language, asked.confirmed)
    try:
        if is_quick(asked.data):
            _settle(asked, *cached.workbench().upload(*options))
        else:
            st.session_state[_READING] = (asked, Reading(*options))
    except GoldenLayersError as error:
        _failed(asked, error)


def _failed(asked: Asked, error: GoldenLayersError) -> None:
    """Ask a person where that helps, else keep the sentence for the page."""
    if isinstance(error, LanguageError) and error.languages:
        st.session_state[_PENDING] = Pending(asked, None, None, error.languages, str(error))
    elif isinstance(error, MappingError):
        try:
            st.session_state[_PENDING] = Pending(asked, None, outline_apart(asked.data, asked.name), (), str(error))
        except GoldenLayersError as worse:
            st.session_state[_ERROR] = str(worse)
    else:
        st.session_state[_ERROR] = str(error)


def _settle(asked: Asked, reference: str, found: Dataset) -> None:
    """Show what was read, and keep the file where it could be read otherwise."""
    st.session_state[_NEXT] = reference
    nameless = any(not request.subject for request in found.requests)
    if found.format == "table" or nameless:
        table = outline_apart(asked.data, asked.name) if found.format == "table" else None
        st.session_state[_PENDING] = Pending(asked, reference, table)
    else:
        st.session_state.pop(_PENDING, None)


def stop() -> None:
    """End the reading of a file."""
    _, reading = st.session_state.pop(_READING, (None, None))
    if reading is not None:
        reading.close()


def is_reading() -> bool:
    """Show the file that is being read, with a button to stop; False when there is none."""
    if _READING in st.session_state:
        _progress()
    return _READING in st.session_state


@st.fragment(run_every=0.5)
def _progress() -> None:
    asked, reading = st.session_state.get(_READING, (None, None))
    if asked is None:
        st.rerun()
    try:
        found = reading.result()
    except GoldenLayersError as error:
        st.session_state.pop(_READING, None)
        if not isinstance(error, Cancelled):
            _failed(asked, error)
        st.rerun()
    if found is not None:
        st.session_state.pop(_READING, None)
        _settle(asked, cached.workbench().keep_upload(found), found)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/hourglass_top: Reading {escape(asked.name)} ({reading.seconds:.0f} s)")
        st.button("Stop reading", key="stop-reading", on_click=stop)


def waits_for_columns() -> bool:
    """Say why a file was refused, or ask for what it takes to read one that needs a word from a person."""
    if _ERROR in st.session_state:
        st.error(sentence(st.session_state[_ERROR]), icon=":material/error:")
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is None or pending.reference is not None:
        return False
    st.warning(sentence(pending.problem), icon=":material/view_column:")
    if pending.table is not None:
        _form(pending, pending.table)
    else:
        _language(pending)
    st.button("Leave this file", key="leave-upload", on_click=st.session_state.pop, args=(_PENDING, None))
    return True


def columns_of(name: str, found: Dataset) -> None:
    """For a file that was just uploaded: the columns it was read by, to be corrected; subjects, to be confirmed."""
    pending: Pending | None = st.session_state.get(_PENDING)
    if pending is None or pending.reference != name:
        return
    if pending.table is not None:
        with st.expander("Which column means what", icon=":material/view_column:", expanded=bool(pending.problem)):
            _form(pending, pending.table)
    if any(not request.subject for request in found.requests):
        with st.expander("Which words are the subject", icon=":material/person_search:", expanded=True):
            _subjects(pending, found)


def _language(pending: Pending) -> None:
    language = st.selectbox("Language", pending.languages, key="upload-language")
    asked = dataclasses.replace(pending.asked, language=language)
    st.button("Read it in this language", key="apply-language", type="primary", on_click=_again, args=(asked,))


def _again(asked: Asked) -> None:
    st.session_state.pop(_PENDING, None)
    st.session_state.pop(_ERROR, None)
    _begin(asked)


def _subjects(pending: Pending, found: Dataset) -> None:
    """What each prompt seems to be about, to be corrected and confirmed; nothing is taken before that."""
    proposed = proposed_subjects(found)
    st.markdown(
        "The file names no subjects. Layers can be scored by LGA without them, and fine-tuning and in-context editing "
        "need none; the other methods write at the subject. These words are proposed: correct them, leave out a row by "
        "emptying it, and confirm."
    )
    shown = pd.DataFrame(proposed[:_SHOWN], columns=["Row", "Prompt", "Subject"])
    edited = st.data_editor(
        shown, hide_index=True, disabled=["Row", "Prompt"], key="proposed-subjects", height="content"
    )
    rest = proposed[_SHOWN:]
    if rest:
        st.caption(f"Confirming takes the words proposed for the other {count(len(rest), 'row')} as they are.")
    chosen = (*zip(edited["Row"], edited["Subject"], strict=True), *((row, text) for row, _, text in rest))
    subjects = tuple((int(row), str(text)) for row, text in chosen if text)
    asked = dataclasses.replace(pending.asked, subjects=subjects)
    st.button("Use these subjects", key="apply-subjects", type="primary", on_click=_again, args=(asked,))


def _form(pending: Pending, table: Outline) -> None:
    st.caption(f"How it begins ({count(table.n_rows, 'row')}):")
    st.dataframe(pd.DataFrame(table.head, columns=list(table.columns)), hide_index=True, height="content")
    with st.form("mapping"):
        mapping = _mapping(table.columns, pending.asked.mapping or table.guess)
        pressed = st.form_submit_button("Read it with these columns", type="primary", key="apply-mapping")
    if pressed:
        try:
            _apply(pending, mapping)
        except GoldenLayersError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        st.rerun()


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
    """Read the file by other columns; what was read before stays where that fails."""
    asked = dataclasses.replace(pending.asked, mapping=mapping)
    bench = cached.workbench()
    with st.spinner(f"Reading {escape(asked.name)}"):
        reference, _ = bench.upload(asked.data, asked.name, mapping, asked.language, asked.confirmed)
    st.session_state[_NEXT] = reference
    st.session_state[_PENDING] = dataclasses.replace(pending, asked=asked, reference=reference, problem="")


def follow_mapping() -> None:
    """Show what a file was just read as; before the selectbox of uploaded files is drawn."""
    reference = st.session_state.pop(_NEXT, None)
    if reference is not None:
        st.session_state[SHOWN] = reference
