"""`trace` and `evaluate`: where answers come from, and what a saved edit changes."""

from pathlib import Path
from typing import Annotated

import typer

from goldenlayers_core.commands.asking import asking
from goldenlayers_core.commands.console import Data, Device, Dtype, Json, KnownOnly, Limit, Model, Split, say, working
from goldenlayers_core.commands.engines import engine_question, found_on
from goldenlayers_core.records import ModelSource, TraceConfig
from goldenlayers_core.results import TraceResult
from goldenlayers_core.tasks import DatasetChoice, TraceQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.engine_choice import EngineChoice


def trace_question(
    model: Model = "bundled",
    dataset: Data = "bundled",
    limit: Limit = None,
    split: Split = "all",
    kind: Annotated[str, typer.Option("--kind", help="what is restored: hidden, mlp or attention")] = "mlp",
    window: Annotated[int | None, typer.Option("--window", help="layers restored together; ROME's share else")] = None,
    answer: Annotated[str, typer.Option("--answer", help="model (its own greedy answer) or dataset")] = "model",
    positions: Annotated[str, typer.Option("--positions", help="all, or subject: only its last token, faster")] = "all",
    samples: Annotated[int, typer.Option("--samples", help="noise samples per request")] = 10,
    noise: Annotated[float | None, typer.Option("--noise", help="standard deviation; 3 x the subjects' else")] = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    known_only: KnownOnly = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> TraceQuestion:
    """The question of the command's options."""
    config = TraceConfig(
        kind=kind,  # type: ignore[arg-type]  # checked by TraceConfig, as the next two
        window=window,
        noise=noise,
        n_samples=samples,
        seed=seed,
        answer=answer,  # type: ignore[arg-type]
        positions=positions,  # type: ignore[arg-type]
    )
    source = ModelSource(model, None, device, dtype)
    return TraceQuestion(source, DatasetChoice(dataset, split, limit, known_only), config)


@asking(trace_question, engine_question)
def trace(question: TraceQuestion, where: EngineChoice, as_json: Json = False) -> None:
    """Causal tracing: where an answer comes back when one clean state is put into a corrupted run."""
    from goldenlayers_core.tasks.scores.trace import trace_result

    bench = open_workbench()
    question, (result, resolved) = found_on(bench, question, where, trace_result)
    tell_trace(bench, question, result, resolved, as_json)


def tell_trace(
    bench: Workbench, question: TraceQuestion, result: TraceResult, resolved: TraceConfig, as_json: bool
) -> None:
    """Store the run, and print it; `resolved` is the config with all numbers in it."""
    from goldenlayers_core.commands.answers_trace import trace_answer, trace_lines
    from goldenlayers_core.tasks.scores.stored_trace import save_trace

    run_id = save_trace(bench.store, question, resolved, result)
    content = trace_answer(result, question.choice.dataset, run_id)
    say(as_json, content, lambda: trace_lines(content))


def evaluate(
    edit: Annotated[Path, typer.Option("--edit", help="a file written by `edit --out`")],
    model: Model = "bundled",
    dataset: Data = "bundled",
    limit: Limit = None,
    split: Split = "all",
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Json = False,
) -> None:
    """A saved edit on a whole dataset: what took, what else moved, and whether the model still writes as it did."""
    from goldenlayers_core.commands.answers_trace import evaluation_answer, evaluation_lines
    from goldenlayers_core.tasks.edit.evaluation import evaluate_on, open_edit_file

    made = open_edit_file(edit)
    source = ModelSource(model, None, device, dtype)
    found = working(evaluate_on, open_workbench(), source, made, DatasetChoice(dataset, split, limit))
    say(as_json, evaluation_answer(found), lambda: evaluation_lines(found))
