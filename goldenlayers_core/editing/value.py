"""ROME's value: the change delta of one MLP output that makes the model say the answer (Meng et al. 2022, equation 4).

    L(delta) = mean over templates of -(1/m) sum_j log p(y_j)            nats
             + kl_factor KL(p_delta || p_0) on "{subject} is a"           nats
             + weight_decay |delta| / |v_0|^2

minimised from delta = 0, with |delta| <= clamp_factor |v_0| after every step, for many edits at once: each has its own
loss, clamp, steps and end. Those that have ended leave the batch and waiting ones take their place. A value may have
several parts side by side (PMET's attention and MLP outputs); clamp and decay are then each part's own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from goldenlayers_core.editing.clean import CleanPass, site_module
from goldenlayers_core.editing.rows import Row
from goldenlayers_core.editing.steps import Adam, LogOdds, StepRule
from goldenlayers_core.editing.suffix import Suffixes, split_rows, suffix_logits
from goldenlayers_core.editing.value_settings import ValueSettings
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import Change, as_batch, change_outputs
from goldenlayers_core.models.products import few_rows

StepDone = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Values:
    """The outcome of the optimisation for E edits."""

    delta: Tensor
    """(E, P * d_out) change of the value at the lookup position, P parts side by side."""
    losses: tuple[tuple[float, ...], ...]  # per edit, of each of its forward passes; nats
    loss: tuple[float, ...]  # per edit, of the delta returned
    size: tuple[float, ...]  # per edit, |v_0| of the last part
    failed: tuple[bool, ...]  # per edit, whether its loss stopped being finite (its delta is then of no use)
    parts: int = 1

    @property
    def steps(self) -> tuple[int, ...]:
        """Forward passes each edit took part in."""
        return tuple(map(len, self.losses))

    def change(self, edit: int) -> float:
        """|delta| / |v_0| of one edit, the last part where there are several."""
        return float(self.delta[edit].chunk(self.parts)[-1].norm()) / max(self.size[edit], 1e-30)


@dataclass(frozen=True, eq=False)
class _Batch:
    """A edits that take their steps together, and the N places that are looked at."""

    edits: Tensor
    """(A,) which edits."""
    suffixes: Suffixes
    own: Tensor
    """(R,) edit of each row."""
    rows: Tensor
    """(N,) row of each place."""
    columns: Tensor
    """(N,) position in the row's suffix."""
    wanted: Tensor
    """(W,) token asked for at each of the first W places; the others are the essence rows, one per edit, in order."""
    weights: Tensor
    """(W,) 1 / (templates of the edit * m)."""
    asked: Tensor
    """(W,) place in `edits` of each of the first W places."""


def _batch(handle: ModelHandle, clean: CleanPass, edits: Sequence[int]) -> _Batch:
    index = [r for edit in edits for r in clean.rows_of(edit)]
    rows = [clean.rows[r] for r in index]
    place = {edit: i for i, edit in enumerate(edits)}
    answering = [(r, row) for r, row in enumerate(rows) if row.answer]
    essence = [(r, row) for r, row in enumerate(rows) if not row.answer]
    spots = [(r, c - row.lookup) for r, row in (*answering, *essence) for c in row.wanted]
    flat = [(token, place[row.edit]) for _, row in answering for token in row.answer]
    counts = [0] * len(edits)
    for _, asked in flat:
        counts[asked] += 1

    def tensor(items: Sequence[int]) -> Tensor:
        return torch.tensor(items, dtype=torch.int64, device=handle.device)

    return _Batch(
        edits=tensor(edits),
        suffixes=split_rows(handle, clean.whole, tensor(index)),
        own=tensor([row.edit for row in rows]),
        rows=tensor([r for r, _ in spots]),
        columns=tensor([c for _, c in spots]),
        wanted=tensor([token for token, _ in flat]),
        weights=1.0 / tensor([counts[asked] for _, asked in flat]).double(),
        asked=tensor([asked for _, asked in flat]),
    )


