"""Lesson 1: ask the live model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import torch

from goldenlayers_core.errors import RequestError
from goldenlayers_core.evaluation.answers import accepts
from goldenlayers_core.evaluation.read import Question, Reading, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.readout import head_logits, last_states
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.learn.know import Spoken, Step, Wordings
from goldenlayers_core.tasks.edit.own_request import check_asked

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

MOST_STEPS: Final = 10  # tokens of the answer that are told one by one


def speak(bench: "Workbench", model: ModelSource, prompt: str) -> Spoken:
    """The next token's probabilities, and the model's own answer token by token. Raises RequestError for a prompt
    that is empty or too long."""
    check_asked(prompt)
    handle = bench.model(model)
    (reading,) = read(handle, [Question(prompt)])
    return Spoken(handle.name, prompt, reading.view, handle.vocabulary_size, _steps(handle, prompt, reading))


def _steps(handle: ModelHandle, prompt: str, reading: Reading) -> tuple[Step, ...]:
    """The greedy tokens of the first line, each with its probability and the runner-up's."""
    tokens = _first_line(handle, reading.tokens)
    ids = encode_prompt(handle.tokenizer, prompt)
    rows = [(*ids, *tokens[:i]) for i in range(len(tokens))]
    if not rows:
        return ()
    with handle.lock, torch.inference_mode():
        shares, places = top(head_logits(handle, last_states(handle, rows)).softmax(dim=1), 2)  # (steps, 2)

    def word(token: int) -> str:
        return str(handle.tokenizer.decode([token]))

    steps = []
    for token, values, indices in zip(tokens, shares.tolist(), places.tolist(), strict=True):
        mine = indices.index(token) if token in indices else 0
        steps.append(Step(word(token), values[mine], word(indices[1 - mine]), values[1 - mine]))
    return tuple(steps)


def _first_line(handle: ModelHandle, tokens: Sequence[int]) -> list[int]:
    """Up to the first line break that follows a word, and no end token."""
    kept: list[int] = []
    for token in tokens[:MOST_STEPS]:
        text = str(handle.tokenizer.decode([*kept, token], skip_special_tokens=True))
        if "\n" in text.lstrip() or token == handle.tokenizer.eos_token_id:
            break
        kept.append(token)
    return kept


def ask_in_words(bench: "Workbench", model: ModelSource, request: EditRequest) -> Wordings:
    """The request's prompt and its rephrases, asked of the unedited model. Raises RequestError where the request has
    no true answer."""
    if not request.true_answers:
        raise RequestError(f"The request {request.prompt!r} has no true answer; choose one that has.")
    check_asked(request.prompt)
    handle = bench.model(model)
    prompts = tuple(dict.fromkeys((request.prompt, *(probe.prompt for probe in request.rephrases))))
    asked = [Question(p, target_true=request.target_true, expected=request.true_answers) for p in prompts]
    views = tuple(reading.view for reading in read(handle, asked))
    knows = tuple(accepts(view.answer, request.true_answers, (request.target_new,)) for view in views)
    return Wordings(handle.name, request.digest, request.true_answers, prompts, views, knows)
