"""The sweep: real edits of every request at every layer, measured (design.md section 5).

The hidden states entering every layer are computed once; an edit at layer l reruns only the layers from l on, for its
value as for its probes; values of many edits are optimised together, and one forward pass, in which every sample
carries its own edit, measures them all. Greedy answers are read off the same pass as far as they follow what was
expected; only those that leave it undecided are generated.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.errors import EditError, RequestError
from goldenlayers_core.evaluation.answers import cut_answer
from goldenlayers_core.evaluation.asked import Asked, asked_of, question_of
from goldenlayers_core.evaluation.lines import Lines
from goldenlayers_core.evaluation.measure import Seen, Tokens, joined, look, numbers, verdict
from goldenlayers_core.evaluation.read import Reading, greedy_answers, read
from goldenlayers_core.evaluation.settled import same_settled, settled
from goldenlayers_core.evaluation.writing import Writing
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import generation_config
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditRequest

UNEDITED: Final = -1  # the "layer" of what the unedited model says
_CHUNK_TOKENS: Final = 2400  # of probes and of edit rows, each, whose states are kept at one time


@dataclass(frozen=True)
class SweptPair:
    """One request at one layer."""

    index: int  # of the request, in the caller's list
    layer: int  # UNEDITED: the model as it is
    metrics: dict[str, float]  # by name; what the request has no probe for is missing
    answer: str  # greedy answer to the request's prompt
    seconds: float  # the pair's share of the time its batch took
    texts: tuple[str, ...] = ()  # per probe, what the model said, as far as it was written
    together: int = 1  # pairs of this layer that were one batch, which are yielded one right after the other


def checked(
    handle: ModelHandle, requests: Sequence[EditRequest], templates: Sequence[str]
) -> tuple[list[int], list[tuple[str, str]]]:
    """Indices of the requests that can be edited, and (case_id, reason) of the others."""
    good, bad = [], []
    for i, request in enumerate(requests):
        try:
            edit_rows(handle, request, templates)
            good.append(i)
        except (RequestError, EditError) as error:
            bad.append((request.case_id, str(error)))
    return good, bad


def sweep(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    method: MethodInfo,
    config: Any,
    supplies: Supplies,
    between: Callable[[], None] | None = None,
    token_budget: int | None = None,
    writing: bool = False,
) -> Iterator[SweptPair]:
    """Every request at every layer, as soon as it is measured, and once unedited (layer UNEDITED, first).

    `writing` measures fluency and perplexity drift too, which doubles the time.

    Requests must pass `checked`. `between`, called between steps, may raise to cancel; what was yielded stands.
    Raises EditError for a layer that the model does not have.
    """
    for layer in layers:
        handle.check_layer(layer)
    for chunk in chunks(handle, requests, supplies.templates):
        yield from _Chunk(handle, requests, chunk, between, token_budget, writing).run(layers, method, config, supplies)


def chunks(handle: ModelHandle, requests: Sequence[EditRequest], templates: Sequence[str]) -> Iterator[list[int]]:
    """Requests in groups whose states fit in memory together, one at least: what is edited as one batch."""
    chunk: list[int] = []
    probes, rows, most = 0, 0, spared(_CHUNK_TOKENS)
    for i, request in enumerate(requests):
        own_probes, own_rows = tokens_of(handle, request, templates)
        if chunk and max(probes + own_probes, rows + own_rows) > most:
            yield chunk
            chunk, probes, rows = [], 0, 0
        chunk.append(i)
        probes, rows = probes + own_probes, rows + own_rows
    if chunk:
        yield chunk


def tokens_of(handle: ModelHandle, request: EditRequest, templates: Sequence[str]) -> tuple[int, int]:
    """Tokens of a request's probes with their answers, about, and of the rows its edit is computed on."""
    probes = sum(len(handle.tokenizer(p.prompt)["input_ids"]) + 8 for p in request.probes)
    return probes, sum(len(row.ids) for row in edit_rows(handle, request, templates))


