"""Take it away: the stack on show in every format that can hold it, and edits from files back into the stack."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.edit.stack import left_behind
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.questions import ExportQuestion
from pages._edit import stacks
from pages._edit.stacks import Look
from pages._shared import cached, jobs, note, served, session
from pages._shared.wording import count, escape, sentence, size

if TYPE_CHECKING:
    from goldenlayers_core.tasks.edit.export import Bundle, ExportCard

_WRITTEN: Final = "export-written"  # path of the folder written last
_CAME: Final = "import-came"  # what the last import brought
_MOST_MIB: Final = 200  # of an upload


def section(look: Look) -> None:
    """Cards of the formats for the stack or the edit on show, and the uploader."""
    st.header("Take it away")
    edits, words = _what(look)
    if edits or not look.nothing_on("there is nothing to take away"):
        _cards(look, edits, words)
    st.header("Bring it back")
    _importer(look)


def _what(look: Look) -> tuple[tuple[str, ...], str]:
    """The edits to take away, bottom first, and in words what they are."""
    report = look.report
    if report is None or look.is_foreign or look.edits == (report.edit_id,):
        return look.edits, look.names
    options = {"stack": look.names, "edit": "the edit on show"}
    chosen = st.segmented_control(
        "What to take",
        tuple(options),
        default="stack" if look.edits else "edit",
        required=True,
        format_func=options.__getitem__,
        key="export-what",
    )
    return (look.edits, look.names) if chosen == "stack" else ((report.edit_id,), options["edit"])


def _cards(look: Look, edits: tuple[str, ...], words: str) -> None:
    try:
        with st.spinner("Looking at what can hold the edits"):
            cards = cached.export_cards(session.model(), edits)
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    st.markdown(
        f"What is taken: **{escape(words)}** of {escape(look.card.name)} (fingerprint {look.card.fingerprint[:8]})."
    )
    try:
        caution = left_behind([cached.edit_card(edit_id) for edit_id in edits])
    except GoldenLayersError as error:
        caution = str(error)
    if caution:
        st.warning(sentence(caution), icon=":material/layers:")
    for start in range(0, len(cards), 2):
        for column, card in zip(st.columns(2), cards[start : start + 2], strict=False):
            with column.container(border=True, height="stretch", key=f"export-card-{card.name}"):
                _card(look, card, edits)
    _followed()


def _card(look: Look, card: "ExportCard", edits: tuple[str, ...]) -> None:
    st.markdown(f"**{escape(card.title)}**")
    st.markdown(escape(card.purpose))
    st.caption(f"Holds {escape(card.holds)}.")
    if card.refusal:
        st.warning(sentence(card.refusal), icon=":material/block:")
    elif card.is_written and served.mode().demo:
        st.caption("This demo writes no folder on its machine; download the edit in another format.")
    elif card.is_written:
        _writer(look, card, edits)
    else:
        made = _bundle(edits, card.name)
        st.download_button(
            f"Download ({size(len(made.data))})",
            made.data,
            made.name,
            made.mime,
            key=f"export-{card.name}",
            icon=":material/download:",
            on_click="ignore",
        )


def _bundle(edits: tuple[str, ...], name: str) -> "Bundle":
    notes = tuple(note.of(cached.edit_card(edit_id).run_id) or "" for edit_id in edits)
    return cached.export_bundle(session.model(), edits, name, notes if name == "safetensors" else ())


def _writer(look: Look, card: "ExportCard", edits: tuple[str, ...]) -> None:
    """A folder as large as the model is written on the machine that runs this program, not sent through the browser."""
    folder = cached.workbench().root / "exports"
    name = st.text_input(
        "Name of the folder",
        _bundle(edits, "safetensors").name.removesuffix(".safetensors"),
        key=f"export-folder-{len(edits)}-{edits[-1][:8]}",
        max_chars=80,
    )
    wanted = "".join(c for c in (name or "") if c.isalnum() or c in "-_.").strip(".")
    dtype, n_bytes = _dtype(look)
    if st.button(
        f"Write it ({size(n_bytes)})",
        key="export-write",
        icon=":material/save:",
        disabled=jobs.busy("export") or not wanted,
    ):
        question = ExportQuestion(session.model(), edits, card.name, str(folder / wanted), dtype)
        jobs.submit("export", question, f"Writing the checkpoint {wanted}")
        st.rerun()
    st.caption(f"Into {escape(str(folder / wanted))} on the machine that runs this program.")


def _dtype(look: Look) -> tuple[str, int]:
    """In what the weights are written, and how large they are then."""
    if look.card.dtype not in ("bfloat16", "float16"):
        return "auto", look.card.n_bytes_plain
    options = {"auto": look.card.n_bytes_plain, "float32": 2 * look.card.n_bytes_plain}
    chosen = st.segmented_control(
        "Weights",
        tuple(options),
        default="auto",
        required=True,
        format_func=lambda name: f"{look.card.dtype if name == 'auto' else name} ({size(options[name])})",
        key="export-dtype",
        help="Rounding to half precision loses a part of a small change; float32 keeps all of it.",
    )
    return chosen, options[chosen]


def _followed() -> None:
    jobs.follow("export", lambda path: session.keep(_WRITTEN, path))
    if written := st.session_state.get(_WRITTEN):
        from goldenlayers_core.tasks.edit.merge import merge_report

        st.success(f"Written: {escape(str(written))}", icon=":material/check:")
        try:
            st.caption("  \n".join(map(escape, merge_report(Path(written)).lines)))
        except GoldenLayersError as error:
            st.caption(sentence(error))


def _importer(look: Look) -> None:
    """Files in, edits on the stack, or the sentence that says what differs."""
    st.markdown(
        "A Golden Layers file, or a LoRA adapter that changes only the MLP output matrices of "
        f"{escape(look.card.name)}: its two files together, or a zip of them. Edits of another model are refused, with "
        "what differs."
    )
    files = st.file_uploader(
        f"Edit file or adapter, at most {_MOST_MIB} MiB",
        type=["safetensors", "json", "zip"],
        accept_multiple_files=True,
        max_upload_size=_MOST_MIB,
        key="import-files",
    )
    if st.button("Lay it on the stack", key="import", icon=":material/upload:", disabled=not files):
        assert files
        _bring({file.name: file.getvalue() for file in files})
    for line in st.session_state.pop(_CAME, ()):
        st.success(line, icon=":material/check:")


def _bring(files: dict[str, bytes]) -> None:
    from goldenlayers_core.tasks.edit.import_edits import import_edits

    name = next((file for file in files if not file.endswith(".json")), next(iter(files)))
    try:
        with st.spinner("Reading the files, and asking each edit's own prompt"):
            found = import_edits(cached.workbench(), session.model(), files, name, Progress())
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    for edit in found:
        stacks.add_edit(edit.edit_id)
    if last := next((edit.run_id for edit in reversed(found) if edit.run_id), None):
        session.show_edit_run(last)
    head = f"On stack {stacks.active()} now: {count(len(found), 'edit')} of {escape(name)}."
    lines = (
        f"{escape(edit.writes)}: “{escape(edit.before)}” before, **“{escape(edit.after)}”** with it alone"
        if edit.run_id
        else f"{escape(edit.writes)}: it states no prompt to ask."
        for edit in found[:5]
    )
    st.session_state[_CAME] = ["  \n".join((head, *lines))]
    st.rerun()
