"""Many edits in parts: a few requests each, as a single process takes them."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from goldenlayers_core.errors import NoPartsError
from goldenlayers_core.evaluation.sweep import tokens_of
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.edit.many_edits import open_work
from goldenlayers_core.tasks.edit.many_work import CHUNK, TABLE
from goldenlayers_core.tasks.edit.stored_many import MANY_VERSION, ROWS_VERSION
from goldenlayers_core.tasks.parts import Part
from goldenlayers_core.tasks.plan_cost import Work, shape_of
from goldenlayers_core.tasks.plans import Batch
from goldenlayers_core.tasks.questions import ManyEditsQuestion
from goldenlayers_core.tasks.stored_rows import TOKENS_VERSION
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_PASSES: Final = 3.0  # over rows and probes: to find the value, and to ask before and after; by a measured run
_WRITTEN: Final = 6.0  # tokens written after each probe, before and after, one pass each: most end early
_WHOLE: Final = {
    "together": "Edits written together are one edit, which has no parts; run `edit-many --mode together` in one "
    "process.",
    "sequential": "Each of these edits lies on top of those before it, so they have no parts; run `edit-many --mode "
    "sequential` in one process, which goes on where it was stopped.",
}


class ManyParts:
    """The work of a ManyEditsQuestion whose edits are each alone (see tasks.plans.Parted)."""

    def __init__(self, bench: "Workbench", question: ManyEditsQuestion, progress: Progress) -> None:
        if question.mode in _WHOLE:
            raise NoPartsError(_WHOLE[question.mode])
        self.work, self.requests, skipped = open_work(bench, question, progress)
        self.store, self.handle, self.n_skipped = bench.store, self.work.handle, len(skipped)
        # the recommended layer is chosen once, whatever is found out before the merge
        self.question = dataclasses.replace(question, layer=self.work.layer)
        self.key, self.dataset = self.work.key, question.choice.words
        self.code = f"{MANY_VERSION}, rows {ROWS_VERSION}, tokens {TOKENS_VERSION}, judgement {JUDGEMENT}"
        self.assumptions = (
            f"An edit with its probes takes {_PASSES:g} passes over them, and {_WRITTEN:g} tokens written after each.",
        )

    def batches(self) -> list[Batch]:
        """As the single process makes them."""
        shape, templates, found = shape_of(self.handle), self.work.supplies.templates, []
        weights = shape.layers * shape.block + shape.head
        for start in range(0, len(self.requests), CHUNK):
            chunk = tuple(range(start, min(start + CHUNK, len(self.requests))))
            tokens = sum(sum(tokens_of(self.handle, self.requests[i], templates)) for i in chunk)
            written = _WRITTEN * sum(len(self.requests[i].probes) for i in chunk)
            calls = shape.layers * (_PASSES * max(tokens / shape.per_pass, 1.0) + 2 * _WRITTEN)
            work = Work(2e-9 * (_PASSES * tokens + 2 * written) * weights, calls)
            found.append(Batch(chunk, (), tokens, Work(), (work,)))
        return found

    def done(self, parts: Sequence[Part]) -> list[bool]:
        """Whether the store has what came of every request of a part."""
        rows = self.store.read_rows(TABLE, self.key)
        have = set(rows["request"].astype(str)) if len(rows) else set[str]()
        return [all(self.requests[i].digest in have for i in part.requests) for part in parts]

    def measure(self, part: Part, progress: Progress) -> int:
        """The edits of a part that the store lacks."""
        own = dataclasses.replace(self.work, progress=progress)
        return own.alone([self.requests[i] for i in part.requests]).n_computed