class _Search:
    """The state of E edits while their values are looked for."""

    def __init__(self, handle: ModelHandle, clean: CleanPass, config: ValueSettings) -> None:
        self.handle, self.clean, self.config = handle, clean, config
        bare = first_rows(clean.rows)
        number = torch.float64 if handle.dtype == torch.float64 else torch.float32
        values = clean.values[bare].to(number)
        self.size = values.reshape(len(bare), len(clean.sites), -1).norm(dim=2)  # (E, P) |v_0|, of the bare prompt
        limit = config.clamp_factor * self.size
        delta = torch.zeros_like(values)
        self.rule: StepRule = (
            LogOdds(delta, max(0.5 * config.stop_loss, 1e-3), limit)
            if config.direct_steps
            else Adam(delta, config.learning_rate, limit)
        )
        self.best, self.best_loss = delta.clone(), torch.full_like(self.size[:, 0], math.inf)
        self.last_loss = torch.full_like(self.size[:, 0], math.inf)
        self.base: dict[int, Tensor] = {}  # edit -> (V,) log-probabilities after its essence row, unedited
        self.history: list[list[float]] = [[] for _ in bare]
        self.failed = [False] * len(bare)

    def step(self, batch: _Batch) -> list[int]:
        """One forward pass and, for those that go on, one backward pass and step; the edits that have ended."""
        with torch.enable_grad():
            delta = self.rule.delta[batch.edits].requires_grad_(True)  # (A, d), a leaf of its own
            log_p = self._log_p(batch, delta)
            losses = self._losses(batch, log_p, delta)  # (A,)
        seen = losses.detach()
        edits = batch.edits.tolist()
        better = seen < self.best_loss[batch.edits]
        self.best[batch.edits] = torch.where(better[:, None], delta.detach(), self.best[batch.edits])
        self.best_loss[batch.edits] = torch.where(better, seen, self.best_loss[batch.edits])
        self.last_loss[batch.edits] = seen
        ended = []
        for edit, loss in zip(edits, seen.tolist(), strict=True):
            self.history[edit].append(loss)
            self.failed[edit] = not math.isfinite(loss)
            ended.append(self.failed[edit] or self._done(self.history[edit]))
        going = torch.tensor([i for i, end in enumerate(ended) if not end], device=seen.device, dtype=torch.int64)
        if len(going):
            (gradient,) = torch.autograd.grad(losses[going].sum(), delta)
            self.rule.step(batch.edits[going], seen[going], gradient[going])
        return [edit for edit, end in zip(edits, ended, strict=True) if end]

    def _done(self, history: list[float]) -> bool:
        config = self.config
        if history[-1] < config.stop_loss or len(history) >= config.steps:
            return True
        # no better by 2 % than the best of `patience` passes ago: the clamp, or the KL term, holds it
        waited = len(history) - 1 - config.patience
        return config.patience > 0 and waited >= 0 and min(history) > 0.98 * min(history[: waited + 1])

    def _log_p(self, batch: _Batch, delta: Tensor) -> Tensor:
        """(N, V) log-probabilities with each edit's delta added at its rows' lookup, which is suffix position 0."""
        suffixes = batch.suffixes
        rows = torch.arange(len(batch.own), device=delta.device)
        at = suffixes.place(rows, torch.zeros_like(rows))
        local = torch.searchsorted(batch.edits, batch.own)  # (R,) edits stand in ascending order

        def shift_by(part: Tensor) -> Change:  # (A, d_out)
            def shift(_inputs: Tensor, output: Tensor) -> Tensor:
                wide = as_batch(output, len(suffixes.ids))  # (B, S, d_out)
                return wide.index_put(at, part[local].to(wide.dtype), accumulate=True).reshape(output.shape)

            return shift

        if self.clean.above and suffixes.hidden is not None:  # d_out is the width of the residual stream
            moved = shift_by(delta)(suffixes.hidden, suffixes.hidden)
            return suffix_logits(self.handle, suffixes, batch.rows, batch.columns, moved).log_softmax(dim=1)
        parts = zip(self.clean.sites, delta.chunk(len(self.clean.sites), dim=1), strict=True)
        layer = self.clean.layer
        with change_outputs({site_module(self.handle, layer, site): shift_by(part) for site, part in parts}):
            return suffix_logits(self.handle, suffixes, batch.rows, batch.columns).log_softmax(dim=1)

    def _losses(self, batch: _Batch, log_p: Tensor, delta: Tensor) -> Tensor:
        """(A,) the loss of every edit, nats."""
        n_answer = len(batch.wanted)
        said = log_p[:n_answer].gather(1, batch.wanted[:, None])[:, 0]  # (W,)
        nll = said.new_zeros(len(batch.edits)).index_add(0, batch.asked, -said * batch.weights.to(said.dtype))
        essence = log_p[n_answer:]  # (A, V): p_delta after "{subject} is a"
        for i, edit in enumerate(batch.edits.tolist()):
            if edit not in self.base:  # delta is 0 in an edit's first pass
                self.base[edit] = essence[i].detach().clone()
        base = torch.stack([self.base[edit] for edit in batch.edits.tolist()])
        kl = (essence.exp() * (essence - base)).sum(dim=1)
        parts = delta.reshape(len(delta), len(self.clean.sites), -1)
        decay: Tensor = (parts.norm(dim=2) / self.size[batch.edits] ** 2).sum(dim=1)
        return nll + self.config.kl_factor * kl + self.config.weight_decay * decay

    def values(self) -> Values:
        best = self.config.keep_best or self.config.direct_steps
        return Values(
            delta=self.best if best else self.rule.delta,
            losses=tuple(map(tuple, self.history)),
            loss=tuple((self.best_loss if best else self.last_loss).tolist()),
            size=tuple(self.size[:, -1].tolist()),
            failed=tuple(self.failed),
            parts=len(self.clean.sites),
        )


