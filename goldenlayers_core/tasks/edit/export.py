"""Edits taken away as files and brought back: from stored edits or edit files to a download, a file or a folder."""

import io
import os
import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goldenlayers_core.editing import Edit
from goldenlayers_core.editing.export import ExportFormat, check_held, edit_file, export_formats, get_format, unpack
from goldenlayers_core.editing.export.merged import dtype_of
from goldenlayers_core.errors import ConfigError, EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.drafts import scratch
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.atomic import disk_errors, write_bytes
from goldenlayers_core.tasks.edit.merge import read_back
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.questions import ExportQuestion

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

EXPORTS: Final = "exports"  # folder in the cache folder that the page writes checkpoints into


@dataclass(frozen=True, slots=True)
class ExportCard:
    """One format, and whether it can hold the edits at hand."""

    name: str
    title: str
    purpose: str
    holds: str
    refusal: str  # the sentence that says why not; "" where it can
    is_written: bool  # into a folder of this machine: too large for a download


@dataclass(frozen=True, slots=True)
class Bundle:
    """One file to download."""

    name: str
    data: bytes
    mime: str


def export_cards(bench: "Workbench", model: ModelSource, edit_ids: Sequence[str]) -> tuple[ExportCard, ...]:
    """Every format as a card for these stored edits. Raises StoreError or EditError where one cannot be opened."""
    handle, edits = bench.model(model), [open_edit(bench, edit_id) for edit_id in edit_ids]
    return tuple(
        ExportCard(form.name, form.title, form.purpose, form.holds_words, refusal(form, handle, edits), not form.files)
        for form in export_formats()
    )


def refusal(form: ExportFormat, handle: ModelHandle, edits: Sequence[Edit]) -> str:
    """Why a format cannot hold these edits, in one sentence; "" where it can."""
    try:
        check_held(form, handle, edits)
        if form.name == "easyedit" and form.files:
            form.files(handle, edits, "x")  # a recipe: some stacks and methods have none
    except EditError as error:
        return str(error)
    return ""


def bundle(
    bench: "Workbench", model: ModelSource, edit_ids: Sequence[str], name: str, notes: Sequence[str] = ()
) -> Bundle:
    """Stored edits as one download in a format; several files are zipped, in a folder of their own.

    `notes`: a person's words on each edit, for the header of the format that has a place for them.

    Raises EditError where the format cannot hold them, StoreError where one is gone.
    """
    form, handle = get_format(name), bench.model(model)
    edits = [open_edit(bench, edit_id) for edit_id in edit_ids]
    check_held(form, handle, edits)
    stem = stem_of(edits)
    if form.files is None:
        raise EditError(f"{form.title} is as large as the model and is written into a folder, not downloaded.")
    files = form.files(handle, edits, stem)
    if name == edit_file.FORMAT.name:
        files = {file: edit_file.pack(handle, edits, notes) for file in files}
    if form.suffix and len(files) == 1:
        ((file, data),) = files.items()
        text = form.suffix != ".safetensors"
        return Bundle(file, data, "text/plain" if text else "application/octet-stream")
    return Bundle(f"{stem}-{form.name}.zip", _zipped(files, f"{stem}-{form.name}"), "application/zip")


def _zipped(files: dict[str, bytes], folder: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files.items():
            # a fixed date: equal edits give equal bytes
            archive.writestr(zipfile.ZipInfo(f"{folder}/{file}", (2026, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def stem_of(edits: Sequence[Edit]) -> str:
    """A file name without its ending: "france-rome", "3-edits"."""
    if len(edits) != 1:
        return f"{len(edits)}-edits"
    fact = edits[0].fact
    words = re.sub(r"[^a-z0-9]+", "-", f"{fact.subject} {fact.target_new}".lower()).strip("-")
    return words[:48].strip("-") or edits[0].edit_id[:12]


def export(bench: "Workbench", question: ExportQuestion, progress: Progress) -> str:
    """Write stored edits to a file or folder; returns its path. Raises a GoldenLayersError of one sentence."""
    handle = bench.model(question.model, progress)
    edits = [open_edit(bench, edit_id) for edit_id in question.edit_ids]
    return str(export_to(handle, edits, question.format, Path(question.out), progress, question.dtype))


def export_to(
    handle: ModelHandle,
    edits: Sequence[Edit],
    name: str,
    out: Path,
    progress: Progress | None = None,
    dtype: str = "auto",
) -> Path:
    """Write edits in a format to `out`, whole or not at all; returns where the result stands.

    A format of one file takes a file name (or a folder to put it into), one of a folder a folder that is not there yet
    or empty. A checkpoint is written in `dtype`, read back and asked: see `tasks.edit.merge`. Raises EditError (the
    format cannot hold them, the folder is taken), ConfigError (dtype), StoreError (the disk refuses).
    """
    form = get_format(name)
    check_held(form, handle, edits)
    out = out.expanduser().absolute()
    if progress:
        progress.update(0, 1, f"Writing {out.name}")
    if form.write is None and dtype != "auto":
        raise ConfigError(f"{form.title} has no dtype to choose; leave it out, or write a merged checkpoint.")
    target = _write_files(form, handle, edits, out) if form.suffix else _write_folder(form, handle, edits, out, dtype)
    if progress:
        progress.update(1, 1, f"Written to {target}")
    return target


def _write_files(form: ExportFormat, handle: ModelHandle, edits: Sequence[Edit], out: Path) -> Path:
    target = out / f"{stem_of(edits)}{form.suffix}" if out.is_dir() else out
    assert form.files is not None
    files = form.files(handle, edits, target.stem)
    for file, data in sorted(files.items(), key=lambda found: found[0].endswith(form.suffix)):  # its own file last
        write_bytes(target if file.endswith(form.suffix) else target.parent / file, data)
    return target


def _write_folder(form: ExportFormat, handle: ModelHandle, edits: Sequence[Edit], out: Path, dtype: str) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EditError(f"{out} is there already and not empty; name a folder that is not there yet.")
    with disk_errors(out, "written"), scratch(out.parent) as place:
        draft = place / "made"  # the place is its maker's alone; what is made in it is as readable as other folders
        draft.mkdir()
        _check_room(form, handle, out.parent, dtype)
        if form.write is not None:
            matrices = form.write(handle, edits, draft, dtype)
            read_back(handle, edits, draft, matrices, dtype)
        else:
            assert form.files is not None
            for file, data in form.files(handle, edits, stem_of(edits)).items():
                (draft / file).write_bytes(data)
        if out.is_dir():
            out.rmdir()
        os.replace(draft, out)
    return out


def _check_room(form: ExportFormat, handle: ModelHandle, folder: Path, dtype: str) -> None:
    """Raises EditError when a whole checkpoint does not fit on the disk."""
    if form.write is None:
        return
    needed = dtype_of(handle, dtype).itemsize * handle.n_parameters
    free = shutil.disk_usage(folder).free
    if needed * 1.05 > free:
        raise EditError(
            f"The checkpoint takes about {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free in "
            f"{folder}; free some space or name a folder on another disk."
        )


def open_edits(path: Path) -> tuple[Edit, ...]:
    """The edits of a file that was exported here, bottom of the stack first. Raises EditError for anything else."""
    name = path.expanduser()
    try:
        data = name.read_bytes()
    except OSError as error:
        raise EditError(f"The edit file {path} cannot be read ({error.strerror or error}); check its name.") from error
    return unpack(data, path.name).edits
