"""ROME's value: the change delta of one MLP output that makes the model say the answer (Meng et al. 2022, equation 4).

    L(delta) = mean over templates of -(1/m) sum_j log p(y_j)            nats
             + kl_factor KL(p_delta || p_0) on "{subject} is a"           nats
             + weight_decay |delta| / |v_0|^2

minimised by Adam from delta = 0, with |delta| <= clamp_factor |v_0| after every step.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from goldenlayers_core.editing.rows import Row
from goldenlayers_core.editing.suffix import Suffixes, Whole, kept_pairs, split_rows, suffix_logits
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import as_batch, change_outputs, keep_positions, record_inputs, record_outputs
from goldenlayers_core.models.tokens import pad_right

StepDone = Callable[[int, int, str], None]


class ValueConfig(Protocol):
    """What the optimisation reads of a method's config."""

    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def clamp_factor(self) -> float: ...
    @property
    def kl_factor(self) -> float: ...
    @property
    def stop_loss(self) -> float: ...
    @property
    def keep_best(self) -> bool: ...


@dataclass(frozen=True, eq=False)
class CleanPass:
    """What the unedited model holds for R rows at one layer, from a single forward pass."""

    rows: tuple[Row, ...]
    keys: Tensor
    """(R, d_in) input of the MLP output matrix at each row's lookup position."""
    values: Tensor
    """(R, d_out) its output there, bias included."""
    suffixes: Suffixes
    """Everything needed to rerun the layers from this one on, from the lookup positions on."""


@dataclass(frozen=True, eq=False)
class Values:
    """The outcome of the optimisation for E edits."""

    delta: Tensor
    """(E, d_out) change of the MLP output at the lookup position."""
    losses: tuple[tuple[float, ...], ...]  # per step, per edit; nats
    steps: tuple[int, ...]  # forward passes each edit took part in before it converged


def clean_pass(handle: ModelHandle, rows: Sequence[Row], layer: int) -> CleanPass:
    """One forward pass of whole, right-padded rows. Hold the handle's lock."""
    ids = pad_right([row.ids for row in rows]).to(handle.device)
    lengths, lookups = ids.new_tensor([len(row.ids) for row in rows]), ids.new_tensor([row.lookup for row in rows])
    here = torch.arange(len(rows), device=ids.device)
    matrix = {"matrix": handle.mlp_out(layer)}
    below = {"below": handle.blocks[layer - 1]} if layer else {}
    cache = DynamicCache()
    with (
        torch.no_grad(),
        keep_positions(handle.head, here[:1], here[:1]),  # the logits are not wanted
        record_inputs(matrix) as inputs,
        record_outputs({**matrix, **below}) as outputs,
    ):
        # padding stands behind everything that is used, where nothing can see it: it needs no mask
        handle.model(input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=cache, use_cache=True)
    kept = kept_pairs(cache, layer)
    whole = Whole(ids, lengths, lookups, kept, layer, outputs.get("below"))
    return CleanPass(
        rows=tuple(rows),
        keys=as_batch(inputs["matrix"], len(rows))[here, lookups],
        values=as_batch(outputs["matrix"], len(rows))[here, lookups],
        suffixes=split_rows(handle, whole),
    )


@dataclass(frozen=True, eq=False)
class _Places:
    """The N places of a batch that are looked at, by what is asked of them."""

    rows: Tensor
    """(N,) row of each place."""
    columns: Tensor
    """(N,) position in the row's suffix."""
    wanted: Tensor
    """(A,) token asked for at each of the first A places; the other N - A are the essence rows, one per edit."""
    weights: Tensor
    """(A,) 1 / (templates of the edit * m)."""
    edits: Tensor
    """(A,) edit of each of the first A places."""


def _places(clean: CleanPass, device: torch.device) -> _Places:
    answering = [(r, row) for r, row in enumerate(clean.rows) if row.answer]
    essence = [(r, row) for r, row in enumerate(clean.rows) if not row.answer]
    spots = [(r, c - row.lookup) for r, row in (*answering, *essence) for c in row.wanted]
    counts: dict[int, int] = {}
    for _, row in answering:
        counts[row.edit] = counts.get(row.edit, 0) + len(row.answer)
    flat = [(token, row.edit) for _, row in answering for token in row.answer]

    def tensor(items: list[int]) -> Tensor:
        return torch.tensor(items, dtype=torch.int64, device=device)

    return _Places(
        rows=tensor([r for r, _ in spots]),
        columns=tensor([c for _, c in spots]),
        wanted=tensor([token for token, _ in flat]),
        weights=1.0 / tensor([counts[edit] for _, edit in flat]).double(),
        edits=tensor([edit for _, edit in flat]),
    )


