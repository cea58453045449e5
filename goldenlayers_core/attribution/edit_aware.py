"""Edit-aware layer analysis: what would an edit at each layer do, judged by gradients alone? (design.md section 4)

For one request and layer: a_t is the input of the MLP output matrix W at position t, g_t the gradient of a probe's loss
at its output, s the last token of the subject in the request's prompt, k = a_s, u = k / (k . k). ROME's edit with value
change delta adds (a_t . u) delta to the matrix's output at every position of every prompt. To first order the rewrite
needs delta = -eta d with d = g_s / |g_s| of the rewrite and eta = L_new / |g_s|, so that for every probe

    need          = eta / |v0|,  v0 = W k (+ bias)       how far the value must move; ROME's clamp allows 4
    change(probe) = eta sum_t (a_t . u) (g_t . d)        nats by which the probe's loss falls
    reach(probe)  = eta sum_t |a_t . u| |g_t|            nats, an upper bound of |change|

A probe's loss is the mean negative log-likelihood of its answer; that of a locality probe is the lead of the new
target's first token over the token the model itself goes on with, because that is what an edit raises there by mistake.

One forward and one backward pass over all probes gives every layer at once; no weight gradient is formed. Rewrite rows
go first, because the other probes of a request are projected on their k and d.

Axes: B rows, T positions, N labels, P requests, R probe rows, L layers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.attribution.probe_rows import ProbeBatch, ProbeRow, probe_batches, probe_rows
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.hooks import grad_from, keep_positions, watch_linears
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.shadow import lower_precision
from goldenlayers_core.records import EditAwareConfig, EditRequest, ProbeKind
from goldenlayers_core.results import Floats

_TINY: Final = 1e-30  # keeps vanishing keys and gradients from dividing by zero


@dataclass(frozen=True)
class Effects:
    """What edits of P requests would do to their R probes at L layers, to first order.

    The first P probes are the rewrites, in order; the others follow request by request.
    """

    indices: tuple[int, ...]  # (P,) into the caller's requests
    eta: Floats
    """(P, L) length of the value change that the rewrite needs, in units of the MLP output; inf where no value change
    there reaches the answer, as in the last layer when the subject is not the last word."""
    size: Floats
    """(P, L) |v0|, in the same units."""
    owners: NDArray[np.int64]
    """(R,) row of P each probe belongs to."""
    kinds: tuple[ProbeKind, ...]  # (R,)
    loss: Floats
    """(R,) nats: mean negative log-likelihood per answer token of what the probe should say; for locality the lead of
    the new target's first token over the model's own next one in log-probability, which is negative."""
    margin: Floats
    """(R,) nats: mean lead in log-probability of the likeliest token over the wanted one, to be overcome; for locality
    the lead of the model's own next token over the new target's first one, to be kept."""
    slope: Floats
    """(R, L) predicted fall of the loss per unit of value change: sum_t (a_t . u) (g_t . d); nats per unit."""
    bound: Floats
    """(R, L) sum_t |a_t . u| |g_t|, nats per unit."""
    n_tokens: int

    @property
    def need(self) -> Floats:
        """(P, L) eta / |v0|."""
        return _divided(self.eta, self.size)

    @property
    def change(self) -> Floats:
        """(R, L) predicted fall of each probe's loss if the rewrite gets what it needs, nats; 0 where it cannot."""
        eta = self.eta[self.owners]
        return np.where(np.isfinite(eta), eta, 0.0) * self.slope

    @property
    def reach(self) -> Floats:
        """(R, L) bound of |change|, nats; inf where the need is, unless nothing is reached at all."""
        eta = self.eta[self.owners]
        return np.multiply(eta, self.bound, out=np.zeros_like(eta), where=self.bound > 0)


def _divided(above: Floats, below: Floats) -> Floats:
    """above / below, inf where below is 0."""
    return np.divide(above, below, out=np.full_like(above, np.inf), where=below > 0)


@dataclass
class _Site:
    """What rewrites have at one layer."""

    k: Tensor
    """(P, d_in) input at the subject's last token."""
    d: Tensor
    """(P, d_out) g_s / |g_s|"""
    length: Tensor
    """(P,) |g_s|"""

    @property
    def u(self) -> Tensor:
        """(P, d_in) k / (k . k)"""
        return self.k / (self.k * self.k).sum(dim=1, keepdim=True).clamp_min(_TINY)


