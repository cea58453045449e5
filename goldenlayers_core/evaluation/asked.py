"""What is asked of a model about one request: every probe with the continuations that its metrics need."""

from collections.abc import Sequence
from dataclasses import dataclass

from goldenlayers_core.evaluation.lines import Ask
from goldenlayers_core.evaluation.read import Question, Reading, answer_limit
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import first_answer
from goldenlayers_core.models.tokens import encode_pair, encode_prompt
from goldenlayers_core.records import EditRequest, Probe


@dataclass(frozen=True, eq=False)
class Asked:
    """One probe: the tokens to be scored, and the draft that greedy text is compared with."""

    probe: Probe
    question: Question
    ask: Ask
    new: tuple[int, ...]  # tokens of the new target (portability: of its answer); empty: none
    true: tuple[int, ...]  # tokens of the true target (locality: of the expected answer); empty: none
    before: str  # greedy answer of the unedited model
    limit: int  # greedy tokens of an answer, at most
    rest: tuple[int, ...] = ()  # tokens at the prompt's end that an answer merges with: the greedy text follows them


def question_of(request: EditRequest, probe: Probe) -> Question:
    """A probe as a question: a portability probe has only its new answer, locality only its old one."""
    first = probe.answers[0] if probe.answers else ""
    if probe.kind == "portability":
        return Question(probe.prompt, first, "", probe.answers)
    if probe.kind == "locality":
        return Question(probe.prompt, request.target_new, first, probe.answers)
    return Question(probe.prompt, request.target_new, request.target_true, (request.target_new,))


def asked_of(handle: ModelHandle, request: EditRequest, before: Sequence[Reading]) -> tuple[Asked, ...]:
    """Every probe of a request with its branches; `before` are the readings of the unedited model, in their order."""
    return tuple(_asked(handle, request, probe, reading) for probe, reading in zip(request.probes, before, strict=True))


def _asked(handle: ModelHandle, request: EditRequest, probe: Probe, before: Reading) -> Asked:
    tokenizer, question = handle.tokenizer, question_of(request, probe)
    given = [answer for answer in (question.target_new, question.target_true) if answer.strip()]
    prompt, found = encode_pair(tokenizer, probe.prompt, given)
    tokens = dict(zip(given, found, strict=True))
    new, true = tokens.get(question.target_new, ()), tokens.get(question.target_true, ())
    ask, rest = Ask(prompt), encode_prompt(tokenizer, probe.prompt)[len(prompt) :]
    if rest:
        ask.add(rest)
    for scored in (new, true):
        if len(scored) > 1:
            ask.add(scored[:-1])
    if probe.kind == "locality":
        ask.add((*rest, *_first_clause(handle, before)))
    elif new:
        ask.add((*new, *tokenizer(".", add_special_tokens=False)["input_ids"][-1:]))  # to see where the word ends
    return Asked(probe, question, ask, new, true, before.view.answer, answer_limit(handle, question), rest)


def _first_clause(handle: ModelHandle, before: Reading) -> tuple[int, ...]:
    """The fewest greedy tokens that show the whole first clause and that it has ended."""
    tokens = before.tokens
    clause = first_answer(before.view.answer)
    for count in range(1, len(tokens)):
        text = str(handle.tokenizer.decode(tokens[:count], skip_special_tokens=True)).strip()
        if len(text) > len(clause) + 1 and first_answer(text) == clause:
            return tokens[:count]
    return tokens[:-1]  # what follows the last one is not asked for
