"""A sweep in parts: the batches of a single process, each at every layer that was asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from goldenlayers_core.evaluation.sweep import UNEDITED, chunks, tokens_of
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.parts import Part
from goldenlayers_core.tasks.plan_cost import Work, shape_of
from goldenlayers_core.tasks.plans import Batch
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.stored_rows import TOKENS_VERSION
from goldenlayers_core.tasks.truth.stored_sweep import SWEEP_VERSION
from goldenlayers_core.tasks.truth.sweep import open_bed
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_TAKEN: Final = 0.3  # of the passes that the optimisation may take, with direct steps
_SUFFIX: Final = 0.5  # of a row's tokens are from the subject's last one on
_BACKWARD: Final = 2.0  # a pass and its gradients by activations, in passes
_ANSWER: Final = 4  # tokens of a probe that go through the LM head
_WANTED: Final = 2  # tokens of a new answer, likewise in every row


class SweepParts:
    """The work of a SweepQuestion (see tasks.plans.Parted)."""

    def __init__(self, bench: "Workbench", question: SweepQuestion, progress: Progress) -> None:
        self.question, self.bed = question, open_bed(bench, question, progress)
        self.handle = self.bed.handle
        self.layers = question.layers or tuple(range(self.handle.n_layers))
        for layer in self.layers:
            self.handle.check_layer(layer)
        self.requests = tuple({r.digest: r for r in self.bed.requests}.values())
        self.n_skipped, self.key, self.dataset = len(self.bed.skipped), self.bed.key, question.choice.words
        self.code = f"{SWEEP_VERSION}, tokens {TOKENS_VERSION}, judgement {JUDGEMENT}"
        self.steps = _TAKEN * getattr(self.bed.config, "steps", 1)
        self.assumptions = (
            f"An edit takes {self.steps:.3g} passes with gradients over {_SUFFIX:.0%} of its rows' tokens, and its "
            "probes one pass more, from its layer to the last.",
        )

    def batches(self) -> list[Batch]:
        """As the single process makes them."""
        templates, found = self.bed.supplies.templates, []
        for chunk in chunks(self.handle, self.requests, templates):
            tokens = [tokens_of(self.handle, self.requests[i], templates) for i in chunk]
            probes, rows = sum(own for own, _ in tokens), sum(own for _, own in tokens)
            asked = _ANSWER * sum(len(self.requests[i].probes) for i in chunk)
            wanted = _WANTED * len(templates) * len(chunk)
            factor = 2.0 if self.bed.writing else 1.0
            each = tuple(self._work(at, (probes, asked), (rows, wanted)).times(factor) for at in self.layers)
            start = self._work(0, (probes, asked), (0, 0))
            found.append(Batch(tuple(chunk), self.layers, probes + rows, start, each))
        return found

    def _work(self, layer: int, probes: tuple[int, int], rows: tuple[int, int]) -> Work:
        """One batch at one layer, by (tokens, those that go through the LM head) of its probes and of its edits' rows;
        without rows, the unedited model."""
        shape, above = shape_of(self.handle), self.handle.n_layers - layer
        steps = _BACKWARD * self.steps if rows[0] else 0.0
        tokens, heads = probes[0] + steps * _SUFFIX * rows[0], probes[1] + steps * rows[1]
        passes = max(probes[0] / shape.per_pass, 1.0) + steps * max(_SUFFIX * rows[0] / shape.per_pass, 1.0)
        return Work(2e-9 * (tokens * above * shape.block + heads * shape.head), above * passes)

    def done(self, parts: Sequence[Part]) -> list[bool]:
        """Whether every pair of a part is there, and what the unedited model says."""
        have = set(self.bed.rows().index)
        return [
            all((self.requests[i].digest, at) in have for i in part.requests for at in (UNEDITED, *part.layers))
            for part in parts
        ]

    def measure(self, part: Part, progress: Progress) -> int:
        """The pairs of a part that the store lacks."""
        return self.bed.measure([self.requests[i] for i in part.requests], part.layers, progress)
