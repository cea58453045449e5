"""Which requests can be scored, with which old answer, and why the others cannot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from goldenlayers_core.attribution.packing import Pair
from goldenlayers_core.attribution.probe_rows import probe_rows
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import first_answer, greedy
from goldenlayers_core.models.tokens import encode_answer, encode_prompt
from goldenlayers_core.records import EditAwareConfig, EditRequest, OldAnswer


@dataclass(frozen=True)
class Usable:
    """The requests that can be scored, each with its old answer, and the others with the reason."""

    requests: tuple[EditRequest, ...]
    old_answers: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]  # (case_id, reason)


def usable(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    old_answer: OldAnswer,
    between: Callable[[], None] | None = None,
) -> Usable:
    """Find the old answers: the dataset's true targets, or what the model itself says (greedy, its first clause)."""
    if old_answer == "model":
        said = greedy(handle, [r.prompt for r in requests], between=between)
        answers = [first_answer(text) for text in said]
    else:
        answers = [next(iter(r.true_answers), "") for r in requests]
    kept: list[EditRequest] = []
    old: list[str] = []
    skipped: list[tuple[str, str]] = []
    for request, answer in zip(requests, answers, strict=True):
        reason = check(handle, request, answer, old_answer)
        if reason:
            skipped.append((request.case_id, reason))
        else:
            kept.append(request)
            old.append(answer)
    return Usable(tuple(kept), tuple(old), tuple(skipped))


def check(handle: ModelHandle, request: EditRequest, answer: str, old_answer: OldAnswer) -> str:
    """Why a request cannot be scored; "" when it can."""
    if not answer:
        return (
            "The dataset gives no true answer; choose the model's own answer as the old one."
            if old_answer == "dataset"
            else "The model answers nothing."
        )
    try:
        (pair,) = prepare(handle, [request], [answer])
    except RequestError as error:
        return str(error)
    limit = int(getattr(handle.model.config.get_text_config(), "max_position_embeddings", 0) or 0)
    if limit and pair.separate_length > limit:
        return f"It has {pair.separate_length} tokens; the model takes at most {limit}."
    return ""


def editable(handle: ModelHandle, requests: Sequence[EditRequest], config: EditAwareConfig) -> Usable:
    """The requests whose edits can be analysed; they need no old answer, so that of the dataset stands beside them."""
    kept: list[EditRequest] = []
    skipped: list[tuple[str, str]] = []
    for request in requests:
        try:
            probe_rows(handle, 0, request, config)
        except RequestError as error:
            skipped.append((request.case_id, str(error)))
        else:
            kept.append(request)
    return Usable(tuple(kept), tuple(next(iter(r.true_answers), "") for r in kept), tuple(skipped))


def prepare(handle: ModelHandle, requests: Sequence[EditRequest], old_answers: Sequence[str]) -> list[Pair]:
    """Requests as tokens. Raises RequestError for an empty prompt or answer."""
    return [
        Pair(
            index=i,
            prompt=encode_prompt(handle.tokenizer, request.prompt),
            old=encode_answer(handle.tokenizer, request.prompt, old),
            new=encode_answer(handle.tokenizer, request.prompt, request.target_new),
        )
        for i, (request, old) in enumerate(zip(requests, old_answers, strict=True))
    ]
