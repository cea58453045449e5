"""What is asked of a model about one request: every probe with the continuations that its metrics need."""

from collections.abc import Sequence
from dataclasses import dataclass

from goldenlayers_core.evaluation.answers import is_long, says
from goldenlayers_core.evaluation.lines import Ask
from goldenlayers_core.evaluation.read import Question, Reading, answer_limit
from goldenlayers_core.evaluation.settled import same_settled
from goldenlayers_core.models import ModelHandle
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
    before_says: bool  # and whether it is an accepted one
    limit: int  # greedy tokens of an answer, at most
    against: tuple[str, ...] = ()  # other answers to the same question
    rest: tuple[int, ...] = ()  # tokens at the prompt's end that an answer merges with: the greedy text follows them

    @property
    def is_long(self) -> bool:
        """Whether it is judged by the tokens of its first answer."""
        return self.probe.kind != "locality" and bool(self.new) and is_long(self.question.target_new)


def question_of(request: EditRequest, probe: Probe) -> Question:
    """A probe as a question: a portability probe has only its new answer, locality only its old one."""
    first = probe.answers[0] if probe.answers else ""
    if probe.kind == "portability":
        return Question(probe.prompt, first, "", probe.answers)
    if probe.kind == "locality":
        return Question(probe.prompt, request.target_new, first, probe.answers)
    return Question(probe.prompt, request.target_new, request.target_true, (request.target_new,))


def others_of(request: EditRequest, probe: Probe) -> tuple[str, ...]:
    """Other answers to a probe than the accepted ones: to the request in its own and in other words, the true ones."""
    return request.true_answers if probe.kind in ("rewrite", "rephrase") else ()


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
        ask.add((*rest, *_enough_to_compare(handle, before, probe.answers)))
    elif new:
        ask.add((*new, *tokenizer(".", add_special_tokens=False)["input_ids"][-1:]))  # to see where the word ends
    against = others_of(request, probe)
    said = says(before.view, probe.answers, against)
    limit = answer_limit(handle, question)
    return Asked(probe, question, ask, new, true, before.view.answer, said, limit, against, rest)


def _enough_to_compare(handle: ModelHandle, before: Reading, answers: Sequence[str]) -> tuple[int, ...]:
    """The fewest of its greedy tokens by which another text is known to answer as the unedited model does."""
    tokens = before.tokens
    for count in range(1, len(tokens)):
        text = str(handle.tokenizer.decode(tokens[:count], skip_special_tokens=True))
        if same_settled(before.view.answer, text, answers):
            return tokens[:count]
    return tokens[:-1]  # what follows the last one is not asked for
