"""`export` and `import`: edits taken away in a format others read, and brought back."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from goldenlayers_core.commands.console import Device, Dtype, Json, Model, reporter, say
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.edit.stack import left_behind
from goldenlayers_core.tasks import open_workbench

if TYPE_CHECKING:
    from goldenlayers_core.editing import Edit
    from goldenlayers_core.tasks.edit.import_edits import Imported


def export(
    edit: Annotated[
        list[Path], typer.Option("--edit", help="a file written by `edit --out` or by this; several make a stack")
    ],
    out: Annotated[Path, typer.Option("--out", help="file (safetensors, easyedit, snippet) or new folder")],
    format: Annotated[
        str, typer.Option("--format", help="safetensors, peft, merged, easyedit or snippet")
    ] = "safetensors",
    model: Model = "bundled",
    merge_dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        typer.Option("--merge-dtype", help="of a merged checkpoint; auto: as the model is loaded"),
    ] = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Json = False,
) -> None:
    """Take edits away: an edit file, a LoRA adapter, a merged checkpoint, EasyEdit's hyperparameters, or a script."""
    from goldenlayers_core.editing.export import get_format
    from goldenlayers_core.tasks.edit.export import export_to, open_edits
    from goldenlayers_core.tasks.edit.merge import merge_report

    form = get_format(format)
    edits = [found for path in edit for found in open_edits(path)]
    handle = open_workbench().model(ModelSource(model, None, device, dtype), reporter())
    written = export_to(handle, edits, form.name, out, dtype=merge_dtype)
    merge = merge_report(written) if form.name == "merged" else None
    content: dict[str, Any] = {
        "format": form.name,
        "path": str(written),
        "bytes": sum(f.stat().st_size for f in written.rglob("*") if f.is_file()) or written.stat().st_size,
        "model": handle.name,
        "fingerprint": handle.fingerprint,
        "caution": left_behind(edits),
        "merge": dataclasses.asdict(merge) if merge else None,
        "edits": [_described(found) for found in edits],
    }
    say(
        as_json,
        content,
        lambda: [
            f"{form.title}: {len(edits)} {'edit' if len(edits) == 1 else 'edits'} of {handle.name}, "
            f"{content['bytes']:,} bytes",
            f"  {written}",
            *([content["caution"]] if content["caution"] else []),
            *(f"  {line}" for line in (merge.lines if merge else ())),
        ],
    )


def _described(edit: "Edit") -> dict[str, Any]:
    facts = [vars(fact) for fact in edit.facts]
    return {"edit_id": edit.edit_id, "method": edit.method, "layers": list(edit.layers), "facts": facts}


def import_(
    file: Annotated[Path, typer.Option("--file", help="an edit file, or a LoRA adapter: its folder or a zip of it")],
    model: Model = "bundled",
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Json = False,
) -> None:
    """Bring edits back: they are stored as if made here, and each is measured on its own prompt."""
    from goldenlayers_core.tasks.edit.import_edits import import_edits, read_path

    source = ModelSource(model, None, device, dtype)
    found = import_edits(open_workbench(), source, read_path(file), file.name or str(file), reporter())
    content = {"file": str(file), "edits": [dataclasses.asdict(edit) for edit in found]}
    say(as_json, content, lambda: [_line(edit) for edit in found])


def _line(edit: "Imported") -> str:
    layers = ", ".join(map(str, edit.layers)) or "none"
    said = f": {edit.before!r} before, {edit.after!r} after" if edit.run_id else ""
    return f"{edit.edit_id[:12]}  layers {layers}  {edit.writes}{said}"
