"""`edit`: one fact written into a model, and what it answers before and after."""

from pathlib import Path
from typing import Annotated

import typer

from goldenlayers_core.commands.console import Device, Dtype, Json, Model, reporter, say
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.tasks import EditQuestion, Workbench


def layer_number(layer: str) -> int:
    """-1 for auto. Raises ConfigError for anything else that is no layer."""
    if layer == "auto":
        return -1
    if not layer.isdigit():
        raise ConfigError(f"The layer {layer!r} is no layer; give auto or a whole number from 0.")
    return int(layer)


def edit(
    prompt: Annotated[str, typer.Option("--prompt", help="ends where the answer begins")],
    subject: Annotated[str, typer.Option("--subject", help="as it stands in the prompt")],
    target_new: Annotated[str, typer.Option("--target-new")],
    target_true: Annotated[str, typer.Option("--target-true", help="the old answer; the model's own if left out")] = "",
    model: Model = "bundled",
    method: Annotated[str, typer.Option("--method")] = "rome",
    layer: Annotated[str, typer.Option("--layer", help="auto or a number")] = "auto",
    out: Annotated[Path | None, typer.Option("--out", help="write the edit to this safetensors file")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Json = False,
) -> None:
    """Edit one fact, and show the answers before and after."""
    from goldenlayers_core.tasks.answers import edit_answer, edit_lines
    from goldenlayers_core.tasks.editing import edit as run_edit
    from goldenlayers_core.tasks.editing import open_edit
    from goldenlayers_core.tasks.exporting import export_to
    from goldenlayers_core.tasks.serial import plain
    from goldenlayers_core.tasks.stored import open_report

    source = ModelSource(model, None, device, dtype)
    request = EditRequest("cli", prompt, subject, target_new, target_true)
    question = EditQuestion(source, plain(request), method, layer_number(layer))
    bench = Workbench()
    report = open_report(bench.store, run_edit(bench, question, reporter()))
    if out:
        export_to(bench.model(source), [open_edit(bench, report.edit_id)], "safetensors", out)
    say(as_json, edit_answer(report), lambda: edit_lines(report))
