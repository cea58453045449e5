"""Text to tokens: a prompt and an answer are the ids of their joined text (docs/tokens.md).

The tokenizer's own special tokens stand in front, once, also where the text begins with them already; what it appends
(an end token) is left out. White space at the end of a prompt goes to what follows it, because tokenizers put it there.

Where tokens merge across the border of prompt and answer ("-" and "Man" into "-Man"), the ids of the joined text
count: `encode_pair` moves the border back to the last one that the prompt's own ids and all of its answers' share.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.joining import joined, spaced
from goldenlayers_core.subject import Place, place_of

__all__ = [
    "encode_answer",
    "encode_pair",
    "encode_prompt",
    "encode_text",
    "joined",
    "longest_answer",
    "never_drawn",
    "pad_left",
    "pad_right",
    "spaced",
    "subject_last",
    "subject_span",
]


def encode_text(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Token ids of a text, the tokenizer's start tokens in front and no end token behind."""
    plain = _ids(tokenizer(text, add_special_tokens=False))
    return _start(tokenizer, _ids(tokenizer(text)), plain) + plain


def encode_prompt(tokenizer: Any, prompt: str) -> tuple[int, ...]:
    """Token ids of a prompt, as the model goes on from it. Raises RequestError when nothing is left of it."""
    ids = encode_text(tokenizer, prompt.rstrip()) if prompt.strip() else ()
    if not ids:
        raise RequestError(f"The prompt {prompt!r} has no tokens; write at least one word.")
    return ids


def encode_answer(tokenizer: Any, prompt: str, answer: str) -> tuple[int, ...]:
    """Token ids of an answer to a prompt: those of the joined text after the prompt's.

    Raises RequestError when either is empty.
    """
    return encode_pair(tokenizer, prompt, (answer,))[1][0]


def encode_pair(
    tokenizer: Any, prompt: str, answers: Sequence[str]
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Token ids of a prompt and of each of its answers; the prompt's and any answer's are those of their joined text.

    The prompt's are those of `encode_prompt`, but for tokens at its end that merge with an answer: these go to every
    answer. Raises RequestError when the prompt or an answer is empty, and when nothing of the prompt is left.
    """
    own = encode_prompt(tokenizer, prompt)
    whole = []
    for answer in answers:
        if not answer.strip():
            raise RequestError(
                f"The answer to {prompt!r} is empty; give at least one character that is not white space."
            )
        whole.append(encode_text(tokenizer, joined(prompt, answer)))
    border = min((_shared(own, ids) for ids in whole), default=len(own))
    if not border:
        raise RequestError(f"The prompt {prompt!r} merges into one token with its answer; write a longer prompt.")
    return own[:border], tuple(ids[border:] for ids in whole)


def longest_answer(tokenizer: Any, prompt: str, answers: Sequence[str]) -> int:
    """How many tokens the longest of the answers that are not empty adds to the prompt; 0 where there is none."""
    own = encode_prompt(tokenizer, prompt)
    whole = (encode_text(tokenizer, joined(prompt, answer)) for answer in answers if answer.strip())
    return max((len(ids) - _shared(own, ids) for ids in whole), default=0)


def never_drawn(tokenizer: Any, n_rows: int) -> Tensor:
    """(S,) int64 ids of the special tokens among the `n_rows` that a model has logits of; a tokenizer may know more:
    Gemma 3's mark of an image is no word of its text model."""
    return torch.tensor(sorted(i for i in set(tokenizer.all_special_ids) if i < n_rows), dtype=torch.int64)


def _ids(encoded: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in encoded["input_ids"])


def _start(tokenizer: Any, whole: tuple[int, ...], plain: tuple[int, ...]) -> tuple[int, ...]:
    """What the tokenizer puts before a text's `plain` ids, unless the text begins with it already."""
    begin = next((i for i in range(len(whole) - len(plain) + 1) if whole[i : i + len(plain)] == plain), None)
    if begin is None:  # its special tokens change how the text is split
        special = set(tokenizer.all_special_ids)
        begin = next((i for i, token in enumerate(whole) if token not in special), 0)
    before = whole[:begin]
    return () if plain[:begin] == before else before


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two rows begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def subject_span(tokenizer: Any, prompt: str, subject: str, at: int | None = None) -> tuple[int, int]:
    """First and last index, among the ids of `encode_prompt`, of the subject's tokens.

    The subject stands at character `at`, or where `subject.place_of` finds it. A token that holds a part of it and a
    part of what stands beside it counts. Raises RequestError when the subject is not in the prompt.
    """
    start, end = place_of(subject, prompt, at)
    if getattr(tokenizer, "is_fast", False):
        span = _by_offsets(tokenizer, prompt.rstrip(), start, end)
        if span:
            return span
    return _by_prefixes(tokenizer, prompt, (start, end))


def subject_last(tokenizer: Any, prompt: str, subject: str, at: int | None = None) -> int:
    """Index of the last token of the subject, as `subject_span` finds it. Raises RequestError."""
    return subject_span(tokenizer, prompt, subject, at)[1]


def _by_offsets(tokenizer: Any, prompt: str, start: int, end: int) -> tuple[int, int] | None:
    """Tokens whose characters overlap the subject's, a lone space before it left out; None where there are none."""
    encoded = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    plain, offsets = _ids(encoded), encoded["offset_mapping"]
    inside = [i for i, (low, high) in enumerate(offsets) if low < end and high > max(low, start)]
    while len(inside) > 1 and _is_space(tokenizer, plain[inside[0]]):
        del inside[0]
    shift = len(_start(tokenizer, _ids(tokenizer(prompt)), plain))
    return (inside[0] + shift, inside[-1] + shift) if inside else None


def _is_space(tokenizer: Any, token: int) -> bool:
    return not str(tokenizer.convert_ids_to_tokens(token)).strip(" \u2581\u0120")


def _by_prefixes(tokenizer: Any, prompt: str, place: Place) -> tuple[int, int]:
    """Without offsets: the first token that the text before the subject lacks, and the one that has its last letter."""
    ids = encode_prompt(tokenizer, prompt)
    before = prompt[: place[0]].rstrip()
    if before:
        first = _shared(encode_text(tokenizer, before), ids)
    else:
        first = len(ids) - len(_ids(tokenizer(prompt.rstrip(), add_special_tokens=False)))
    upto = encode_text(tokenizer, prompt[: place[1]])
    last = _shared(upto, ids) - 1
    if last < len(upto) - 1:  # its last token goes on behind it
        wanted = _length(tokenizer, upto)
        last = next((i for i in range(last + 1, len(ids)) if _length(tokenizer, ids[: i + 1]) >= wanted), len(ids) - 1)
    return min(first, last), last


def _length(tokenizer: Any, ids: Sequence[int]) -> int:
    """Characters of the ids' text, white space not counted."""
    return len("".join(str(tokenizer.decode(list(ids), skip_special_tokens=True)).split()))


def pad_right(rows: Sequence[Sequence[int]], fill: int = 0) -> Tensor:
    """(rows, longest) int64."""
    width = max(len(row) for row in rows)
    return torch.tensor([list(row) + [fill] * (width - len(row)) for row in rows], dtype=torch.int64)


def pad_left(rows: Sequence[Sequence[int]], fill: int = 0) -> tuple[Tensor, Tensor]:
    """(rows, longest) int64 ids and the mask of real tokens."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[fill] * (width - len(row)) + list(row) for row in rows], dtype=torch.int64)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], dtype=torch.int64)
    return ids, mask