def optimise(
    handle: ModelHandle,
    clean: CleanPass,
    config: ValueSettings,
    step_done: StepDone | None = None,
    token_budget: int | None = None,
) -> Values:
    """The value change of every edit, each by its own loss, clamp and end; rows do not interact.

    At most `steps` forward passes and one update fewer. Adam returns its last iterate, as ROME defines it, unless
    `keep_best`; direct steps return their best. At most `token_budget` suffix tokens (one edit at least) take a step
    together. The handle's lock is held during each step only. Raises whatever `step_done(done, total, note)` raises.
    """
    search = _Search(handle, clean, config)
    count = len(search.history)
    sizes = [0] * count
    for row in clean.rows:
        sizes[row.edit] += len(row.ids) - row.lookup
    waiting, ended = list(range(count)), 0
    active: list[int] = []
    batch: _Batch | None = None
    while waiting or active:
        while waiting and (
            not active or token_budget is None or sum(sizes[e] for e in active) + sizes[waiting[0]] <= token_budget
        ):
            active.append(waiting.pop(0))
            batch = None
        batch = batch or _batch(handle, clean, active)
        with handle.lock, few_rows(handle):
            over = search.step(batch)
        if over:
            active, batch, ended = [e for e in active if e not in over], None, ended + len(over)
        if step_done:
            done = ended * config.steps + sum(len(search.history[e]) for e in active)
            last = [search.history[e][-1] for e in (*active, *over)]
            step_done(min(done, count * config.steps), count * config.steps, f"loss {sum(last) / len(last):.3f}")
    return search.values()


def first_rows(rows: Sequence[Row]) -> list[int]:
    """Index of the first row of every edit: its bare prompt."""
    return [r for r, row in enumerate(rows) if r == 0 or row.edit != rows[r - 1].edit]