class _Chunk:
    """Some requests, their probes, and what the unedited model says to them."""

    def __init__(
        self,
        handle: ModelHandle,
        requests: Sequence[EditRequest],
        chunk: Sequence[int],
        between: Callable[[], None] | None,
        token_budget: int | None,
        writing: bool,
    ) -> None:
        self.handle, self.between, self.budget = handle, between, token_budget
        self.chunk, self.requests = list(chunk), [requests[i] for i in chunk]
        ends = generation_config(handle, 1).eos_token_id
        self.ends = frozenset(ends if isinstance(ends, list) else [ends])
        self.asked: list[Asked] = []
        self.spans: list[range] = []  # per request, its probes in `asked`
        questions = [question_of(r, p) for r in self.requests for p in r.probes]
        readings: tuple[Reading, ...] = read(handle, questions, between=between)
        start = 0
        for request in self.requests:
            stop = start + len(request.probes)
            self.asked += asked_of(handle, request, readings[start:stop])
            self.spans.append(range(start, stop))
            start = stop
        self.tokens = Tokens(self.asked)
        budget = spared(token_budget or default_budget(handle))
        self.writing = Writing(handle, [r.prompt for r in self.requests], budget, between) if writing else None
        self.lines = Lines(handle, [one.ask for one in self.asked], budget)

    def run(self, layers: Sequence[int], method: MethodInfo, config: Any, supplies: Supplies) -> Iterator[SweptPair]:
        start = time.perf_counter()
        acts = {layer: method.layers_of(layer, config, self.handle.n_layers) for layer in layers}
        lowest = {layer: min(at, default=layer) for layer, at in acts.items()}  # a prompt acts at none
        starts = sorted(set(lowest.values()))
        before = self.look_unedited(starts)
        written = self.writing.unedited(starts) if self.writing else [{} for _ in self.requests]
        for i, span in enumerate(self.spans):
            metrics = self.metrics(span, before, before, [self.unedited_success(q) for q in span]) | written[i]
            texts = tuple(self.asked[q].before for q in span)
            yield SweptPair(self.chunk[i], UNEDITED, metrics, texts[0], 0.0, texts, len(self.spans))
        order = _alternating(layers)
        for layer, made in edits_at(
            self.handle, method, self.requests, order, config, supplies, self.between, self.budget
        ):
            edits = [edit if isinstance(edit, Edit) else None for edit in made]
            pairs = self.measured(lowest[layer], edits, before)
            written = self.writing.edited(edits, lowest[layer]) if self.writing else [{} for _ in pairs]
            end = time.perf_counter()
            for i, (metrics, answer, texts) in enumerate(pairs):
                seconds = (end - start) / len(pairs)
                yield SweptPair(self.chunk[i], layer, metrics | written[i], answer, seconds, texts, len(pairs))
            start = time.perf_counter()

    def unedited_success(self, q: int) -> bool:
        one = self.asked[q]
        return one.probe.kind == "locality" or one.before_says

    def look_unedited(self, layers: Sequence[int]) -> Seen:
        parts = []
        for b, bucket in enumerate(self.lines.buckets):
            if self.between:
                self.between()
            with self.handle.lock, few_rows(self.handle):
                log_p = self.lines.unedited(bucket, layers)
            parts.append(look(self.lines, b, log_p, self.tokens, None))
        return joined(parts)

    def measured(
        self, layer: int, edits: Sequence[Edit | None], before: Seen
    ) -> list[tuple[dict[str, float], str, tuple[str, ...]]]:
        """Metrics, answer and texts of every request under its edit, none of which acts below `layer`."""
        owner = [i for i, span in enumerate(self.spans) for _ in span]
        lines, layer = (self.prefixed([edits[i] for i in owner]), 0) if _have_text(edits) else (self.lines, layer)
        parts = []
        for b, bucket in enumerate(lines.buckets):
            with self.handle.lock, few_rows(self.handle):
                log_p = lines.edited(bucket, [edits[owner[ask]] for ask in bucket.asks], layer)
            parts.append(look(lines, b, log_p, self.tokens, before))
            if self.between:
                self.between()
        seen = joined(parts)
        success, answers, texts = self.successes(seen, [edits[i] for i in owner])
        found = []
        for span, edit in zip(self.spans, edits, strict=True):
            metrics = self.metrics(span, seen, before, [success[q] for q in span])
            if edit is not None:
                metrics |= {"weight_change": edit.weight_change, **dict(edit.notes)}
            found.append((metrics, answers[span[0]], tuple(texts[q] for q in span)))
        return found

    def prefixed(self, edits: Sequence[Edit | None]) -> Lines:
        """The probes, each after the text that its edit puts before every prompt: lines of their own, run whole."""
        asks = []
        for one, edit in zip(self.asked, edits, strict=True):
            prompt = (edit.prefix if edit else "") + one.probe.prompt
            ids = encode_prompt(self.handle.tokenizer, prompt)
            asks.append(one.ask.after(ids[: len(ids) - len(one.rest)]))
        return Lines(self.handle, asks, spared(self.budget or default_budget(self.handle)))

    def successes(self, seen: Seen, edits: Sequence[Edit | None]) -> tuple[list[bool], list[str], list[str]]:
        """Whether each probe succeeded, its answer as it is shown, and its text as far as it was needed."""
        success: list[bool] = []
        answers: list[str] = []
        texts: list[str] = []
        open_: list[int] = []
        for q, one in enumerate(self.asked):
            found, text = verdict(self.handle, q, one, seen, self.ends)
            # the answer to the request's own prompt is shown: whole, unless it is what was asked for
            if found is None or (one.probe.kind == "rewrite" and not found):
                open_.append(q)
            success.append(bool(found))
            answers.append(one.question.target_new.strip() if found else text.strip())
            texts.append(text)
        for q, text in zip(open_, self.written_on(open_, [edits[q] for q in open_]), strict=True):
            if not self.asked[q].is_long:
                found = self.decided(q, text)
                success[q] = self.decided(q, text, ended=True) is True if found is None else found
            answers[q], texts[q] = cut_answer(text), text
        return success, answers, texts

    def written_on(self, open_: Sequence[int], edits: Sequence[Edit | None]) -> tuple[str, ...]:
        """Greedy texts, as long as it takes to decide on each; that of a rewrite is written to the end."""

        def enough(i: int, text: str) -> bool:
            whole = self.asked[open_[i]].probe.kind == "rewrite"
            return not whole and self.decided(open_[i], text) is not None

        if not open_:
            return ()
        questions = [self.asked[q].question for q in open_]
        return greedy_answers(self.handle, questions, edits, enough, self.between)

    def decided(self, q: int, text: str, ended: bool = False) -> bool | None:
        """Whether a probe succeeds with a greedy text that begins so; None: it must be written on."""
        one = self.asked[q]
        if one.probe.kind == "locality":
            return same_settled(one.before, text, one.probe.answers, ended)
        return settled(text, one.probe.answers, ended, one.against)

    def metrics(self, span: range, seen: Seen, before: Seen, success: Sequence[bool]) -> dict[str, float]:
        """Means over the probes of each kind."""
        found: dict[str, list[float]] = {}
        for q, hit in zip(span, success, strict=True):
            one = self.asked[q]
            found.setdefault(one.probe.kind, []).append(float(hit))
            for name, value in numbers(q, one, seen, before).items():
                found.setdefault(name, []).append(value)
        return {name: float(np.mean(values)) for name, values in found.items()}


def _have_text(edits: Sequence[Edit | None]) -> bool:
    return any(edit is not None and edit.prefix for edit in edits)


def default_budget(handle: ModelHandle) -> int:
    """Padded tokens per forward pass over probes."""
    return 320 if handle.device.type == "cpu" else 16384


def _alternating(layers: Sequence[int]) -> list[int]:
    """Shallow and deep layers in turn: the former cost more, and so the time left is told truly."""
    ordered = sorted(layers)
    return [ordered[i // 2] if i % 2 == 0 else ordered[-1 - i // 2] for i in range(len(ordered))]
