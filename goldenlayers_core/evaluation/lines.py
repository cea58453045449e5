"""Prompts with several continuations each, measured at every position in one forward pass, and again under edits.

A line is a prompt followed by branches: continuations that do not see one another and whose positions restart at the
end of the prompt. The unedited model runs once over all lines; what enters each layer is kept, so that an edit at a
layer reruns only the layers from its own on. Every sample of a batch carries its own edit.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.overlay import batch_overlay
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import keep_positions, record_outputs, start_at
from goldenlayers_core.models.kept import packs
from goldenlayers_core.models.tokens import pad_right


class Ask:
    """One prompt, and the continuations whose tokens are looked at; one that begins another shares its tokens."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self.prompt = tuple(prompt)
        self.branches: list[tuple[int, ...]] = []

    def add(self, tokens: Sequence[int]) -> None:
        """Have the model read `tokens` after the prompt."""
        wanted = tuple(tokens)
        if any(branch[: len(wanted)] == wanted for branch in self.branches):
            return
        self.branches = [branch for branch in self.branches if wanted[: len(branch)] != branch]
        self.branches.append(wanted)

    def after(self, prompt: Sequence[int]) -> "Ask":
        """The same continuations after another prompt."""
        other = Ask(prompt)
        other.branches = list(self.branches)
        return other


@dataclass(frozen=True, slots=True)
class _Line:
    ask: int
    tokens: tuple[int, ...]
    prompt: int  # its length
    starts: tuple[int, ...]  # column of each branch's first token
    branches: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Bucket:
    """B lines of like length, run together."""

    lines: tuple[_Line, ...]
    ids: Tensor
    """(B, T)"""
    positions: Tensor
    """(B, T)"""
    mask: Tensor
    """(B, 1, T, T) added to the attention scores; (B, T) of ones where no line has two branches."""
    rows: Tensor
    """(N,) line of each place that goes through the LM head."""
    columns: Tensor
    """(N,)"""
    hidden: dict[int, Tensor]
    """Per layer but 0, (B, T, width) entering it in the unedited model."""

    @property
    def asks(self) -> list[int]:
        """(B,) the ask each line belongs to."""
        return [line.ask for line in self.lines]


class Lines:
    """The lines of some asks, in buckets; `place` finds a position among those looked at."""

    def __init__(self, handle: ModelHandle, asks: Sequence[Ask], token_budget: int) -> None:
        self.handle = handle
        together = [packs(handle, len(a.prompt) + sum(map(len, a.branches))) for a in asks]
        lines = [line for i, ask in enumerate(asks) for line in _lines(i, ask, together[i])]
        self.buckets: list[Bucket] = []
        self._places: list[dict[tuple[int, tuple[int, ...]], int]] = []
        lines.sort(key=lambda line: len(line.tokens))
        while lines:
            count = 1
            while count < len(lines) and (count + 1) * len(lines[count].tokens) <= token_budget:
                count += 1
            self._build(tuple(lines[:count]))
            lines = lines[count:]

    def _build(self, lines: tuple[_Line, ...]) -> None:
        places: dict[tuple[int, tuple[int, ...]], int] = {}
        spots: list[tuple[int, int]] = []
        for row, line in enumerate(lines):
            found: list[tuple[tuple[int, ...], int]] = [((), line.prompt - 1)]
            for start, branch in zip(line.starts, line.branches, strict=True):
                found += [(branch[: t + 1], start + t) for t in range(len(branch))]
            for said, column in found:
                if (line.ask, said) not in places:
                    places[line.ask, said] = len(spots)
                    spots.append((row, column))
        positions, mask = _mask(self.handle, lines)
        device = self.handle.device
        rows, columns = torch.tensor(spots, device=device).unbind(dim=1)
        ids = pad_right([line.tokens for line in lines]).to(device)
        self.buckets.append(Bucket(lines, ids, positions.to(device), mask.to(device), rows, columns, {}))
        self._places.append(places)

    def places(self, bucket: int) -> dict[tuple[int, tuple[int, ...]], int]:
        """(ask, tokens said after its prompt) -> place whose logits say what follows them."""
        return self._places[bucket]

    def unedited(self, bucket: Bucket, layers: Sequence[int]) -> Tensor:
        """(N, V) log-probabilities of the unedited model; keeps what enters each of `layers`. Hold the lock."""
        below = {f"{layer}": self.handle.blocks[layer - 1] for layer in layers if layer}
        with record_outputs(below) as seen:
            log_p = self._run(bucket)
        bucket.hidden.update({layer: seen[f"{layer}"] for layer in layers if layer})
        return log_p

    def edited(self, bucket: Bucket, edits: Sequence[Edit | None], layer: int) -> Tensor:
        """(N, V) log-probabilities with each line under its own edit, none of which acts below `layer`."""
        with ExitStack() as stack:
            if layer:
                returns = self.handle.architecture.block_returns
                stack.enter_context(start_at(list(self.handle.blocks), layer, bucket.hidden[layer], returns))
            stack.enter_context(batch_overlay(self.handle, edits))
            return self._run(bucket)

    def _run(self, bucket: Bucket) -> Tensor:
        with torch.inference_mode(), keep_positions(self.handle.head, bucket.rows, bucket.columns):
            inputs = {"input_ids": bucket.ids, "attention_mask": bucket.mask, "use_cache": False}
            if bucket.mask.ndim == 4:
                inputs["position_ids"] = bucket.positions
            logits = self.handle.model(**inputs).logits[0]
            precise: Tensor = logits if logits.dtype == torch.float64 else logits.float()
            return precise.log_softmax(dim=1)


def _lines(index: int, ask: Ask, together: bool) -> list[_Line]:
    """One line with all branches, or one line per branch."""
    groups = [tuple(ask.branches)] if together or not ask.branches else [(branch,) for branch in ask.branches]
    lines = []
    for branches in groups:
        tokens, starts = list(ask.prompt), []
        for branch in branches:
            starts.append(len(tokens))
            tokens += branch
        lines.append(_Line(index, tuple(tokens), len(ask.prompt), tuple(starts), branches))
    return lines


def _mask(handle: ModelHandle, lines: Sequence[_Line]) -> tuple[Tensor, Tensor]:
    """(B, T) positions that restart per branch, and the mask."""
    width = max(len(line.tokens) for line in lines)
    positions = torch.arange(width).repeat(len(lines), 1)
    if all(len(line.branches) < 2 for line in lines):
        return positions, torch.ones(len(lines), width, dtype=torch.int64)  # causal: padding stands behind
    allowed = torch.ones(width, width, dtype=torch.bool).tril().repeat(len(lines), 1, 1, 1)
    for row, line in enumerate(lines):
        for start, branch in zip(line.starts[1:], line.branches[1:], strict=True):
            end = start + len(branch)
            positions[row, start:end] -= start - line.prompt
            allowed[row, 0, start:end, line.prompt : start] = False
    allowed = allowed.to(handle.device)  # a byte a place; the mask is made there
    blocked = allowed.new_zeros(allowed.shape, dtype=handle.dtype)
    return positions, blocked.masked_fill_(~allowed, torch.finfo(handle.dtype).min)