@dataclass
class _Sink:
    """Sums up slope and bound of a batch; of rewrite rows it keeps k and g_s as well."""

    total: Tensor
    """(L, 2, B)"""
    sites: dict[int, _Site]  # by layer; filled here in a batch of rewrites
    rows: Tensor
    """(B,) row of `sites` that each probe belongs to."""
    lookups: Tensor | None  # (B,) the subject's last token in a batch of rewrites

    def see(self, site: str, inputs: Tensor, gradient: Tensor) -> None:
        """Called once per layer: inputs (B, T, d_in), gradient (B, T, d_out); padding has no gradient."""
        layer, a, g = int(site.split("/", 1)[0]), precise(inputs), precise(gradient)
        if self.lookups is not None:
            g_s = g[self.rows, self.lookups]
            length = g_s.norm(dim=1)
            self.sites[layer] = _Site(a[self.rows, self.lookups], g_s / length.clamp_min(_TINY)[:, None], length)
        here = self.sites[layer]
        along = torch.bmm(a, here.u[self.rows, :, None])[:, :, 0]  # (B, T) a_t . u
        toward = torch.bmm(g, here.d[self.rows, :, None])[:, :, 0]  # (B, T) g_t . d
        self.total[layer, 0] = (along * toward).sum(dim=1)
        self.total[layer, 1] = (along.abs() * g.norm(dim=2)).sum(dim=1)


@dataclass(frozen=True)
class _Pass:
    """What one batch gave."""

    batch: ProbeBatch
    sites: dict[int, _Site]
    loss: Floats
    """(B,)"""
    margin: Floats
    """(B,)"""
    unit: Floats
    """(2, B, L) slope and bound."""


def _pass(
    handle: ModelHandle,
    batch: ProbeBatch,
    sites: dict[int, _Site] | None,
    order: dict[int, int],
    call: Callable[..., Any],
) -> _Pass:
    """One forward and one backward pass over rewrite rows (`sites` None), or over probes of the rewrites in `sites`."""
    device = handle.device
    number = torch.float64 if handle.dtype == torch.float64 else torch.float32
    rows, lookups = torch.tensor([order[row.request] for row in batch.rows], device=device), None
    if sites is None:
        rows, lookups = torch.arange(len(rows), device=device), rows.new_tensor([row.lookup for row in batch.rows])
    total = torch.zeros(handle.n_layers, 2, len(rows), dtype=number, device=device)
    sink = _Sink(total, {} if sites is None else sites, rows, lookups)
    with (
        handle.lock,
        torch.enable_grad(),
        few_rows(handle),
        grad_from(handle.embedding) as leaves,
        keep_positions(handle.head, batch.head_rows.to(device), batch.head_columns.to(device)),
        watch_linears(handle.sites("mlp_out"), len(batch.rows), sink.see),
    ):
        logits = call(input_ids=batch.ids.to(device), use_cache=False).logits[0]  # (N, vocabulary)
        losses, margins = _losses(logits, batch)
        torch.autograd.grad(losses.sum(), leaves)
    return _Pass(batch, sink.sites, _numpy(losses.detach()), _numpy(margins), _numpy(total.permute(1, 2, 0)))


def _losses(logits: Tensor, batch: ProbeBatch) -> tuple[Tensor, Tensor]:
    """(B,) loss and (B,) margin of every row, as in `Effects`; nats."""
    log_p = precise(logits).log_softmax(dim=-1)
    values, indices = top(log_p.detach(), 2)
    labels, rivals, owners = (t.to(log_p.device) for t in (batch.labels, batch.rivals, batch.head_rows))
    own = labels < 0  # the model's own next token
    labels = torch.where(own, indices[:, 0], labels)
    # where the model already says the new target, the second likeliest token is the rival
    rivals = torch.where(rivals == labels, indices[:, 1], rivals).clamp_min(0)
    said, other = (log_p.gather(1, token[:, None])[:, 0] for token in (labels, rivals))  # (N,)
    weights = batch.weights.to(log_p.device, log_p.dtype)
    zero = torch.zeros(len(batch.rows), dtype=log_p.dtype, device=log_p.device)
    losses = zero.index_add(0, owners, torch.where(own, other - said, -said) * weights)
    leads = values[:, 0] - torch.where(own, other, said).detach()
    return losses, zero.index_add(0, owners, leads * weights)


