"""Edits piling up at one layer, and at another: words of the panel, perplexity, and other facts still answered.

Every edit is computed on the unedited model, as in benchmarks/collapse.py, whose measurement this is in small.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from torch import Tensor

from goldenlayers_core.editing import Edit, get_method, overlay
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.errors import RequestError
from goldenlayers_core.evaluation.answers import accepts
from goldenlayers_core.evaluation.panel import bundled_panel, guard_curve, panel_states
from goldenlayers_core.evaluation.read import Question, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.edit.panel import SAMPLE
from goldenlayers_core.results.learn.pile import Pile, PileCurve
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.one_edit import method_settings
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.learn.wrong import TABLE, pile_name
from goldenlayers_core.tasks.questions import PileQuestion
from goldenlayers_core.tasks.serial import plain

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_EDITS: Final = 3  # how many sizes of the pile take as long as writing all its edits at one layer


def pile(bench: "Workbench", question: PileQuestion, progress: Progress) -> str:
    """Measure and store; the name under which `wrong.open_pile` finds it. Raises a GoldenLayersError."""
    handle = bench.model(question.model, progress)
    name = pile_name(handle.fingerprint, str(handle.dtype).removeprefix("torch."), question)
    if name not in bench.store.names(TABLE):
        bench.store.save_json(TABLE, name, plain(measured(bench, handle, question, progress)))
    return name


def measured(bench: "Workbench", handle: ModelHandle, question: PileQuestion, progress: Progress) -> Pile:
    """The pile at every layer of the question. Raises RequestError where there are too few requests to write."""
    start = time.perf_counter()
    requests = bench.requests(question.choice, question.model, progress).requests
    facts, written = requests[: question.facts], requests[question.facts :][: question.sizes[-1]]
    if len(written) < question.sizes[1]:
        raise RequestError(
            f"{question.choice.words} has {len(requests)} requests; {question.facts + question.sizes[1]} are needed at "
            "least, some to ask and some to write. Choose a larger part of a dataset."
        )
    for layer in question.layers:
        handle.check_layer(layer)
    method = get_method(question.method)
    config = method_settings(method.config_class, question.settings)
    supplies = supplies_of(bench, handle, method, config, question.layers, progress)
    texts = [p.prompt for p in bundled_panel()][::SAMPLE]
    before, kept = panel_states(handle, texts), still_answered(handle, [], facts)
    steps, total = _EDITS + len(question.sizes), (_EDITS + len(question.sizes)) * len(question.layers)
    curves: list[PileCurve] = []
    skipped: list[tuple[str, str]] = []
    for layer, made in edits_at(handle, method, written, question.layers, config, supplies, progress.check):
        edits = [edit for edit in made if isinstance(edit, Edit)]
        skipped += [(r.prompt, why) for r, why in zip(written, made, strict=True) if isinstance(why, str)]
        ground = _Ground(handle, texts, before, facts, kept)
        told = partial(_told, progress, steps * len(curves) + _EDITS, total)
        curves.append(ground.curve(layer, edits, question.sizes, told))
    return Pile(
        model=handle.name,
        fingerprint=handle.fingerprint,
        method=method.name,
        dataset=question.choice.words,
        written=tuple(r.prompt for r in written),
        facts=tuple(r.prompt for r in facts),
        n_prompts=len(texts),
        curves=tuple(sorted(curves, key=lambda curve: curve.layer)),
        skipped=tuple(skipped),
        seconds=time.perf_counter() - start,
        provenance={**provenance(), "dtype": str(handle.dtype).removeprefix("torch."), "device": str(handle.device)},
    )


def _told(progress: Progress, done: int, total: int, points: int) -> None:
    """How far the piles are, after `points` sizes of this one."""
    progress.update(done + points, total, "Edits piling up")


@dataclass(frozen=True, eq=False)
class _Ground:
    """What a pile is measured on, and what the unedited model makes of it."""

    handle: ModelHandle
    texts: Sequence[str]  # prompts of the panel
    before: Tensor
    """(N, width) states of the texts."""
    facts: Sequence[EditRequest]
    kept: float  # share of the facts answered

    def curve(
        self, layer: int, edits: Sequence[Edit], sizes: Sequence[int], between: Callable[[int], None]
    ) -> PileCurve:
        """The first n edits, for every n of `sizes` that there are edits for; `between(points done)` may cancel."""
        possible = [size for size in sizes if size <= len(edits)]
        kept: list[float] = []

        def point(count: int) -> None:
            size = possible[count - 1]
            kept.append(still_answered(self.handle, edits[:size], self.facts) if size else self.kept)
            between(count)

        return PileCurve(
            layer, guard_curve(self.handle, edits, possible, self.texts, {0: self.before}, point), tuple(kept)
        )


def still_answered(handle: ModelHandle, edits: Sequence[Edit], facts: Sequence[EditRequest]) -> float:
    """Share of the facts that are answered with their true target under the edits, stacked."""
    with handle.lock, overlay(handle, edits):
        said = read(handle, [Question(fact.prompt) for fact in facts])
    return sum(accepts(s.view.answer, f.true_answers) for s, f in zip(said, facts, strict=True)) / len(facts)
