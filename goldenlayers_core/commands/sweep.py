"""`sweep`: real edits of every request at every layer, and what every way to choose a layer gives away by them."""

from typing import Annotated

import typer

from goldenlayers_core.commands.asking import asking
from goldenlayers_core.commands.console import (
    Data,
    Device,
    Dtype,
    Json,
    KnownOnly,
    Limit,
    Model,
    Split,
    is_layer,
    reporter,
    say,
)
from goldenlayers_core.commands.engines import engine_question, found_on
from goldenlayers_core.commands.method_settings import Settings, with_options
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import SweepResult
from goldenlayers_core.tasks import DatasetChoice, Workbench, open_workbench
from goldenlayers_core.tasks.engine_choice import EngineChoice
from goldenlayers_core.tasks.questions import SweepQuestion

Layers = Annotated[str, typer.Option("--layers", help="all, or numbers with commas: 0,3,6")]


def layer_numbers(layers: str) -> tuple[int, ...]:
    """() for all, else the numbers, each once and shallow first. Raises ConfigError for anything that is no layer."""
    if layers.strip() == "all":
        return ()
    parts = [part.strip() for part in layers.split(",")]
    wrong = next((part for part in parts if not is_layer(part)), None)
    if wrong is not None:
        raise ConfigError(f"The layer {wrong[:30]!r} is no layer; give all, or whole numbers with commas: 0,3,6.")
    return tuple(sorted({int(part) for part in parts}))


def sweep_question(
    model: Model = "bundled",
    dataset: Data = "bundled",
    limit: Limit = None,
    split: Split = "all",
    method: Annotated[str, typer.Option("--method", help="of editing")] = "rome",
    layers: Layers = "all",
    templates: Annotated[
        int | None, typer.Option("--templates", help="context templates; the method's own else")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="of the value optimisation; the method's own else")
    ] = None,
    settings: Settings = None,
    known_only: KnownOnly = False,
    writing: Annotated[
        bool, typer.Option("--writing", help="fluency and perplexity drift too, which doubles the time")
    ] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> SweepQuestion:
    """The question of the command's options."""
    return SweepQuestion(
        model=ModelSource(model, None, device, dtype),
        choice=DatasetChoice(dataset, split, limit, known_only),
        method=method,
        settings=with_options(method, settings, n_templates=templates, steps=steps),
        layers=layer_numbers(layers),
        writing=writing,
    )


@asking(sweep_question, engine_question)
def sweep(
    question: SweepQuestion,
    where: EngineChoice,
    estimates: Annotated[
        bool, typer.Option("--estimates/--no-estimates", help="LGA and every other estimate of the layer beside it")
    ] = True,
    as_json: Json = False,
) -> None:
    """Real edits of every request at every layer, measured; what is stored already is not computed again."""
    from goldenlayers_core.tasks.truth.sweep import sweep_result

    bench = open_workbench()
    question, found = found_on(bench, question, where, sweep_result)
    tell_sweep(bench, question, found, as_json, estimates)


def tell_sweep(
    bench: Workbench, question: SweepQuestion, found: SweepResult, as_json: bool, estimates: bool = True
) -> None:
    """Store the run, and print it, by default with what the estimates pick."""
    from goldenlayers_core.commands.answers_sweep import sweep_answer, sweep_lines
    from goldenlayers_core.tasks.truth.estimates import compute_estimates, with_reasons
    from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
    from goldenlayers_core.tasks.truth.stored_sweep import save_sweep

    handle = bench.model(question.model)
    run_id = save_sweep(bench.store, question, found)
    facts = ModelFacts(handle.name, handle.fingerprint, handle.n_layers, handle.architecture.model_type)
    cost = found.seconds_per_edit * found.n_requests * len(found.layers)
    reasons = compute_estimates(bench, question, cost, reporter()) if estimates else {}
    made = layer_card(bench.store, facts, found, run_id, question.method)
    card = with_reasons(made, reasons, estimates)
    content = sweep_answer(found, card, question.choice.dataset, run_id)
    say(as_json, content, lambda: sweep_lines(content, card))
