"""`covariance`: what a model's keys usually are, for the methods that preserve them."""

import dataclasses
from typing import Annotated

import typer

from goldenlayers_core.commands.asking import asking
from goldenlayers_core.commands.console import Device, Dtype, Json, Model, say
from goldenlayers_core.commands.engines import engine_question, found_on
from goldenlayers_core.commands.sweep import Layers, layer_numbers
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.edit.covariance import CovarianceCard
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.engine_choice import EngineChoice
from goldenlayers_core.tasks.questions import CovarianceQuestion


def covariance_question(
    model: Model = "bundled",
    source: Annotated[
        str, typer.Option("--source", help="samples (the model's own), a file, or hub:owner/name/path")
    ] = "samples",
    tokens: Annotated[int, typer.Option("--tokens", help="whose keys are added up, at most")] = 10240,
    layers: Layers = "all",
    shrinkage: Annotated[float, typer.Option("--shrinkage", help="share of the identity mixed in")] = 0.01,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> CovarianceQuestion:
    """The question of the command's options."""
    return CovarianceQuestion(ModelSource(model, None, device, dtype), source, tokens, layer_numbers(layers), shrinkage)


@asking(covariance_question, engine_question)
def covariance(question: CovarianceQuestion, where: EngineChoice, as_json: Json = False) -> None:
    """Estimate the covariance of the keys of every layer, and keep it for the methods that use one."""
    from goldenlayers_core.tasks.covariance import estimated

    bench = open_workbench()
    _, found = found_on(bench, question, where, estimated)
    tell_covariance(found, as_json)


def tell_covariance(card: CovarianceCard, as_json: bool) -> None:
    """Print what is known of an estimate."""
    lines = [
        f"{card.model}: {card.words}, {card.width:,} directions, shrinkage {card.shrinkage:g}, {card.seconds:.1f} s"
    ]
    lines += [f"{'layer':>5} {'condition':>10}"]
    lines += [f"{layer:5} {cond:10.4g}" for layer, cond in zip(card.layers, card.conditions, strict=True)]
    say(as_json, dataclasses.asdict(card), lambda: lines)
