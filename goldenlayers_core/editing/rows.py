"""The token rows an edit is computed on: the prompt in every template, and one row for the subject's essence."""

from collections.abc import Sequence
from dataclasses import dataclass

from goldenlayers_core.editing.suffix import check_length
from goldenlayers_core.errors import EditError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import encode_pair, encode_prompt, subject_last
from goldenlayers_core.records import EditRequest


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the batch, and where the edit touches it."""

    ids: tuple[int, ...]  # the prompt and, fed back, the answer but for its last token
    lookup: int  # position of the subject's last token
    answer: tuple[int, ...]  # wanted after the prompt; empty for the essence row, whose next token must not change
    edit: int  # which edit of the batch the row belongs to

    @property
    def wanted(self) -> range:
        """Positions whose next token is looked at: one per answer token, or the last of the essence row."""
        return range(len(self.ids) - max(len(self.answer), 1), len(self.ids))


def edit_rows(
    handle: ModelHandle, request: EditRequest, templates: Sequence[str], edit: int = 0, needs_subject: bool = True
) -> tuple[Row, ...]:
    """A row for every template, the bare prompt first, and the essence row "{subject} is a" last.

    Where no subject is needed and none is given, there is no essence row, and the last token is looked up instead.
    The answer joins each of them by the rule of `models.joining`. Raises RequestError for an
    empty target or a subject that is not in the prompt, EditError when the templates do not begin with the bare prompt.
    """
    if not templates or templates[0] != "{}" or any(t.count("{}") != 1 for t in templates):
        raise EditError(
            "The context templates must begin with the bare prompt, and each must hold {} once; sample them again."
        )
    if needs_subject and not request.subject.strip():
        raise RequestError(
            f"The subject of {request.prompt!r} is empty; name what the fact is about, or take fine-tuning or "
            "in-context editing, which need no subject."
        )
    tokenizer = handle.tokenizer
    begin, end = request.subject_place if request.subject.strip() else (0, 0)
    subject = request.prompt[begin:end]
    rows = []
    for template in templates:
        before = template.index("{}")
        text = template[:before] + request.prompt + template[before + 2 :]
        ids, (answer,) = encode_pair(tokenizer, text, (request.target_new,))
        check_length(handle, text, len(ids) + len(answer))
        last = subject_last(tokenizer, text, subject, before + begin) if subject else len(ids) - 1
        lookup = min(last, len(ids) - 1)  # the subject's end may merge with the answer
        rows.append(Row(ids + answer[:-1], lookup, answer, edit))
    if not subject:
        return tuple(rows)
    essence = f"{subject} is a"
    rows.append(Row(encode_prompt(tokenizer, essence), subject_last(tokenizer, essence, subject, 0), (), edit))
    return tuple(rows)
