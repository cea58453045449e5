"""Gradients of token losses at what enters the LM head, a few positions at a time.

The logits of a chunk of positions are formed, turned into gradients and dropped, so that the prompts' tokens, whose
losses are wanted too, cost time but no memory: V logits a position would be more than all the rest of a batch.

Axes: H positions of the batch that go through the head, C of them in a chunk, V vocabulary, d width.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor

from goldenlayers_core.attribution.packing import PARTS, Batch
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.readout import capped, precise
from goldenlayers_core.models.shortage import spared

CHUNK_LOGITS: Final = 2**22
"""Most logits formed at once on a processor: 16 MiB in float32, 85 positions of the bundled model."""
_CHUNK_LOGITS_GPU: Final = 2**25


@dataclass
class HeadLoss:
    """Stands in for the head's `forward` during one pass: keeps what enters, and each part's gradient there."""

    handle: ModelHandle
    batch: Batch
    forward: Callable[..., Any]  # the head's own
    states: Tensor = field(default_factory=lambda: torch.empty(0))
    """(H, d) what enters the head, part of the graph."""
    gradients: Tensor = field(default_factory=lambda: torch.empty(0))
    """(3, H, d) d loss / d states for each of the `PARTS`; the loss is the mean over the part's tokens, in nats."""

    def __call__(self, hidden: Tensor) -> Tensor:
        """hidden (B, T, d) -> (B, 0, V): no logits are left to keep."""
        batch, device = self.batch, hidden.device
        self.states = hidden[batch.head_rows.to(device), batch.head_columns.to(device)]
        self.gradients = self.states.new_zeros(len(PARTS), *self.states.shape)
        for start, stop in _chunks(batch, self._most()):
            self._add(start, stop)
        none: Tensor = self.forward(hidden[:, :0].detach())
        return none

    def _most(self) -> int:
        """Positions per chunk."""
        logits = CHUNK_LOGITS if self.handle.device.type == "cpu" else _CHUNK_LOGITS_GPU
        return max(1, spared(logits) // self.handle.vocabulary_size)

    def _add(self, start: int, stop: int) -> None:
        """The gradients at the head's positions from start to stop: weight (softmax - label), through head and cap."""
        inputs = self.states[start:stop].detach().requires_grad_(True)
        logits = capped(self.handle, precise(self.forward(inputs)))  # (C, V)
        chances = torch.softmax(logits.detach(), dim=-1)
        inside = (self.batch.label_head >= start) & (self.batch.label_head < stop)
        for part in self.batch.part[inside].unique().tolist():
            chosen = inside & (self.batch.part == part)
            at, labels = (t[chosen].to(logits.device) for t in (self.batch.label_head - start, self.batch.labels))
            weights = self.batch.weights[chosen].to(logits.device, logits.dtype)
            outer = torch.zeros_like(chances)  # within a part a position has one label
            outer[at] = weights[:, None] * chances[at]
            outer[at, labels] -= weights
            (self.gradients[part, start:stop],) = torch.autograd.grad(logits, inputs, outer, retain_graph=True)


def _chunks(batch: Batch, most: int) -> list[tuple[int, int]]:
    """Even runs of at most `most` positions; none holds a prompt's and an answer's, which need other gradients."""
    found: list[tuple[int, int]] = []
    for start, stop in ((0, batch.n_prompt_heads), (batch.n_prompt_heads, len(batch.head_rows))):
        pieces = math.ceil((stop - start) / most)
        edges = [start + (stop - start) * i // pieces for i in range(pieces + 1)] if pieces else []
        found += pairwise(edges)
    return found
