"""`search`: the golden layer by real edits within a time budget."""

from typing import Annotated

import typer

from goldenlayers_core.commands.console import (
    Data,
    Device,
    Dtype,
    Json,
    KnownOnly,
    Limit,
    Model,
    Split,
    say,
    working,
)
from goldenlayers_core.commands.method_settings import Settings, with_options
from goldenlayers_core.commands.sweep import Layers, layer_numbers
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import DatasetChoice, open_workbench
from goldenlayers_core.tasks.questions import SearchQuestion


def search(
    model: Model = "bundled",
    dataset: Data = "bundled",
    limit: Limit = None,
    split: Split = "all",
    method: Annotated[str, typer.Option("--method", help="of editing")] = "rome",
    seconds: Annotated[float, typer.Option("--seconds", help="budget; it runs once the model is ready")] = 300.0,
    seed: Annotated[int, typer.Option("--seed", help="of the order in which requests are drawn")] = 0,
    layers: Layers = "all",
    templates: Annotated[
        int | None, typer.Option("--templates", help="context templates; the method's own else")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="of the value optimisation; the method's own else")
    ] = None,
    settings: Settings = None,
    known_only: KnownOnly = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: Json = False,
) -> None:
    """Race the layers by real edits within a time budget; what is stored already costs nothing."""
    from goldenlayers_core.commands.answers_search import search_answer, search_lines
    from goldenlayers_core.tasks.truth.search import search_result
    from goldenlayers_core.tasks.truth.stored_search import save_search

    if not 0 <= seconds < float("inf"):
        raise ConfigError(f"A search of {seconds:g} seconds was asked for; give a number from 0 on, such as 300.")
    if seed < 0:
        raise ConfigError(f"The seed {seed} was given; give a whole number from 0 on.")
    question = SearchQuestion(
        model=ModelSource(model, None, device, dtype),
        choice=DatasetChoice(dataset, split, limit, known_only),
        method=method,
        settings=with_options(method, settings, n_templates=templates, steps=steps),
        layers=layer_numbers(layers),
        seconds=seconds,
        seed=seed,
    )
    bench = open_workbench()
    found = working(search_result, bench, question)
    content = search_answer(found, dataset, save_search(bench.store, question, found))
    say(as_json, content, lambda: search_lines(content))