def optimise(handle: ModelHandle, clean: CleanPass, config: ValueConfig, step_done: StepDone | None = None) -> Values:
    """The value change of every edit of the batch, each by its own loss, clamp and stop; rows do not interact.

    At most `steps` forward passes and one update fewer; an edit whose loss is below `stop_loss` moves no more. The last
    iterate is returned, as ROME defines it, or with `keep_best` the one with the lowest loss. Hold the handle's lock.
    Raises EditError when a loss is not finite, and whatever `step_done(done, total, note)` raises.
    """
    places = _places(clean, handle.device)
    bare = torch.tensor(_first_rows(clean.rows), device=handle.device)
    number = torch.float64 if handle.dtype == torch.float64 else torch.float32
    size = clean.values[bare].to(number).norm(dim=1)  # (E,) |v_0|, of the bare prompt
    delta = torch.zeros(len(bare), clean.values.shape[1], dtype=number, device=handle.device, requires_grad=True)
    adam, moving = _Adam(delta, config.learning_rate), torch.ones(len(bare), dtype=torch.bool, device=handle.device)
    best, best_loss = delta.detach().clone(), torch.full_like(size, math.inf)
    base: Tensor | None = None
    history: list[tuple[float, ...]] = []
    taken = [0] * len(bare)
    for step in range(config.steps):
        with torch.enable_grad():
            log_p = _edited_logits(handle, clean, places, delta).log_softmax(dim=1)  # (N, V)
            base = log_p[len(places.wanted) :].detach() if base is None else base  # delta is 0 in the first pass
            losses = _losses(log_p, base, places, delta, size, config)  # (E,)
        seen = losses.detach()
        _check_finite(handle, seen, clean.suffixes.first)
        taken = [n + int(m) for n, m in zip(taken, moving.tolist(), strict=True)]
        history.append(tuple(seen.tolist()))
        better = moving & (seen < best_loss)
        best, best_loss = torch.where(better[:, None], delta.detach(), best), torch.where(better, seen, best_loss)
        moving = moving & (seen >= config.stop_loss)
        if step_done:
            step_done(step + 1, config.steps, f"loss {float(seen.mean()):.3f}")
        if step + 1 == config.steps or not bool(moving.any()):
            break
        (gradient,) = torch.autograd.grad(losses[moving].sum(), delta)
        adam.step(gradient, moving, limit=config.clamp_factor * size)
    return Values(best if config.keep_best else delta.detach(), tuple(history), tuple(taken))


def _first_rows(rows: Sequence[Row]) -> list[int]:
    """Index of the first row of every edit: its bare prompt."""
    edits = [row.edit for row in rows]
    return [0, *(i + 1 for i, (a, b) in enumerate(pairwise(edits)) if a != b)]


def _edited_logits(handle: ModelHandle, clean: CleanPass, places: _Places, delta: Tensor) -> Tensor:
    """(N, V) logits with delta added to the MLP output at every row's lookup position, which is suffix position 0."""
    suffixes = clean.suffixes
    own = torch.tensor([row.edit for row in clean.rows], device=delta.device)
    rows = torch.arange(len(own), device=delta.device)
    at = suffixes.place(rows, torch.zeros_like(rows))

    def shift(_inputs: Tensor, output: Tensor) -> Tensor:
        batch = as_batch(output, len(suffixes.ids))  # (B, S, d_out)
        return batch.index_put(at, delta[own].to(batch.dtype), accumulate=True).reshape(output.shape)

    with change_outputs({handle.mlp_out(suffixes.first): shift}):
        return suffix_logits(handle, suffixes, places.rows, places.columns)


def _losses(log_p: Tensor, base: Tensor, places: _Places, delta: Tensor, size: Tensor, config: ValueConfig) -> Tensor:
    """(E,) the loss of every edit, nats."""
    n_answer = len(places.wanted)
    said = log_p[:n_answer].gather(1, places.wanted[:, None])[:, 0]  # (A,)
    nll = torch.zeros_like(size).index_add(0, places.edits, -said * places.weights.to(said.dtype))
    essence = log_p[n_answer:]  # (E, V): p_delta after "{subject} is a"
    kl = (essence.exp() * (essence - base)).sum(dim=1)
    decay: Tensor = delta.norm(dim=1) / size**2
    return nll + config.kl_factor * kl + config.weight_decay * decay


def _check_finite(handle: ModelHandle, losses: Tensor, layer: int) -> None:
    if not bool(torch.isfinite(losses).all()):
        raise EditError(
            f"The edit at layer {layer} of {handle.name} ran into numbers that are not finite; "
            "choose a smaller learning rate, another layer, or the float32 dtype."
        )


class _Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with its usual betas, for rows that stop moving one by one."""

    def __init__(self, variable: Tensor, rate: float) -> None:
        self.variable, self.rate, self.count = variable, rate, 0
        self.mean, self.square = torch.zeros_like(variable), torch.zeros_like(variable)

    @torch.no_grad()
    def step(self, gradient: Tensor, moving: Tensor, limit: Tensor) -> None:
        """Move the rows of `moving`, then pull every row back to norm `limit` (E,) where it is longer."""
        self.count += 1
        self.mean.lerp_(gradient, 1 - 0.9)
        self.square.lerp_(gradient * gradient, 1 - 0.999)
        corrected = (self.square / (1 - 0.999**self.count)).sqrt() + 1e-8
        moved = self.variable - self.rate / (1 - 0.9**self.count) * self.mean / corrected
        norm = moved.norm(dim=1)
        scale = torch.where(norm > limit, limit / norm, torch.ones_like(norm))
        self.variable.copy_(torch.where(moving[:, None], moved * scale[:, None], self.variable))
