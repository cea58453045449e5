"""What the model knows: requests whose true answer it gives itself, and requests that would change nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from goldenlayers_core.evaluation.answers import accepts, cut_answer, is_long
from goldenlayers_core.evaluation.read import Question, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.models.tokens import longest_answer
from goldenlayers_core.records import EditRequest

CHUNK = 64  # requests between two reports of progress


@dataclass(frozen=True)
class Knowledge:
    """What a model answers to the prompts of Q requests, in their order."""

    case_ids: tuple[str, ...]
    request_digests: tuple[str, ...]
    answers: tuple[str, ...]  # greedy text, cut at the first line break
    knows: tuple[bool, ...]  # begins with an accepted true answer; False where the dataset gives none
    no_op: tuple[bool, ...]  # begins with the new target already

    @property
    def n_known(self) -> int:
        return sum(self.knows)

    @property
    def n_no_op(self) -> int:
        return sum(self.no_op)

    def known(self, requests: Sequence[EditRequest]) -> tuple[EditRequest, ...]:
        """Those of the requests, given in the same order, that the model knows."""
        return tuple(r for r, knows in zip(requests, self.knows, strict=True) if knows)

    def to_frame(self) -> pd.DataFrame:
        """One row per request."""
        return pd.DataFrame(
            {
                "case_id": self.case_ids,
                "request": self.request_digests,
                "answer": self.answers,
                "knows": self.knows,
                "no_op": self.no_op,
            }
        )


def knowledge(
    handle: ModelHandle, requests: Sequence[EditRequest], progress: Callable[[int, int, str], None] | None = None
) -> Knowledge:
    """Greedy answers to every request's prompt, compared with its true answers and its new target.

    `progress(done, total, note)` is called between batches and may raise to cancel.
    """
    order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt))
    texts = [""] * len(requests)
    for start in range(0, len(order), CHUNK):
        if progress:
            progress(start, len(requests), "asking the model")
        chunk = order[start : start + CHUNK]
        new_tokens = max(_needed(handle, requests[i]) for i in chunk)
        for i, text in zip(chunk, greedy(handle, [requests[i].prompt for i in chunk], new_tokens), strict=True):
            texts[i] = cut_answer(text)
    if progress:
        progress(len(requests), len(requests), "asking the model")
    return Knowledge(
        case_ids=tuple(r.case_id for r in requests),
        request_digests=tuple(r.digest for r in requests),
        answers=tuple(texts),
        knows=tuple(_says(handle, r, t, r.true_answers, (r.target_new,)) for t, r in zip(texts, requests, strict=True)),
        no_op=tuple(_says(handle, r, t, (r.target_new,), r.true_answers) for t, r in zip(texts, requests, strict=True)),
    )


def _says(handle: ModelHandle, request: EditRequest, text: str, answers: Sequence[str], against: Sequence[str]) -> bool:
    """Whether the model says one of the answers: by its greedy text, a long one by its tokens, which are asked for."""
    if accepts(text, [a for a in answers if not is_long(a)], against):
        return True
    long = [Question(request.prompt, a) for a in answers if is_long(a)]
    return any(reading.view.target_new_agreement == 1.0 for reading in read(handle, long))


def _needed(handle: ModelHandle, request: EditRequest) -> int:
    """Greedy tokens that the longest answer of a request needs, and two more; at least 8. A long one needs none."""
    answers = tuple(a for a in (request.target_new, *request.true_answers) if not is_long(a))
    return max(8, longest_answer(handle.tokenizer, request.prompt, answers) + 2)
