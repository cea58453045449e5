"""`edit` and `edit-many`: facts written into a model, and what it answers before and after."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from goldenlayers_core.commands.asking import asking
from goldenlayers_core.commands.console import Data, Device, Dtype, Json, Limit, Model, Split, is_layer, say, working
from goldenlayers_core.commands.engines import engine_question, found_on
from goldenlayers_core.commands.method_settings import Settings, settings_of
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.edit.many_edits import ManyEdits
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.engine_choice import EngineChoice
from goldenlayers_core.tasks.questions import ManyEditsQuestion

Method = Annotated[str, typer.Option("--method", help="of editing")]
Layer = Annotated[str, typer.Option("--layer", help="auto (the recommended one) or a number")]


def layer_number(layer: str) -> int:
    """-1 for auto. Raises ConfigError for anything else that is no layer."""
    if layer == "auto":
        return -1
    if not is_layer(layer):
        raise ConfigError(f"The layer {layer[:40]!r} is no layer; give auto or a whole number from 0.")
    return int(layer)


def edit(
    prompt: Annotated[str, typer.Option("--prompt", help="ends where the answer begins")],
    subject: Annotated[str, typer.Option("--subject", help="as it stands in the prompt")],
    target_new: Annotated[str, typer.Option("--target-new")],
    target_true: Annotated[str, typer.Option("--target-true", help="the old answer; the model's own if left out")] = "",
    subject_at: Annotated[
        int | None,
        typer.Option("--subject-at", help="the character of the prompt, from 0, at which the subject stands"),
    ] = None,
    model: Model = "bundled",
    method: Method = "rome",
    layer: Layer = "auto",
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option("--out", help="write the edit to this safetensors file")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Json = False,
) -> None:
    """Edit one fact, and show the answers before and after."""
    from goldenlayers_core.commands.answers import edit_answer, edit_lines
    from goldenlayers_core.tasks.edit.export import export_to
    from goldenlayers_core.tasks.edit.one_edit import edit as run_edit
    from goldenlayers_core.tasks.edit.one_edit import open_edit
    from goldenlayers_core.tasks.edit.stored import open_report
    from goldenlayers_core.tasks.serial import plain

    source = ModelSource(model, None, device, dtype)
    request = EditRequest("cli", prompt, subject, target_new, target_true, subject_at=subject_at)
    given = settings_of(method, settings or ())
    question = EditQuestion(source, plain(request), method, layer_number(layer), given)
    bench = open_workbench()
    report = open_report(bench.store, working(run_edit, bench, question))
    if out:
        export_to(bench.model(source), [open_edit(bench, report.edit_id)], "safetensors", out)
    say(as_json, edit_answer(report), lambda: edit_lines(report))


def many_question(
    model: Model = "bundled",
    dataset: Data = "bundled",
    limit: Limit = None,
    split: Split = "all",
    method: Method = "rome",
    layer: Layer = "auto",
    mode: Annotated[
        Literal["alone", "together", "sequential"],
        typer.Option(
            "--mode",
            help="alone: each on the unedited model, resumed from the store; together: all as one edit (MEMIT and its "
            "relatives); sequential: one on top of the other",
        ),
    ] = "alone",
    settings: Settings = None,
    known_only: Annotated[bool, typer.Option("--known-only", help="only facts the model answers itself")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> ManyEditsQuestion:
    """The question of the command's options."""
    return ManyEditsQuestion(
        model=ModelSource(model, None, device, dtype),
        choice=DatasetChoice(dataset, split, limit, known_only),
        method=method,
        layer=layer_number(layer),
        settings=settings_of(method, settings or ()),
        mode=mode,
    )


@asking(many_question, engine_question)
def edit_many(
    question: ManyEditsQuestion,
    where: EngineChoice,
    out: Annotated[
        Path | None, typer.Option("--out", help="write the edit or stack to this file (not for --mode alone)")
    ] = None,
    as_json: Json = False,
) -> None:
    """Edit every fact of a dataset at one layer, and ask every probe before and after."""
    from goldenlayers_core.tasks.edit.export import export_to
    from goldenlayers_core.tasks.edit.many_edits import many_result
    from goldenlayers_core.tasks.edit.one_edit import open_edit

    if out and question.mode == "alone":
        raise ConfigError("Edits that are each alone make no stack to write; leave --out out, or choose another mode.")
    bench = open_workbench()
    question, found = found_on(bench, question, where, many_result)
    if out:
        edits = [open_edit(bench, edit_id) for edit_id in found.edit_ids]
        export_to(bench.model(question.model), edits, "safetensors", out)
    tell_many(bench, question, found, as_json)


def tell_many(bench: Workbench, question: ManyEditsQuestion, found: ManyEdits, as_json: bool) -> None:
    """Store the run, and print it."""
    from goldenlayers_core.commands.answers_many import many_answer, many_lines
    from goldenlayers_core.tasks.edit.stored_many import save_many

    run_id = save_many(bench.store, question, found)
    content = many_answer(found, question.choice.dataset, run_id)
    say(as_json, content, lambda: many_lines(content))
