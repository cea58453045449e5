"""Layer Gradient Analysis of a model larger than memory: layer by layer, all requests through a layer before the next.

Forward, what enters each block is kept in a file; backward, each block is run anew from what entered it, and the
gradient of what it put out becomes that of what entered it. So a block is read from disk twice, whatever the number of
requests, and the numbers are those of `attribution.lga`, in the same batches.

A block is called by the model's own forward pass, in which every other block hands on what it is given, and the
embedding gives zeros: positions, masks and rotary angles are what the model makes of the tokens. A model that makes
more of the embedding than what enters its first block is refused (`attribution.block_arguments`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from goldenlayers_core.attribution.block_arguments import call_model, check_arguments, told_blocks
from goldenlayers_core.attribution.head_loss import HeadLoss
from goldenlayers_core.attribution.kept_states import KeptStates
from goldenlayers_core.attribution.lga import (
    ScoredBatch,
    Sums,
    default_budget,
    passes,
    scored,
    sums_of,
)
from goldenlayers_core.attribution.packing import NEW, PARTS, Batch, batches
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import first_tensor, passing_on, watch_linears
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.streaming import Streamed
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import EditRequest, LgaConfig

_BACKWARD = 3  # what a block takes backward, of what it takes forward


@dataclass(frozen=True, eq=False)
class _Run:
    """All batches on their way through the layers."""

    model: Streamed
    sums: tuple[Sums, ...]  # of each batch
    kept: KeptStates
    """Per batch: what enters layers 0 to L - 1, what the last puts out, and a gradient for each of the `PARTS`."""
    told: Callable[[float], None]  # blocks that a batch has passed

    @property
    def handle(self) -> ModelHandle:
        return self.model.handle

    def gradient_slot(self, part: int) -> int:
        return self.handle.n_layers + 1 + part

    def states(self, batch: int, slot: int) -> Tensor:
        return self.kept.get(batch, slot).to(self.handle.device)


def iter_lga_streamed(
    model: Streamed,
    requests: Sequence[EditRequest],
    old_answers: Sequence[str],
    config: LgaConfig,
    step: Callable[[float], None] | None = None,
    folder: Path | None = None,
) -> Iterator[ScoredBatch]:
    """What `iter_lga` yields, after all layers are done. `step(share of the work)` may raise to cancel; states are kept
    in `folder` (None: the cache folder) meanwhile.

    Raises RequestError for a request that cannot be tokenised, ConfigError for another precision than the model's, and
    ModelError where weights cannot be read, the disk has no room, or blocks are given more than a state.
    """
    handle = model.handle
    if config.precision == "bfloat16" and handle.dtype != torch.bfloat16:
        raise ConfigError("Layer by layer is computed in the model's own number format; choose its dtype instead.")
    budget = spared(config.token_budget or default_budget(handle))
    rows = list(batches(handle, prepare(handle, requests, old_answers), budget))
    if not rows:
        return
    shapes = [(*batch.ids.shape, handle.hidden_size) for batch in rows]
    slots = handle.n_layers + 1 + len(PARTS)
    sums = tuple(sums_of(handle, batch, config) for batch in rows)
    told = _counted(step, len(rows) * handle.n_layers * (1 + _BACKWARD))
    with KeptStates(folder or cache_root(), shapes, slots, handle.dtype) as kept, handle.lock, few_rows(handle):
        run = _Run(model, sums, kept, told)
        _forward(run)
        _through_head(run)
        _backward(run)
    yield from (scored(found, config) for found in sums)


def _counted(step: Callable[[float], None] | None, total: float) -> Callable[[float], None]:
    done = 0.0

    def told(units: float) -> None:
        nonlocal done
        done += units
        if step is not None:
            step(done / total)

    return told


@torch.no_grad()
def _forward(run: _Run) -> None:
    """Keep what enters every layer, and what the last one puts out."""
    handle = run.handle
    with run.model.embedding():
        own = handle.embedding.forward
        kinds = {(sums.batch.shared, sums.batch.positions is None): sums.batch for sums in run.sums}
        for batch in kinds.values():
            check_arguments(handle, told_blocks(handle, batch, own), told_blocks(handle, batch))
        for i, sums in enumerate(run.sums):
            run.kept.put(i, 0, _first_states(handle, sums.batch, own))
    for layer in range(handle.n_layers):
        with run.model.block(layer):
            for i, sums in enumerate(run.sums):
                run.kept.put(i, layer + 1, _through_block(handle, sums.batch, layer, run.states(i, layer)))
                run.told(1)


@torch.enable_grad()
def _through_head(run: _Run) -> None:
    """Keep the gradient of each part's loss at what the last layer puts out."""
    handle = run.handle
    pass_on = passing_on(handle.architecture.block_returns)
    with run.model.head():
        for i, sums in enumerate(run.sums):
            leaf = run.states(i, handle.n_layers).requires_grad_(True)
            head = HeadLoss(handle, sums.batch, handle.head.forward)
            last = handle.blocks[-1]
            call_model(handle, sums.batch, {last: _handing(pass_on, leaf), handle.head: head})
            for part, gradient in passes(sums.batch, head.gradients):
                (found,) = torch.autograd.grad(head.states, leaf, gradient, retain_graph=part != NEW)
                run.kept.put(i, run.gradient_slot(part), found)


