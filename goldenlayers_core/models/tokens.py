"""Text to tokens, by the rules of design.md section 4.

The prompt is tokenised with the tokenizer's own special tokens; the answer apart, without special tokens, with one
space before it (none where the prompt ends in white space or the answer starts with it), and appended.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from goldenlayers_core.errors import RequestError


def encode_prompt(tokenizer: Any, prompt: str) -> tuple[int, ...]:
    """Token ids of a prompt, special tokens included. Raises RequestError when nothing is left of it."""
    ids = tuple(int(i) for i in tokenizer(prompt)["input_ids"])
    if not ids:
        raise RequestError(f"The prompt {prompt!r} has no tokens; write at least one word.")
    return ids


def spaced(prompt: str, answer: str) -> str:
    """The answer as it follows the prompt: with one space before it unless there already is white space."""
    return answer if not prompt or prompt[-1].isspace() or answer[:1].isspace() else f" {answer}"


def encode_answer(tokenizer: Any, prompt: str, answer: str) -> tuple[int, ...]:
    """Token ids of an answer to a prompt. Raises RequestError when it is empty."""
    if not answer.strip():
        raise RequestError(f"The answer to {prompt!r} is empty; give at least one character that is not white space.")
    return tuple(int(i) for i in tokenizer(spaced(prompt, answer), add_special_tokens=False)["input_ids"])


def subject_span(tokenizer: Any, prompt: str, subject: str, after: int = 0) -> tuple[int, int]:
    """First and last index, among the prompt's tokens, of the subject's first occurrence from character `after` on.

    Read from the tokenizer's character offsets where it has them, so that a subject whose tokens merge with what stands
    beside it is still found; else from the lengths of tokenised prefixes. Raises RequestError when the subject is not
    in the prompt.
    """
    start = prompt.find(subject, after) if subject else -1
    if start < 0:
        raise RequestError(
            f"The subject {subject!r} is not in the prompt {prompt!r}; write the prompt so that it contains it."
        )
    end = start + len(subject)
    if getattr(tokenizer, "is_fast", False):
        offsets = tokenizer(prompt, return_offsets_mapping=True)["offset_mapping"]
        inside = [i for i, (low, high) in enumerate(offsets) if low < end and high > low and high > start]
        if inside:
            return inside[0], inside[-1]
    last = len(encode_prompt(tokenizer, prompt[:end])) - 1
    before = prompt[:start].rstrip()
    return min(len(encode_prompt(tokenizer, before)) if before else 0, last), last


def subject_last(tokenizer: Any, prompt: str, subject: str, after: int = 0) -> int:
    """Index of the last token of the subject, as `subject_span` finds it. Raises RequestError."""
    return subject_span(tokenizer, prompt, subject, after)[1]


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
