"""A sweep in parts: the batches of a single process, each at every layer that was asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from goldenlayers_core.evaluation.read import ANSWER_TOKENS, TOKEN_BUDGET
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
_OPEN: Final = 0.25  # of the probes are answered otherwise than expected after an edit, and their answers written out
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
            f"probes one pass more, from its layer to the last; {_OPEN:.0%} of their answers are written out.",
        )

    def batches(self) -> list[Batch]:
        """As the single process makes them."""
        templates, found = self.bed.supplies.templates, []
        for chunk in chunks(self.handle, self.requests, templates):
            tokens = [tokens_of(self.handle, self.requests[i], templates) for i in chunk]
            probes, rows = sum(own for own, _ in tokens), sum(own for _, own in tokens)
            asked = sum(len(self.requests[i].probes) for i in chunk)
            edits = rows, _WANTED * len(templates) * len(chunk)
            factor = 2.0 if self.bed.writing else 1.0
            each = tuple(self._edited(at, (probes, asked), edits).times(factor) for at in self.layers)
            found.append(Batch(tuple(chunk), self.layers, probes + rows, self._unedited(probes, asked, rows), each))
        return found

    def _unedited(self, probes: int, asked: int, rows: int) -> Work:
        """What the unedited model says to the probes, and the states of all of them and of the edits' rows."""
        layers = self.handle.n_layers
        states = self._passed(probes, layers, _ANSWER * asked) + self._passed(rows, layers, 0)
        return states + self._written(probes, asked)

    def _edited(self, layer: int, probes: tuple[int, int], rows: tuple[int, int]) -> Work:
        """One batch at one layer: (tokens of its probes, their number), (tokens of its rows, those that go through the
        LM head)."""
        above, steps = self.handle.n_layers - layer, _BACKWARD * self.steps
        edited = self._passed(_SUFFIX * rows[0], above, rows[1]).times(steps)
        measured = self._passed(probes[0], above, _ANSWER * probes[1])
        return edited + measured + self._written(_OPEN * probes[0], _OPEN * probes[1])

    def _written(self, tokens: float, asked: float) -> Work:
        """Prompts answered: a pass over them, and one more for every token that is written."""
        layers = self.handle.n_layers
        calls = layers * ANSWER_TOKENS * max(tokens / TOKEN_BUDGET, 1.0)
        return self._passed(tokens, layers, (ANSWER_TOKENS + 1) * asked) + Work(0.0, calls)

    def _passed(self, tokens: float, layers: int, heads: float) -> Work:
        """Tokens through the last so many layers, and some of them through the LM head."""
        shape = shape_of(self.handle)
        gflop = 2e-9 * (tokens * layers * shape.block + heads * shape.head)
        return Work(gflop, layers * max(tokens / shape.per_pass, 1.0))

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
