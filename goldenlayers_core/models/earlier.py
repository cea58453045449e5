"""The rule for tokens before `t2` (tasks/stored_rows.py), kept to tell which stored results it would give again.

By it the prompt was tokenised with whatever the tokenizer puts around a text, the answer apart, after one space unless
there was white space; and the subject was its first occurrence, also inside another word.
"""

from functools import lru_cache
from typing import Any, Final

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.joining import spaced
from goldenlayers_core.models.tokens import encode_pair
from goldenlayers_core.records import EditRequest, Probe

_SAMPLES: Final = (
    ("The capital of France is", "Paris"),
    ("Who wrote Hamlet?", "William Shakespeare"),
    ("The war that began in 1939, ended in", "1945"),
    ("Die Hauptstadt von Österreich (seit 1918) ist", "Wien"),
    ("Столица России", "Москва"),
)


def same_tokens(tokenizer: Any, request: EditRequest) -> bool:
    """Whether both rules give the same ids for every prompt and answer of a request, and the same subject tokens.

    Where texts are joined alike, with a space, it depends on the tokenizer alone: on whether a space parts its tokens,
    and on what it puts at the ends. That is tried on a few samples.
    """
    try:
        start, _ = request.subject_place
    except RequestError:
        return False
    found = start == request.prompt.find(request.subject)
    return found and all(_same_text(request, probe) for probe in request.probes) and _parts_at_spaces(tokenizer)


def _same_text(request: EditRequest, probe: Probe) -> bool:
    prompt, given = probe.prompt, (request.target_new, *request.true_answers, *probe.answers)
    if prompt != prompt.rstrip():
        return False
    return all(spaced(prompt, answer) == _spaced_before(prompt, answer) for answer in given if answer.strip())


@lru_cache(maxsize=16)
def _parts_at_spaces(tokenizer: Any) -> bool:
    return all(
        encode_pair(tokenizer, prompt, (answer,)) == ids_before(tokenizer, prompt, answer)
        for prompt, answer in _SAMPLES
    )


def ids_before(tokenizer: Any, prompt: str, answer: str) -> tuple[tuple[int, ...], tuple[tuple[int, ...]]]:
    """What `encode_pair` was by the earlier rule."""
    apart = tokenizer(_spaced_before(prompt, answer), add_special_tokens=False)["input_ids"]
    return tuple(tokenizer(prompt)["input_ids"]), (tuple(apart),)


def _spaced_before(prompt: str, answer: str) -> str:
    return answer if not prompt or prompt[-1].isspace() or answer[:1].isspace() else f" {answer}"
