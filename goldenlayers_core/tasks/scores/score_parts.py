"""Scores and traces in parts: the batches of a single process. One pass gives every layer, so layers are not cut."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from goldenlayers_core.attribution import causal_trace, edit_aware, lga, packing
from goldenlayers_core.attribution.probe_rows import probe_batches, probe_rows
from goldenlayers_core.attribution.requests import Usable, prepare
from goldenlayers_core.attribution.trace_prompts import prepare as trace_prompt
from goldenlayers_core.attribution.trace_prompts import resolve, traceable
from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.parts import Part
from goldenlayers_core.tasks.plan_cost import Work, shape_of
from goldenlayers_core.tasks.plans import Batch
from goldenlayers_core.tasks.questions import ScoreQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.layer_scores import put_rows, rows_key
from goldenlayers_core.tasks.scores.methods import way_asked
from goldenlayers_core.tasks.scores.stored import score_version
from goldenlayers_core.tasks.scores.stored_trace import TRACE_TABLE, TRACE_VERSION, trace_key
from goldenlayers_core.tasks.scores.trace import traced_rows
from goldenlayers_core.tasks.stored_rows import TOKENS_VERSION, read_rows

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

# One forward, and one per gradient. An inner product of gradients takes as long as one more, by its measured seconds.
_PASSES: Final = {"lga": 7.0, "edit-aware": 2.0, "line-check": 2.0, "damage": 2.0}
_PER_LAYER: Final = {"line-check": 0.36}  # passes more for every layer, by measured seconds


def _unique(found: Usable) -> Usable:
    """Each content once, as it is computed."""
    once = {r.digest: (r, old) for r, old in zip(found.requests, found.old_answers, strict=True)}
    return Usable(tuple(r for r, _ in once.values()), tuple(old for _, old in once.values()), found.skipped)


def _some(found: Usable, verb: str) -> Usable:
    if not found.requests:
        reason = found.skipped[0][1] if found.skipped else "The dataset is empty."
        raise RequestError(f"None of the requests can be {verb}. {reason}")
    return _unique(found)


class ScoreParts:
    """The work of a ScoreQuestion (see tasks.plans.Parted)."""

    def __init__(self, bench: "Workbench", question: ScoreQuestion, progress: Progress) -> None:
        dataset = bench.requests(question.choice, question.model, progress)
        self.store, self.question = bench.store, question
        self.handle = bench.model(question.model, progress)
        self.way = way_asked(bench, self.handle, question, progress)
        self.found = _some(self.way.find(self.handle, dataset.requests, question, progress), "scored")
        self.requests, self.n_skipped = self.found.requests, len(self.found.skipped)
        self.key, self.dataset = rows_key(self.handle, self.way, question), question.choice.words
        self.code = f"{score_version(question.method)}, tokens {TOKENS_VERSION}"
        self.passes = _PASSES[question.method] + _PER_LAYER.get(question.method, 0.0) * self.handle.n_layers
        self.assumptions = (f"A score takes {self.passes:g} passes over its tokens through every layer.",)

    def batches(self) -> list[Batch]:
        """As the single process makes them."""
        if self.question.method != "lga":
            size, n = edit_aware.default_chunk(self.handle), len(self.requests)
            chunks = [tuple(range(start, min(start + size, n))) for start in range(0, n, size)]
            return [self._batch(chunk, self._probe_tokens(chunk)) for chunk in chunks]
        config = self.question.config
        pairs = prepare(self.handle, self.requests, self.found.old_answers)
        budget = config.token_budget or lga.default_budget(self.handle)
        made = packing.batches(self.handle, pairs, budget)
        return [self._batch(tuple(pair.index for pair in batch.pairs), batch.n_tokens) for batch in made]

    def _batch(self, requests: tuple[int, ...], tokens: int) -> Batch:
        shape = shape_of(self.handle)
        weights = shape.layers * shape.block + shape.head
        work = Work(
            2e-9 * self.passes * tokens * weights, self.passes * shape.layers * max(tokens / shape.per_pass, 1.0)
        )
        return Batch(requests, (), tokens, Work(), (work,))

    def _probe_tokens(self, chunk: Sequence[int]) -> int:
        """Padded tokens of a chunk of the edit-aware analysis, whose rewrites are passes of their own."""
        config = self.question.analysis
        rows = [probe_rows(self.handle, i, self.requests[i], config) for i in chunk]
        groups = [own[0] for own in rows], [row for own in rows for row in own[1:]]
        budget = config.token_budget or edit_aware.default_budget(self.handle)
        return sum(batch.n_tokens for group in groups for batch in probe_batches(group, budget))

    def done(self, parts: Sequence[Part]) -> list[bool]:
        """Whether the store has the scores of every request of a part."""
        rows = read_rows(self.store, self.way.table, self.key, self.handle, self.requests)
        return _there(rows, self.requests, parts)

    def measure(self, part: Part, progress: Progress) -> int:
        """The scores of a part that the store lacks."""
        own = Usable(
            tuple(self.requests[i] for i in part.requests), tuple(self.found.old_answers[i] for i in part.requests), ()
        )
        _, computed, _ = put_rows(self.handle, self.store, self.key, self.way, own, self.question, progress)
        return computed


class TraceParts:
    """The work of a TraceQuestion (see tasks.plans.Parted)."""

    def __init__(self, bench: "Workbench", question: TraceQuestion, progress: Progress) -> None:
        dataset = bench.requests(question.choice, question.model, progress)
        self.store, self.question = bench.store, question
        self.handle = bench.model(question.model, progress)
        # the noise level is the whole dataset's
        self.config = resolve(self.handle, question.config, bench.dataset(question.choice.dataset).requests)
        found = _some(traceable(self.handle, dataset.requests, self.config.answer), "traced")
        self.requests, self.n_skipped, self.dataset = found.requests, len(found.skipped), question.choice.words
        self.key = trace_key(self.handle.result_key, self.config)
        self.code = f"{TRACE_VERSION}, tokens {TOKENS_VERSION}"
        self.assumptions = ("A restore is run once per noise sample, from its layer to the last.",)

    def batches(self) -> list[Batch]:
        """As the single process makes them."""
        config, shape = self.config, shape_of(self.handle)
        prompts = [trace_prompt(self.handle, request, config.answer, i) for i, request in enumerate(self.requests)]
        budget = config.token_budget or causal_trace.default_budget(self.handle)
        layers, found = shape.layers * (shape.layers + 1) / 2, []
        for group in causal_trace.groups(prompts, config, budget):
            tokens = sum(causal_trace.cost_of(prompt, config) for prompt in group)
            work = Work(2e-9 * tokens * layers * shape.block, layers * max(tokens / budget, 1.0))
            found.append(Batch(tuple(prompt.index for prompt in group), (), tokens, Work(), (work,)))
        return found

    def done(self, parts: Sequence[Part]) -> list[bool]:
        """Whether the store has the trace of every request of a part."""
        rows = read_rows(self.store, TRACE_TABLE, self.key, self.handle, self.requests)
        return _there(rows, self.requests, parts)

    def measure(self, part: Part, progress: Progress) -> int:
        """The traces of a part that the store lacks."""
        own = [self.requests[i] for i in part.requests]
        return traced_rows(self.handle, self.store, own, self.config, progress)[1]


def _there(rows: pd.DataFrame, requests: Sequence[EditRequest], parts: Sequence[Part]) -> list[bool]:
    have = set(rows["request"]) if len(rows) else set()
    return [all(requests[i].digest in have for i in part.requests) for part in parts]
