"""LGA of a model larger than memory: its layers are read one by one, and the rows are those of any other score run."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from goldenlayers_core.attribution.lga import ScoredBatch
from goldenlayers_core.attribution.requests import Usable
from goldenlayers_core.attribution.streamed import iter_lga_streamed
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.streaming import Streamed, open_streamed
from goldenlayers_core.records import SPILLS
from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.questions import ScoreQuestion
from goldenlayers_core.tasks.scores.layer_scores import scores_by
from goldenlayers_core.tasks.scores.methods import Lga

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


class _LayerByLayer(Lga):
    def __init__(self, model: Streamed, bench: "Workbench") -> None:
        self._model, self._folder = model, bench.home

    def batches(
        self, _handle: ModelHandle, found: Usable, question: ScoreQuestion, step: Callable[[float], None]
    ) -> Iterator[ScoredBatch]:
        """Scored, all of them when the last layer is done."""

        def told(share: float) -> None:
            step(share * len(found.requests))

        yield from iter_lga_streamed(
            self._model, found.requests, found.old_answers, question.config, told, self._folder
        )


def check_layer_by_layer(question: ScoreQuestion) -> None:
    """Raises ConfigError for what needs the whole model at once."""
    reason = ""
    if question.method != "lga":
        reason = f"the method {question.method!r} needs the whole model at once"
    elif question.config.old_answer == "model" or question.choice.known_only:
        reason = "the model's own answers are written token by token, each through all layers"
    elif question.model.spills:
        reason = f"blocks are let go as soon as they are used (leave out {SPILLS})"
    elif question.config.precision != "model":
        reason = "the layers are read in one number format (choose it with --dtype)"
    if reason:
        raise ConfigError(f"LGA with the dataset's old answers can be computed layer by layer, and no more: {reason}.")


def scores_layer_by_layer(
    bench: "Workbench", question: ScoreQuestion, progress: Progress, room: int | None = None
) -> tuple[LayerScores, Selection]:
    """What `layer_scores` finds, of a model of which one layer at a time is in memory, in `room` bytes for weights
    (None: a share of what is free). Rows are stored when the last layer is done.

    Raises a GoldenLayersError of one sentence.
    """
    check_layer_by_layer(question)
    bench.mode.check_model(question.model)
    dataset = bench.requests(question.choice, question.model, progress)
    model = open_streamed(question.model, cache=bench.root, progress=progress.update, room=room)
    return scores_by(_LayerByLayer(model, bench), model.handle, bench.store, dataset, question, progress)
