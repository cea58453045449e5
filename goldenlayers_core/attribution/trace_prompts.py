"""Requests as prompts to trace: tokens, the subject's place, the token asked for, and the noise for its embeddings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch

from goldenlayers_core.attribution.requests import Usable, sort_out, true_answers
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.models.tokens import encode_pair, encode_prompt, subject_span
from goldenlayers_core.records import EditRequest, OldAnswer, TraceConfig
from goldenlayers_core.results import Floats

NOISE_FACTOR: Final = 3.0  # ROME's
NOISE_SUBJECTS: Final = (
    1000  # as many as ROME's known facts; more change the standard deviation by less than noise does
)
_ROME_WINDOW, _ROME_LAYERS = 10, 48


@dataclass(frozen=True, slots=True)
class TracePrompt:
    """One request as tokens."""

    index: int  # position of the request in the caller's list
    ids: tuple[int, ...]
    first: int  # of the subject's tokens
    last: int  # of the subject's tokens, inclusive
    answer: int | None  # token asked for; None: the one the model says itself
    title: str  # the answer in words; "" where the model's own is asked for
    text: str  # prompt and subject: what the noise depends on

    @property
    def subject_length(self) -> int:
        return self.last - self.first + 1


def traceable(handle: ModelHandle, requests: Sequence[EditRequest], answer: OldAnswer) -> Usable:
    """Which requests can be traced."""
    return sort_out(requests, true_answers(requests), lambda request, _: prepare(handle, request, answer))


def prepare(handle: ModelHandle, request: EditRequest, answer: OldAnswer, index: int = 0) -> TracePrompt:
    """A request as tokens.

    Raises RequestError where its subject is not in the prompt, the prompt is too long, or the dataset's answer is
    asked for and there is none.
    """
    title = next(iter(request.true_answers), "") if answer == "dataset" else ""
    if answer == "dataset" and not title:
        raise RequestError("The dataset gives no true answer; trace the model's own answer.")
    ids, answers = encode_pair(handle.tokenizer, request.prompt, (title,) if title else ())
    if len(ids) > last_position(handle) + 1:
        raise RequestError(f"It has {len(ids)} tokens; the model takes at most {last_position(handle) + 1}.")
    span = subject_span(handle.tokenizer, request.prompt, request.subject, request.subject_at)
    first, last = (min(place, len(ids) - 1) for place in span)  # the subject's end may merge with the answer
    wanted = answers[0][0] if answers else None
    return TracePrompt(index, ids, first, last, wanted, title, f"{request.prompt}\n{request.subject}")


def resolve(handle: ModelHandle, config: TraceConfig, requests: Sequence[EditRequest]) -> TraceConfig:
    """The config with the window and the noise level as numbers; `requests` are the dataset's, whichever are traced.

    The default window is ROME's share of the depth (10 of 48 layers), for hidden states 1. Raises RequestError where
    the noise level is to be measured and no request has its subject in its prompt.
    """
    depth = handle.n_layers
    window = config.window or (1 if config.kind == "hidden" else max(1, round(depth * _ROME_WINDOW / _ROME_LAYERS)))
    return replace(config, window=min(window, depth), noise=config.noise or noise_level(handle, requests))


def noise_level(handle: ModelHandle, requests: Sequence[EditRequest]) -> float:
    """3 x the standard deviation of all entries of the embeddings of the subjects' tokens, six significant digits.

    The subjects are those of the first 1,000 requests, as they stand in their prompts. Raises RequestError when there
    is none.
    """
    tokens: list[int] = []
    for request in requests[:NOISE_SUBJECTS]:
        try:
            first, last = subject_span(handle.tokenizer, request.prompt, request.subject, request.subject_at)
        except RequestError:
            continue
        tokens.extend(encode_prompt(handle.tokenizer, request.prompt)[first : last + 1])
    if not tokens:
        raise RequestError("No subject stands in its prompt, so no noise level can be measured; give one.")
    with handle.lock, torch.inference_mode():
        entries = handle.embedding(torch.tensor([tokens], device=handle.device)).double().cpu()
    return float(f"{NOISE_FACTOR * float(entries.std()):.6g}")


def noise_of(prompt: TracePrompt, config: TraceConfig, width: int) -> Floats:
    """(S, tokens of the subject, width) standard normal numbers, the same for every restore run.

    Each sample depends on the seed, its number, the prompt and the subject, and on nothing else.
    """
    drawn = []
    for sample in range(config.n_samples):
        name = hashlib.sha256(f"{config.seed}\n{sample}\n{prompt.text}".encode()).digest()
        random = np.random.default_rng(int.from_bytes(name[:16], "big"))
        drawn.append(random.standard_normal((prompt.subject_length, width)))
    return np.stack(drawn)


def window_of(layer: int, window: int, n_layers: int) -> tuple[int, int]:
    """First and one past the last layer restored together; as ROME's, an even window has one more layer below.

    [layer - window // 2, layer + (window + 1) // 2), cut off at the ends of the model.
    """
    return max(0, layer - window // 2), min(n_layers, layer + (window + 1) // 2)
