"""`score`: layers scored by gradients, without an edit."""

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from goldenlayers_core.commands.asking import asking
from goldenlayers_core.commands.console import Data, Device, Dtype, Json, KnownOnly, Limit, Model, Split, say
from goldenlayers_core.commands.engines import engine_question, found_on
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import (
    DamageConfig,
    EditAwareConfig,
    KeyCovariance,
    LgaConfig,
    LineCheckConfig,
    ModelSource,
    SelectionConfig,
)
from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.engine_choice import EngineChoice


def score_question(
    model: Model = "bundled",
    dataset: Data = "bundled",
    limit: Limit = None,
    split: Split = "all",
    method: Annotated[
        Literal["lga", "edit-aware", "line-check", "damage"], typer.Option("--method", help="how layers are scored")
    ] = "lga",
    scope: Annotated[str, typer.Option("--scope", help="LGA: mlp, mlp_out, attention or block")] = "mlp",
    old_answer: Annotated[str, typer.Option("--old-answer", help="LGA: dataset or model")] = "dataset",
    loss_on: Annotated[str, typer.Option("--loss-on", help="LGA: sequence (prompt and answer) or answer")] = "sequence",
    precision: Annotated[str, typer.Option("--precision", help="model or bfloat16")] = "model",
    covariance: Annotated[
        KeyCovariance,
        typer.Option("--covariance", help="of the predicted edits: identity (none), samples, or the text given last"),
    ] = "identity",
    fence: Annotated[float, typer.Option("--fence", help="LGA: k of the Tukey fences")] = 1.0,
    known_only: KnownOnly = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> ScoreQuestion:
    """The question of the command's options. Raises ConfigError for a covariance of LGA, which predicts no edits."""
    if method == "lga" and covariance != "identity":
        raise ConfigError(
            "LGA predicts no edits, so that a key covariance changes nothing; leave out --covariance, or choose "
            "--method edit-aware, line-check or damage."
        )
    return ScoreQuestion(
        model=ModelSource(model, None, device, dtype),
        choice=DatasetChoice(dataset, split, limit, known_only),
        config=LgaConfig(scope, old_answer, precision, loss_on=loss_on),  # type: ignore[arg-type]  # checked by LgaConfig
        selection=SelectionConfig(fence=fence),
        method=method,
        edit_aware=EditAwareConfig(precision=precision, covariance=covariance),  # type: ignore[arg-type]  # checked there
        line_check=LineCheckConfig(precision=precision, covariance=covariance),  # type: ignore[arg-type]
        damage=DamageConfig(precision=precision, covariance=covariance),  # type: ignore[arg-type]
    )


@asking(score_question, engine_question)
def score(
    question: ScoreQuestion,
    where: EngineChoice,
    as_json: Json = False,
    layer_by_layer: Annotated[
        bool,
        typer.Option("--layer-by-layer", help="LGA of a model larger than memory: each layer is read from disk twice"),
    ] = False,
) -> None:
    """Layer scores of a dataset by LGA or by what an edit is predicted to do, and the golden layer."""
    if layer_by_layer and where.engine != "local":
        raise ConfigError("Layer by layer is the work of one process; leave out --layer-by-layer or --engine.")
    by: Callable[[Workbench, ScoreQuestion, Progress], tuple[LayerScores, Selection]]
    if layer_by_layer:
        from goldenlayers_core.tasks.scores.layer_by_layer import scores_layer_by_layer

        by = scores_layer_by_layer
    else:
        from goldenlayers_core.tasks.scores.layer_scores import layer_scores

        by = layer_scores
    bench = open_workbench()
    question, (scores, selection) = found_on(bench, question, where, by)
    tell_scores(bench, question, scores, selection, as_json)


def tell_scores(
    bench: Workbench, question: ScoreQuestion, scores: LayerScores, selection: Selection, as_json: bool
) -> None:
    """Store the run, and print it."""
    from goldenlayers_core.commands.answers import score_answer, score_lines
    from goldenlayers_core.tasks.scores.stored import other_pick, save_scores

    run_id = save_scores(bench.store, question, scores, selection)
    other = other_pick(scores, question)
    content = score_answer(scores, selection, question.choice.dataset, run_id, other)
    say(as_json, content, lambda: score_lines(content))
