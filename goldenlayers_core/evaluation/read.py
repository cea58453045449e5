"""What a model says to prompts: greedy text, probabilities of given answers, next tokens; batched, in one reading.

The prompts are run once; the greedy continuation and longer answers go on from the kept keys and values.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.onward import Begun, Onward, begin
from goldenlayers_core.editing.overlay import batch_overlay
from goldenlayers_core.editing.suffix import check_length, suffix_logits
from goldenlayers_core.evaluation.answers import cut_answer, is_long
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import likeliest, top
from goldenlayers_core.models.generate import generation_config
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.tokens import encode_pair, encode_prompt, longest_answer, pad_right
from goldenlayers_core.results import View

ANSWER_TOKENS: Final = 10  # greedy tokens, unless a longer answer is expected
TOP_TOKENS: Final = 10
TOKEN_BUDGET: Final = 1024  # padded tokens per batch: a second or so on a processor

_NOT_ASKED: Final = (float("nan"), float("nan"))

Enough = Callable[[int, str], bool]
_Answer = tuple[int, str, tuple[int, ...]]  # row of its prompt, text, token ids


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, and the answers whose probability is asked for ("": none)."""

    prompt: str
    target_new: str = ""
    target_true: str = ""
    expected: tuple[str, ...] = ()  # the greedy text is made long enough for these


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model says to one question."""

    view: View
    log_p: NDArray[np.float32]
    """(V,) log-probability of every next token, nats."""
    tokens: tuple[int, ...] = ()  # of the greedy continuation, its end token included


@dataclass(frozen=True, eq=False)
class _Prompts:
    """B prompts after their common forward pass."""

    questions: tuple[int, ...]  # index of each in the whole reading
    begun: Begun
    log_p: Tensor
    """(B, V) log-probabilities of the next token."""


class _Reader:
    """One reading: the questions, and the edit each is under."""

    def __init__(
        self,
        handle: ModelHandle,
        questions: Sequence[Question],
        edits: Sequence[Edit | None] | None,
        prefix: str = "",
    ) -> None:
        self.handle, self.questions, self.edits = handle, questions, edits
        prefixes = [prefix + (edit.prefix if edit else "") for edit in edits or [None] * len(questions)]
        self.texts = [p + q.prompt for p, q in zip(prefixes, questions, strict=True)]
        self.encoded = [encode_prompt(handle.tokenizer, text) for text in self.texts]
        self.limits = [answer_limit(handle, question) for question in questions]
        for question, ids, limit in zip(questions, self.encoded, self.limits, strict=True):
            check_length(handle, question.prompt, len(ids) + limit)
        ends = generation_config(handle, 1).eos_token_id
        self.ends = frozenset(ends if isinstance(ends, list) else [ends])

    @contextmanager
    def at_work(self, between: Callable[[], None] | None = None) -> Iterator[None]:
        """Around one pass of the model, and no more: before it `between` is called, and others may have the model."""
        if between:
            between()
        with self.handle.lock, few_rows(self.handle), torch.inference_mode():
            yield

    def under(self, questions: Sequence[int]) -> AbstractContextManager[None]:
        """The overlays for a forward pass whose samples are these questions."""
        return batch_overlay(self.handle, [self.edits[q] for q in questions]) if self.edits else nullcontext()

    def batches(self) -> Iterator[list[int]]:
        """Questions of like length together, at most TOKEN_BUDGET padded tokens each time."""
        batch: list[int] = []
        for q in sorted(range(len(self.questions)), key=lambda i: len(self.encoded[i])):
            if batch and (len(batch) + 1) * (len(self.encoded[q]) + max(self.limits)) > spared(TOKEN_BUDGET):
                yield batch
                batch = []
            batch.append(q)
        if batch:
            yield batch

    def prompts(self, batch: Sequence[int]) -> _Prompts:
        """One forward pass over the prompts, of which only the last tokens go through the LM head."""
        return _Prompts(tuple(batch), *self.ends_of(batch, [self.encoded[q] for q in batch]))

    def ends_of(self, batch: Sequence[int], rows: Sequence[Sequence[int]]) -> tuple[Begun, Tensor]:
        """What is kept, and the log-probabilities of the next token (`_Prompts`), of one row of ids a question."""
        with self.under(batch):
            begun, logits = begin(self.handle, rows)
        return begun, logits.log_softmax(dim=1)

    def follow(self, prompts: _Prompts, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[Tensor]:
        """Per entry, (n, V) log-probabilities after each of its n tokens, which follow the prompt in that row."""
        index = torch.tensor(rows, device=self.handle.device)
        ids = pad_right(tokens).to(index.device)
        lengths = index.new_tensor([len(t) for t in tokens])
        place = torch.arange(ids.shape[1], device=index.device)
        suffixes = prompts.begun.followed(index, ids)
        at = (place < lengths[:, None]).nonzero(as_tuple=True)
        with self.under([prompts.questions[r] for r in rows]):
            logits = suffix_logits(self.handle, suffixes, *at)
        return list(logits.log_softmax(dim=1).split(lengths.tolist()))

    def probabilities(self, prompts: _Prompts) -> dict[tuple[int, str], tuple[float, float]]:
        """(row, answer) -> product of the answer's token probabilities, and the share of them that are the likeliest
        after the right ones; longer answers in one more pass."""
        asked: list[_Answer] = []
        total: dict[tuple[int, str], tuple[float, float]] = {}
        for row, q in enumerate(prompts.questions):
            question = self.questions[q]
            answers = tuple(dict.fromkeys(a for a in (question.target_new, question.target_true) if a.strip()))
            prompt, found = encode_pair(self.handle.tokenizer, self.texts[q], answers)
            if len(prompt) == len(self.encoded[q]):
                asked += [(row, answer, ids) for answer, ids in zip(answers, found, strict=True)]
            else:  # its end merges with an answer: a shorter prompt of its own
                apart = _Prompts((q,), *self.ends_of([q], [prompt]))
                own = [(0, answer, ids) for answer, ids in zip(answers, found, strict=True)]
                total |= {(row, key[1]): value for key, value in self.log_likelihoods(apart, own).items()}
        total |= self.log_likelihoods(prompts, asked)
        return {key: (float(np.exp(log_p)), share) for key, (log_p, share) in total.items()}

    def log_likelihoods(
        self, prompts: _Prompts, asked: Sequence[_Answer]
    ) -> dict[tuple[int, str], tuple[float, float]]:
        """(row, answer) -> sum of the log-probabilities of the answer's tokens after the prompt in that row, nats, and
        the share of them that are the likeliest."""
        longer = [(row, answer, ids) for row, answer, ids in asked if len(ids) > 1]
        total = {(row, answer): float(prompts.log_p[row, ids[0]].double()) for row, answer, ids in asked}
        first = likeliest(prompts.log_p).tolist()
        right = {(row, answer): int(first[row] == ids[0]) for row, answer, ids in asked}
        if longer:
            after = self.follow(prompts, [row for row, _, _ in longer], [ids[:-1] for _, _, ids in longer])
            for (row, answer, ids), log_p in zip(longer, after, strict=True):
                total[row, answer] += float(log_p[range(len(ids) - 1), ids[1:]].double().sum())
                right[row, answer] += sum(a == b for a, b in zip(likeliest(log_p).tolist(), ids[1:], strict=True))
        return {(row, a): (total[row, a], right[row, a] / len(ids)) for row, a, ids in asked}

    def greedy(
        self, prompts: _Prompts, enough: Enough | None = None, between: Callable[[], None] | None = None
    ) -> list[list[int]]:
        """Greedy continuations, each ended by a line break, an end token, its limit or `enough`; they drop out."""
        chosen: list[list[int]] = [[] for _ in prompts.questions]
        alive = list(range(len(prompts.questions)))
        onward, log_p = Onward(self.handle, prompts.begun), prompts.log_p
        while True:
            best = likeliest(log_p).tolist()
            for row, token in zip(alive, best, strict=True):
                chosen[row].append(token)
            stay = [
                i
                for i, row in enumerate(alive)
                if not self._ended(chosen[row], self.limits[prompts.questions[row]])
                and not (enough and enough(prompts.questions[row], self.text(chosen[row])))
            ]
            if not stay:
                return chosen
            if between:
                between()
            if len(stay) < len(alive):
                onward.keep(stay)
                alive = [alive[i] for i in stay]
            with self.at_work(), self.under([prompts.questions[row] for row in alive]):
                log_p = onward.after([chosen[row][-1] for row in alive])

    def text(self, tokens: Sequence[int]) -> str:
        """Tokens in words, without special ones."""
        return str(self.handle.tokenizer.decode(tokens, skip_special_tokens=True))

    def _ended(self, tokens: Sequence[int], limit: int) -> bool:
        return len(tokens) >= limit or tokens[-1] in self.ends or "\n" in self.text(tokens).lstrip()


def answer_limit(handle: ModelHandle, question: Question) -> int:
    """Greedy tokens: enough for the longest answer that the question expects, and a little more; answers that are
    judged by their tokens need none."""
    answers = tuple(answer for answer in question.expected if not is_long(answer))
    return max(ANSWER_TOKENS, longest_answer(handle.tokenizer, question.prompt, answers) + 2)


def read(
    handle: ModelHandle,
    questions: Sequence[Question],
    edits: Sequence[Edit | None] | None = None,
    prefix: str = "",
    between: Callable[[], None] | None = None,
) -> tuple[Reading, ...]:
    """What the model says to every question, each under its own edit where `edits` gives one per question.

    An edit's prefix is put before its question's prompt, and `prefix` (`overlay.prefix_of` what is laid over the model
    already) before all of them. `between` is called before each pass of the model and may raise to cancel.

    Probabilities are products over an answer's tokens, summed as float64 logarithms; NaN where none is asked for. Hold
    the handle's lock when an overlay is active; it is taken here otherwise. Raises RequestError for an
    empty prompt and for one that is longer than the model takes.
    """
    reader = _Reader(handle, questions, edits, prefix)
    readings: dict[int, Reading] = {}
    for batch in reader.batches():
        with reader.at_work(between):
            prompts = reader.prompts(batch)
        with reader.at_work(between):
            probability = reader.probabilities(prompts)
        said = reader.greedy(prompts, between=between)
        for row, q in enumerate(batch):
            new, agreement = probability.get((row, questions[q].target_new), _NOT_ASKED)
            view = View(
                answer=cut_answer(reader.text(said[row])),
                target_new_probability=new,
                target_true_probability=probability.get((row, questions[q].target_true), _NOT_ASKED)[0],
                top_tokens=_top_tokens(handle, prompts.log_p[row]),
                target_new_agreement=agreement,
            )
            readings[q] = Reading(view, prompts.log_p[row].float().cpu().numpy(), tuple(said[row]))
    return tuple(readings[q] for q in range(len(questions)))


def greedy_answers(
    handle: ModelHandle,
    questions: Sequence[Question],
    edits: Sequence[Edit | None],
    enough: Enough,
    between: Callable[[], None] | None = None,
) -> tuple[str, ...]:
    """Greedy continuations as `read` writes them, each stopped as soon as `enough(question, text so far)` is true.

    The handle's lock is taken for each pass, and `between` called before it. Raises RequestError as `read` does.
    """
    reader = _Reader(handle, questions, edits)
    texts: dict[int, str] = {}
    for batch in reader.batches():
        with reader.at_work(between):
            prompts = reader.prompts(batch)
        said = reader.greedy(prompts, enough, between)
        texts.update({q: reader.text(tokens) for q, tokens in zip(batch, said, strict=True)})
    return tuple(texts[q] for q in range(len(questions)))


def _top_tokens(handle: ModelHandle, log_p: Tensor) -> tuple[tuple[str, float], ...]:
    values, indices = top(log_p, TOP_TOKENS)
    tokens = [str(handle.tokenizer.decode([i])) for i in indices.tolist()]
    return tuple(zip(tokens, values.exp().tolist(), strict=True))


def divergence(before: Reading, after: Reading) -> float:
    """KL(before || after) of the next token, nats."""
    p, q = before.log_p.astype(np.float64), after.log_p.astype(np.float64)
    return max(0.0, float((np.exp(p) * (p - q)).sum()))
