"""A request that a person writes: put together, and checked before any work starts. No torch."""

import re
from typing import Final

from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import MAX_PROMPT, EditRequest, Probe
from goldenlayers_core.subject import occurrences
from goldenlayers_core.texts import same_text

FREE: Final = "free edit"
MAX_PROBES: Final = 50
MOST_PROMPTS: Final = 6  # asked side by side
_ARROW: Final = re.compile(r"\s*(?:->|=>|→)\s*")
AROUND: Final = 24  # characters shown on either side of a subject


def free_request(
    prompt: str,
    subject: str,
    target_new: str,
    target_true: str = "",
    rephrases: str = "",
    neighbours: str = "",
    consequences: str = "",
) -> EditRequest:
    """A checked request from what was typed; `rephrases` and `neighbours` (locality probes) hold one prompt a line.

    Neighbours carry no answer: they are compared with the unedited model. `consequences` (portability probes) hold one
    "prompt -> answer" a line, or several answers that are accepted: "prompt -> answer | answer". Raises RequestError.
    """
    new, others = target_new.strip(), _lines(neighbours, "locality prompts")
    follow = tuple(map(_consequence, _lines(consequences, "consequences")))
    request = EditRequest(
        case_id="free",
        prompt=prompt.rstrip(),
        subject=subject.strip(),
        target_new=new,
        target_true=target_true.strip(),
        rephrases=tuple(Probe(line, (new,), "rephrase") for line in _lines(rephrases, "rephrases")),
        locality=tuple(Probe(line, (), "locality") for line in others),
        portability=follow,
        source=FREE,
    )
    check_editable(request)
    return request


def _consequence(line: str) -> Probe:
    """A portability probe. Raises RequestError for a line without a prompt or an answer."""
    found = _ARROW.split(line)
    prompt, answers = "".join(found[:1]).strip(), tuple(a.strip() for a in "".join(found[1:2]).split("|") if a.strip())
    if len(found) != 2 or not prompt or not answers:
        raise RequestError(
            f"The consequence {line!r} has no answer of its own; write: the prompt -> its new answer, and several "
            "accepted answers with | between them."
        )
    return Probe(prompt, answers, "portability")


def _lines(text: str, what: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_PROBES:
        raise RequestError(f"There are {len(lines)} {what}; write at most {MAX_PROBES}, one per line.")
    return lines


def check_asked(prompt: str, name: str = "The prompt", what: str = "the beginning of a sentence") -> None:
    """Raises RequestError for a prompt that no model is asked: empty, or too long."""
    if not prompt.strip():
        raise RequestError(f"{name} is empty; write {what}.")
    if len(prompt) > MAX_PROMPT:
        raise RequestError(f"{name} has {len(prompt):,} characters; write at most {MAX_PROMPT:,}.")


def check_editable(request: EditRequest) -> None:
    """Raises RequestError, with what to do, for a request that no method can write."""
    prompt, subject = request.prompt, request.subject
    check_asked(prompt, what="the beginning of a sentence that the new answer completes")
    if not subject.strip() and request.source in ("", FREE):  # a file may name none: some methods need none
        raise RequestError("The subject is empty; write the words of the prompt that the fact is about.")
    if subject not in prompt:
        written = next((prompt[start:end] for start, end in occurrences(subject, prompt)), "")
        as_written = f" (there it is written {written!r})" if written else ""
        raise RequestError(
            f"The subject {subject!r} is not in the prompt{as_written}; copy it from the prompt letter by letter."
        )
    _ = request.subject_place  # it stands there as a word of its own
    if not request.target_new.strip():
        raise RequestError("The new answer is empty; write what the model should say instead.")


def subject_choices(request: EditRequest) -> dict[int, str]:
    """Where the subject may be meant: the character it begins at -> the words around it. Empty where it stands once.

    Raises RequestError where it does not stand in the prompt.
    """
    found = sorted({*occurrences(request.subject, request.prompt), request.subject_place})
    return {start: _around(request.prompt, start, end) for start, end in found} if len(found) > 1 else {}


def _around(prompt: str, start: int, end: int) -> str:
    before, after = prompt[:start], prompt[end:]
    left = f"…{before[-AROUND:]}" if len(before) > AROUND else before
    right = f"{after[:AROUND]}…" if len(after) > AROUND else after
    return f"{left}[{prompt[start:end]}]{right}"


def parted(request: EditRequest) -> tuple[str, str, str]:
    """The prompt before the subject, the subject, and the prompt behind it; all of it before where it has none."""
    try:
        start, end = request.subject_place
    except RequestError:
        return request.prompt, "", ""
    return request.prompt[:start], request.prompt[start:end], request.prompt[end:]


def no_op(request: EditRequest) -> str:
    """One sentence when the new answer is an old one, so that the edit would change nothing; "" otherwise."""
    same = any(same_text(old, request.target_new) for old in request.true_answers)
    return f"This is a no-op: the new answer {request.target_new!r} is the old one already." if same else ""
