"""Which requests can be scored, with which old answer, and why the others cannot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from goldenlayers_core.attribution.packing import Pair
from goldenlayers_core.attribution.probe_rows import probe_rows
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import first_answer, greedy
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.models.tokens import encode_pair
from goldenlayers_core.records import EditAwareConfig, EditRequest, OldAnswer


@dataclass(frozen=True)
class Usable:
    """The requests that can be scored, each with its old answer, and the others with the reason."""

    requests: tuple[EditRequest, ...]
    old_answers: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]  # (case_id, reason)


def sort_out(
    requests: Sequence[EditRequest], old_answers: Sequence[str], check: Callable[[EditRequest, str], object]
) -> Usable:
    """The requests that `check` lets pass, and those it refuses with a RequestError."""
    kept: list[tuple[EditRequest, str]] = []
    skipped: list[tuple[str, str]] = []
    for request, answer in zip(requests, old_answers, strict=True):
        try:
            check(request, answer)
        except RequestError as error:
            skipped.append((request.case_id, str(error)))
        else:
            kept.append((request, answer))
    return Usable(tuple(request for request, _ in kept), tuple(answer for _, answer in kept), tuple(skipped))


def true_answers(requests: Sequence[EditRequest]) -> list[str]:
    """The dataset's first true answer of each request; "" where it gives none."""
    return [next(iter(request.true_answers), "") for request in requests]


def usable(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    old_answer: OldAnswer,
    between: Callable[[], None] | None = None,
) -> Usable:
    """Find the old answers: the dataset's true targets, or what the model itself says (greedy, its first clause)."""
    if old_answer == "model":
        answers = [first_answer(text) for text in greedy(handle, [r.prompt for r in requests], between=between)]
        missing = "The model answers nothing."
    else:
        answers = true_answers(requests)
        missing = "The dataset gives no true answer; choose the model's own answer as the old one."
    limit = last_position(handle) + 1

    def check(request: EditRequest, answer: str) -> None:
        if not answer:
            raise RequestError(missing)
        (pair,) = prepare(handle, [request], [answer])
        if pair.separate_length > limit:
            raise RequestError(f"It has {pair.separate_length} tokens; the model takes at most {limit}.")

    return sort_out(requests, answers, check)


def editable(handle: ModelHandle, requests: Sequence[EditRequest], config: EditAwareConfig) -> Usable:
    """The requests whose edits can be analysed; they need no old answer, so that of the dataset stands beside them."""
    return sort_out(requests, true_answers(requests), lambda request, _: probe_rows(handle, 0, request, config))


def prepare(handle: ModelHandle, requests: Sequence[EditRequest], old_answers: Sequence[str]) -> list[Pair]:
    """Requests as tokens. Raises RequestError for an empty prompt or answer."""
    pairs = []
    for i, (request, old_answer) in enumerate(zip(requests, old_answers, strict=True)):
        prompt, (old, new) = encode_pair(handle.tokenizer, request.prompt, (old_answer, request.target_new))
        pairs.append(Pair(index=i, prompt=prompt, old=old, new=new))
    return pairs