def default_budget(handle: ModelHandle) -> int:
    """Padded tokens per batch: enough to keep the device busy, few enough to keep memory small."""
    return 192 if handle.device.type == "cpu" else 4096


def default_chunk(handle: ModelHandle) -> int:
    """Requests taken together: their k and d are kept meanwhile, and progress is reported after each chunk."""
    return 16 if handle.device.type == "cpu" else 128


def iter_edit_aware(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    config: EditAwareConfig,
    step: Callable[[float], None] | None = None,
) -> Iterator[Effects]:
    """Analyse requests chunk by chunk; each batch holds the handle's lock, and only while it runs.

    `step(share)` is called after every batch with the share of its chunk that is done, and may raise to cancel.
    Raises RequestError for a request that cannot be tokenised (see `probe_rows.probe_rows`).
    """
    context: AbstractContextManager[Any] = nullcontext(handle.model)
    if config.precision == "bfloat16" and handle.dtype != torch.bfloat16:
        context = lower_precision(handle, torch.bfloat16)
    budget, size = config.token_budget or default_budget(handle), default_chunk(handle)
    rows = [probe_rows(handle, i, request, config) for i, request in enumerate(requests)]
    with context as call:
        for start in range(0, len(rows), size):
            yield _chunk(handle, rows[start : start + size], budget, call, step)


def _chunk(
    handle: ModelHandle,
    requests: Sequence[tuple[ProbeRow, ...]],
    budget: int,
    call: Callable[..., Any],
    step: Callable[[float], None] | None,
) -> Effects:
    """The effects of a few requests: their rewrites first, then the probes that are projected on them."""
    order = {rows[0].request: place for place, rows in enumerate(requests)}
    rewrites, others = [rows[0] for rows in requests], [row for rows in requests for row in rows[1:]]
    batches = [list(probe_batches(rows, budget)) for rows in (rewrites, others)]
    passes: list[_Pass] = []
    sites: dict[int, _Site] | None = None
    for group in batches:
        for batch in group:
            passes.append(_pass(handle, batch, sites, order, call))
            if step:
                step(len(passes) / sum(map(len, batches)))
        sites = _joined(passes, order) if sites is None else sites
    assert sites is not None
    return _effects(handle, requests, sites, order, passes)


def _joined(passes: Sequence[_Pass], order: dict[int, int]) -> dict[int, _Site]:
    """The sites of all batches of rewrites, in the order of the requests."""
    found = [order[row.request] for done in passes for row in done.batch.rows]
    back = torch.tensor(np.argsort(found))

    def join(layer: int, name: str) -> Tensor:
        parts: list[Tensor] = [getattr(done.sites[layer], name) for done in passes]
        return torch.cat(parts)[back.to(parts[0].device)]

    return {layer: _Site(*(join(layer, name) for name in ("k", "d", "length"))) for layer in passes[0].sites}


def _effects(
    handle: ModelHandle,
    requests: Sequence[tuple[ProbeRow, ...]],
    sites: dict[int, _Site],
    order: dict[int, int],
    passes: Sequence[_Pass],
) -> Effects:
    ran = [row for done in passes for row in done.batch.rows]
    place = {id(row): r for r, row in enumerate(ran)}
    rows = [own[0] for own in requests] + [row for own in requests for row in own[1:]]
    sort = [place[id(row)] for row in rows]
    slope, bound = np.concatenate([done.unit for done in passes], axis=1)[:, sort]  # (R, L) each
    loss, margin = (np.concatenate([getattr(done, name) for done in passes])[sort] for name in ("loss", "margin"))
    layers = range(handle.n_layers)
    with handle.lock, torch.no_grad():
        values = [precise(handle.mlp_out(layer)(sites[layer].k.to(handle.dtype))) for layer in layers]
    length = np.stack([_numpy(sites[layer].length) for layer in layers], axis=1)  # (P, L)
    return Effects(
        indices=tuple(own[0].request for own in requests),
        eta=_divided(np.broadcast_to(loss[: len(requests), None], length.shape), length),
        size=np.stack([_numpy(value.norm(dim=1)) for value in values], axis=1),
        owners=np.array([order[row.request] for row in rows]),
        kinds=tuple(row.kind for row in rows),
        loss=loss,
        margin=margin,
        slope=slope,
        bound=bound,
        n_tokens=sum(done.batch.n_tokens for done in passes),
    )


def _numpy(tensor: Tensor) -> Floats:
    found: Floats = tensor.double().cpu().numpy()
    return found
