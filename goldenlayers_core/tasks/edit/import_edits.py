"""Edit files and LoRA adapters from elsewhere into the store, each with a report of what it does here."""

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from goldenlayers_core.editing import Edit, methods, to_arrays
from goldenlayers_core.editing.export import adapter_files, check_home, edit_from_adapter, unpack
from goldenlayers_core.editing.export.adapter import CONFIG, WEIGHTS
from goldenlayers_core.editing.overlay import checked
from goldenlayers_core.errors import EditError, RequestError
from goldenlayers_core.evaluation import evaluate_edit
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.stored import EDIT_VERSION, save_report
from goldenlayers_core.tasks.questions import EditQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

MOST_BYTES: Final = 512 * 2**20  # of everything in a file or zip


@dataclass(frozen=True, slots=True)
class Imported:
    """An edit that came in."""

    edit_id: str
    run_id: str  # that measured it; "" where it states no prompt to ask
    writes: str  # its fact in words, or what it is
    layers: tuple[int, ...]
    before: str  # answers to its own prompt without and with it alone
    after: str


def import_edits(
    bench: "Workbench", model: ModelSource, files: Mapping[str, bytes], name: str, progress: Progress
) -> tuple[Imported, ...]:
    """Store the edits that some files hold, bottom of the stack first, and measure each on its own prompt.

    `files` by name: an edit file, or an adapter's two files; a zip counts as what is in it. Nothing is stored unless
    all of it belongs to this model. Raises EditError, saying what differs or what is damaged.
    """
    handle = bench.model(model, progress)
    found = []
    edits = edits_of(handle, unzipped(files, name), name)
    for i, edit in enumerate(edits):
        progress.update(i, len(edits), "Asking the edits' own prompts, before and after")
        bench.store.save_arrays("edits", edit.edit_id, *to_arrays(edit))
        run_id, before, after = _measured(bench, handle, edit, model, name)
        found.append(Imported(edit.edit_id, run_id, _words(edit), edit.layers, before, after))
    progress.update(len(edits), len(edits), "Imported")
    return tuple(found)


def _words(edit: Edit) -> str:
    fact, more = edit.fact, f" and {len(edit.facts) - 1} more" if len(edit.facts) > 1 else ""
    return f"{fact.prompt} → {fact.target_new}{more}" if fact.prompt else f"{fact.subject} ({fact.target_new})"


def edits_of(handle: ModelHandle, files: Mapping[str, bytes], name: str) -> tuple[Edit, ...]:
    """The edits that some files hold, all of them of this model. Raises EditError."""
    found = [file for file in files if file.endswith(".safetensors")]
    pickled = next((file for file in files if file.endswith((".bin", ".pt", ".pth"))), None)
    if pickled and not found:
        raise EditError(f"{pickled} is pickled, which can run code when it is read; save it as safetensors.")
    if any(adapter_files(files)):
        return (edit_from_adapter(handle, files, name),)
    if len(found) != 1:
        raise EditError(
            f"{name} holds {len(found)} safetensors files where one of edits is needed; give a file exported here, or "
            f"a LoRA adapter ({CONFIG} and {WEIGHTS})."
        )
    opened = unpack(files[found[0]], name)
    check_home(opened.home, handle, name)
    return tuple(checked(handle, edit) for edit in opened.edits)


def _measured(
    bench: "Workbench", handle: ModelHandle, edit: Edit, model: ModelSource, name: str
) -> tuple[str, str, str]:
    """(run id, answer before, after) of an edit's own prompt; the report made here, where there is one, stays."""
    fact, source = edit.fact, f"imported from {name}"
    if not fact.prompt:
        return "", "", ""
    request = EditRequest(fact.case_id, fact.prompt, fact.subject, fact.target_new, fact.target_true, source=source)
    try:
        report = evaluate_edit(handle, edit, request, layer_evidence=source)
    except RequestError:  # a prompt that cannot be asked says nothing about the edit
        return "", "", ""
    run_id = f"edit-{edit.edit_id[:16]}"
    if not any(run.run_id == run_id for run in bench.store.runs()):
        registered = any(method.name == edit.method for method in methods())
        settings = _settings(edit) if registered else {}
        origin = {
            **provenance(),
            **report.provenance,
            "config": edit.config,
            "code": EDIT_VERSION,
            "judgement": JUDGEMENT,
            "imported": name,
        }
        question = EditQuestion(model, plain(request), edit.method, edit.layer, settings)
        run_id = save_report(bench.store, question, dataclasses.replace(report, provenance=origin), handle.name)
    return run_id, report.before.answer, report.after.answer


def _settings(edit: Edit) -> dict[str, Any]:
    try:
        return dict(json.loads(edit.config))
    except (ValueError, TypeError):  # it says nothing of what the edit does
        return {}


def read_path(path: Path) -> dict[str, bytes]:
    """The files to import at a path: one file, or those of an adapter's folder.

    peft puts an adapter of another name than "default" into a folder of that name: where there is one such folder, it
    is taken. Raises EditError.
    """
    place = path.expanduser()
    try:
        found = _of_folder(place) if place.is_dir() else [place]
        if sum(file.stat().st_size for file in found if file.is_file()) > MOST_BYTES:
            raise EditError(f"{path} is larger than {MOST_BYTES // 2**20} MiB, which no edit is; check its name.")
        return {file.name: file.read_bytes() for file in found}
    except OSError as error:
        raise EditError(f"{path} cannot be read ({error.strerror or error}); check its name.") from error


def _of_folder(place: Path) -> list[Path]:
    """An adapter's files where they have peft's names, or else whatever may be of one, or of an edit."""
    inner = [] if any(place.glob("*.safetensors")) else [config.parent for config in place.glob(f"*/{CONFIG}")]
    _check_single([folder.name for folder in inner], place.name)
    folder = inner[0] if inner else place
    own = [folder / CONFIG, folder / WEIGHTS]
    if own[1].is_file():
        return [file for file in own if file.is_file()]
    return sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors", ".bin"))


def _check_single(folders: list[str], name: str) -> None:
    if len(folders) > 1:
        raise EditError(f"{name} holds {len(folders)} adapters ({', '.join(sorted(folders))}); give one of them.")


def unzipped(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """The same files with zips replaced by what is in them, by name without folders. Raises EditError."""
    found: dict[str, bytes] = {}
    for file, data in files.items():
        if not zipfile.is_zipfile(io.BytesIO(data)):
            found[file] = data
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entries = [e for e in archive.infolist() if not e.is_dir() and "__MACOSX" not in e.filename]
                if sum(e.file_size for e in entries) > MOST_BYTES:
                    raise EditError(f"{name} unpacks to more than {MOST_BYTES // 2**20} MiB, which no edit does.")
                places = [PurePosixPath(e.filename) for e in entries]
                _check_single([str(at.parent) for at in places if at.name == CONFIG], name)
                found |= {PurePosixPath(e.filename).name: archive.read(e) for e in entries}
        except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, ValueError, EOFError) as error:
            raise EditError(f"The zip {name} cannot be opened ({error}); zip the files again.") from error
    return found
