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
            n_probes = sum(len(self.requests[i].probes) for i in chunk)
            factor = 2.0 if self.bed.writing else 1.0
            each = tuple(self._work(layer, probes, rows, n_probes).times(factor) for layer in self.layers)
            start = self._work(0, probes, 0, n_probes)
            found.append(Batch(tuple(chunk), self.layers, probes + rows, start, each))
        return found

    def _work(self, layer: int, probes: int, rows: int, n_probes: int) -> Work:
        """One batch at one layer; without rows, the unedited model."""
        shape, above = shape_of(self.handle), self.handle.n_layers - layer
        steps = self.steps if rows else 0.0
        tokens = probes + _BACKWARD * steps * _SUFFIX * rows
        heads = _ANSWER * n_probes + _BACKWARD * steps * len(self.bed.supplies.templates) * n_probes / 4
        return Work(
            2e-9 * (tokens * above * shape.block + heads * shape.head),
            above * (max(probes / shape.per_pass, 1.0) + _BACKWARD * steps * max(_SUFFIX * rows / shape.per_pass, 1.0)),
        )

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