@torch.enable_grad()
def _backward(run: _Run) -> None:
    """Take every layer's inner products, the last layer's first."""
    handle = run.handle
    sites = handle.sites("block")
    for layer in reversed(range(handle.n_layers)):
        here = {name: site for name, site in sites.items() if name.startswith(f"{layer}/")}
        with run.model.block(layer):
            for i, sums in enumerate(run.sums):
                _block_backward(run, i, layer, here)
                sums.gram = None  # known by where it was in memory, which is free again
                run.told(_BACKWARD)


def _block_backward(run: _Run, i: int, layer: int, sites: Mapping[str, nn.Module]) -> None:
    sums = run.sums[i]
    leaf = run.states(i, layer).requires_grad_(True)
    with watch_linears(sites, len(sums.batch.ids), sums.see):
        out = _through_block(run.handle, sums.batch, layer, leaf.clone())  # some blocks add in place
        for part, _ in passes(sums.batch, out.new_zeros(len(PARTS))):
            sums.passing, slot = part, run.gradient_slot(part)
            (found,) = torch.autograd.grad(out, leaf, run.states(i, slot), retain_graph=part != NEW)
            run.kept.put(i, slot, found)


def _first_states(handle: ModelHandle, batch: Batch, embedding: Callable[..., Any]) -> Tensor:
    """(B, T, d) what enters the first block."""
    came: list[Tensor] = []
    pass_on = passing_on(handle.architecture.block_returns)

    def first(hidden_states: Tensor, *_args: Any, **_kwargs: Any) -> Any:
        came.append(hidden_states)
        return pass_on(hidden_states)

    call_model(handle, batch, {handle.embedding: embedding, handle.blocks[0]: first})
    return came[0]


def _through_block(handle: ModelHandle, batch: Batch, layer: int, states: Tensor) -> Tensor:
    """(B, T, d) what one block makes of what enters it."""
    came: list[Tensor] = []
    block = handle.blocks[layer]
    own, pass_on = block.forward, passing_on(handle.architecture.block_returns)

    def run(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        came.append(first_tensor(own(states, *args, **kwargs)))
        return pass_on(hidden_states)

    call_model(handle, batch, {block: run})
    return came[0]


def _handing(pass_on: Callable[..., Any], states: Tensor) -> Callable[..., Any]:
    """A block's `forward` that hands on `states`, whatever it is given."""
    return lambda *_args, **_kwargs: pass_on(states)
