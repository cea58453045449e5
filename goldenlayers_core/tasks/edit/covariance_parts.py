"""A covariance in parts, by layers: every shard passes through all tokens, and sums the keys of its own layers."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from goldenlayers_core.records import EditRequest
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.covariance import card_key, estimated
from goldenlayers_core.tasks.parts import Part
from goldenlayers_core.tasks.plan_cost import Work, shape_of
from goldenlayers_core.tasks.plans import Batch
from goldenlayers_core.tasks.questions import CovarianceQuestion
from goldenlayers_core.tasks.stored_covariance import cards
from goldenlayers_core.tasks.stored_rows import TOKENS_VERSION

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_EIGEN: Final = 10.0  # multiply-adds of a condition number, in cubes of the width


class CovarianceParts:
    """The work of a CovarianceQuestion (see tasks.plans.Parted)."""

    requests: tuple[EditRequest, ...] = ()
    n_skipped = 0

    def __init__(self, bench: "Workbench", question: CovarianceQuestion, progress: Progress) -> None:
        self.bench, self.question = bench, question
        self.handle = bench.model(question.model, progress)
        self.layers = question.layers or tuple(range(self.handle.n_layers))
        for layer in self.layers:
            self.handle.check_layer(layer)
        self.key, self.code = card_key(bench, self.handle, question), f"tokens {TOKENS_VERSION}"
        self.dataset = f"{question.tokens:,} tokens of {question.source}"
        self.assumptions = ("Every shard passes through all tokens; only products and condition numbers are shared.",)

    def batches(self) -> list[Batch]:
        """One, which is cut by its layers."""
        shape, tokens = shape_of(self.handle), self.question.tokens
        calls = shape.layers * tokens / shape.per_pass
        start = Work(2e-9 * tokens * (shape.layers * shape.block + shape.head), calls)
        each = Work(2e-9 * (tokens * shape.inner**2 + _EIGEN * shape.inner**3), 0.0)
        return [Batch((), self.layers, tokens, start, (each,) * len(self.layers))]

    def done(self, parts: Sequence[Part]) -> list[bool]:
        """Whether every layer of a part is estimated."""
        have = self._have()
        return [set(part.layers) <= have for part in parts]

    def measure(self, part: Part, progress: Progress) -> int:
        """The layers of a part that the store lacks."""
        missing = len(set(part.layers) - self._have())
        estimated(self.bench, dataclasses.replace(self.question, layers=part.layers), progress)
        return missing

    def _have(self) -> set[int]:
        found = next((card for card in cards(self.bench.store, self.handle.fingerprint) if card.key == self.key), None)
        return set(found.layers) if found and found.shrinkage == self.question.shrinkage else set()
