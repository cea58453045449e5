"""Requests -> token rows. Old and new answer share their prompt: one row holds [prompt, old branch, new branch].

A branch is an answer without its last token (which is only ever a label). Tokens of the new branch do not see the old
one, and positions restart at the end of the prompt, so each answer is computed as if it stood alone. One-token answers,
the usual case, need no branch and no mask. Where a model takes its positions from the mask, or where a sliding window
would cut a row, the two answers go in two rows.

Labels are in three parts: the tokens of the old answer, those of the new one, and those of the prompt but its first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.attribution.batching import cut
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import pad_right

OLD: Final = 0
NEW: Final = 1
PROMPT: Final = 2
PARTS: Final = (OLD, NEW, PROMPT)


@dataclass(frozen=True, slots=True)
class Pair:
    """One request as tokens."""

    index: int  # position of the request in the caller's list
    prompt: tuple[int, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Labels per part: old answer, new answer, prompt."""
        return len(self.old), len(self.new), len(self.prompt) - 1

    @property
    def packed_length(self) -> int:
        return len(self.prompt) + len(self.old) - 1 + len(self.new) - 1

    @property
    def separate_length(self) -> int:
        return len(self.prompt) + max(len(self.old), len(self.new)) - 1

    @property
    def branched(self) -> bool:
        return len(self.old) > 1 or len(self.new) > 1


@dataclass(frozen=True)
class Batch:
    """Token rows for one forward pass. B rows of T positions; N labels, each of one of the `PARTS`."""

    pairs: tuple[Pair, ...]
    shared: bool  # one row per pair; else rows 2i and 2i + 1
    ids: Tensor  # (B, T)
    positions: Tensor | None  # (B, T) where branches restart them
    allowed: Tensor | None  # (B, 1, T, T) which position sees which
    head_rows: Tensor  # (H,) positions that go through the LM head, each once
    head_columns: Tensor  # (H,)
    n_prompt_heads: int  # the first so many of them predict tokens of prompts, the others tokens of answers
    label_head: Tensor  # (N,) index into the H positions
    labels: Tensor  # (N,) token ids
    weights: Tensor  # (N,) 1 / labels of that part of the request
    part: Tensor  # (N,)

    @property
    def n_tokens(self) -> int:
        return int(self.ids.numel())


def fits_packed(handle: ModelHandle, pair: Pair) -> bool:
    """Whether old and new answer may share a row in this model."""
    config = handle.model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    return handle.architecture.packs_branches and (not window or pair.packed_length <= int(window))


def batches(handle: ModelHandle, pairs: Sequence[Pair], token_budget: int) -> Iterator[Batch]:
    """Rows of like length together, at most `token_budget` padded tokens a batch (one row at least)."""
    shared = [p for p in pairs if not p.branched or fits_packed(handle, p)]
    apart = [p for p in pairs if p.branched and not fits_packed(handle, p)]
    groups = (
        (True, [p for p in shared if not p.branched]),
        (True, [p for p in shared if p.branched]),
        (False, apart),
    )
    for together, group in groups:
        costs = [(p.packed_length if together else 2 * p.separate_length, i) for i, p in enumerate(group)]
        costs.sort()
        for start, stop in cut([cost for cost, _ in costs], token_budget):
            yield build(tuple(group[i] for _, i in costs[start:stop]), together)


def build(pairs: tuple[Pair, ...], shared: bool) -> Batch:
    """One batch of pairs, packed or apart."""
    rows: list[tuple[int, ...]] = []
    for pair in pairs:
        tail_old, tail_new = pair.old[:-1], pair.new[:-1]
        if shared:
            rows.append(pair.prompt + tail_old + tail_new)
        else:
            rows += [pair.prompt + tail_old, pair.prompt + tail_new]
    entries, place, n_prompt_heads = _labels(pairs, shared)
    heads, labels, weights, parts = zip(*entries, strict=True)
    positions, allowed = _branches(pairs, rows) if shared and any(p.branched for p in pairs) else (None, None)
    return Batch(
        pairs=pairs,
        shared=shared,
        ids=pad_right(rows),
        positions=positions,
        allowed=allowed,
        head_rows=torch.tensor([row for row, _ in place]),
        head_columns=torch.tensor([column for _, column in place]),
        n_prompt_heads=n_prompt_heads,
        label_head=torch.tensor(heads),
        labels=torch.tensor(labels),
        weights=torch.tensor(weights, dtype=torch.float64),
        part=torch.tensor(parts),
    )


def _labels(
    pairs: tuple[Pair, ...], shared: bool
) -> tuple[list[tuple[int, int, float, int]], list[tuple[int, int]], int]:
    """(index among the head's positions, label, weight, part); those positions, (row, column); how many are prompts'.

    A prompt's own tokens are read from its first row.
    """
    place: dict[tuple[int, int], int] = {}
    entries: list[tuple[int, int, float, int]] = []
    step = 1 if shared else 2
    for i, pair in enumerate(pairs):
        for column, label in enumerate(pair.prompt[1:]):
            head = place.setdefault((step * i, column), len(place))
            entries.append((head, label, 1 / (len(pair.prompt) - 1), PROMPT))
    n_prompt_heads = len(place)
    for i, pair in enumerate(pairs):
        for part, answer in ((OLD, pair.old), (NEW, pair.new)):
            row = i if shared else 2 * i + part
            branch = len(pair.prompt) + (len(pair.old) - 1 if shared and part == NEW else 0)
            for t, label in enumerate(answer):
                column = len(pair.prompt) - 1 if t == 0 else branch + t - 1
                head = place.setdefault((row, column), len(place))
                entries.append((head, label, 1 / len(answer), part))
    return entries, list(place), n_prompt_heads


def _branches(pairs: Sequence[Pair], rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(B, T) positions that restart per branch, and (B, 1, T, T) what sees what."""
    width = max(len(row) for row in rows)
    positions = torch.arange(width).repeat(len(rows), 1)
    allowed = torch.ones(width, width, dtype=torch.bool).tril().repeat(len(rows), 1, 1, 1)
    for i, pair in enumerate(pairs):
        prompt, old = len(pair.prompt), len(pair.old) - 1
        positions[i, prompt + old :] -= old
        allowed[i, 0, prompt + old :, prompt : prompt + old] = False
    return positions, allowed
