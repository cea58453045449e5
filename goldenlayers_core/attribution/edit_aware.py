"""Edit-aware layer analysis: what would an edit at each layer do, judged by gradients alone? (design.md section 4)

For one request and layer: a_t is the input of the MLP output matrix W at position t, g_t the gradient of a probe's loss
at its output, s the last token of the subject in the request's prompt, k = a_s, u = C^-1 k / (k . C^-1 k) with C the
key covariance in use (without one, u = k / (k . k)). ROME's edit with value change delta adds (a_t . u) delta to the
matrix's output at every position of every prompt. delta = -eta d is the smallest change that, to first order, takes
every part of the answer, its first three tokens one by one and the rest together, to a loss of 0 (`least_change`); of
an answer of one token d = g_s / |g_s| and eta = L_new / |g_s|. So that for every probe

    need          = eta / |v0|,  v0 = W k (+ bias)       how far the value must move; ROME's clamp allows 4
    change(probe) = eta sum_t (a_t . u) (g_t . d)        nats by which the probe's loss falls
    reach(probe)  = eta sum_t |a_t . u| |g_t|            nats, an upper bound of |change|

A probe's loss is the mean negative log-likelihood of its answer; that of a locality probe is the lead of the new
target's first token over the token the model itself goes on with, because that is what an edit raises there by mistake.

One forward pass over all probes and one backward pass, of rewrites one for every part of the answer, give every layer
at once; no weight gradient is formed. Rewrite rows go first, because the other probes of a request are projected on
their u and d.

Axes: B rows, T positions, N labels, m parts of an answer, P requests, R probe rows, L layers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from goldenlayers_core.attribution.effects import Effects, Site
from goldenlayers_core.attribution.least_change import smallest_change
from goldenlayers_core.attribution.probe_rows import ProbeBatch, ProbeRow, probe_batches, probe_rows
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.hooks import grad_from, keep_positions, watch_linears
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.shadow import lower_precision
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import EditAwareConfig, EditRequest
from goldenlayers_core.results import Floats

Whiten = Callable[[int, Tensor], Tensor]  # layer, keys (P, d_in) -> C^-1 k
_TINY: Final = 1e-30  # keeps vanishing keys from dividing by zero


@dataclass
class _Sink:
    """Sums up slope and bound of a batch of probes whose requests' sites are known."""

    total: Tensor
    """(L, 2, B)"""
    sites: Mapping[int, Site]
    rows: Tensor
    """(B,) row of `sites` that each probe belongs to."""

    def see(self, site: str, inputs: Tensor, gradient: Tensor) -> None:
        """Called once per layer: inputs (B, T, d_in), gradient (B, T, d_out); padding has no gradient."""
        self.add(int(site.split("/", 1)[0]), precise(inputs), precise(gradient))

    def add(self, layer: int, a: Tensor, g: Tensor) -> None:
        here = self.sites[layer]
        along = torch.bmm(a, here.u[self.rows, :, None])[:, :, 0]  # (B, T) a_t . u
        toward = torch.bmm(g, here.d[self.rows, :, None])[:, :, 0]  # (B, T) g_t . d
        self.total[layer, 0] = (along * toward).sum(dim=1)
        self.total[layer, 1] = (along.abs() * g.norm(dim=2)).sum(dim=1)


@dataclass
class _Rewrites(_Sink):
    """The same of a batch of rewrites, which find their sites: called once per layer and part of the answers."""

    sites: dict[int, Site]
    lookups: Tensor
    """(B,) the subject's last token."""
    falls: Tensor
    """(B, m) nats by which the loss of each part is to fall: all of it."""
    labels: Tensor
    """(B,) tokens of the answer."""
    whiten: Whiten | None
    parts: dict[int, list[Tensor]] = field(default_factory=dict)  # by layer, the gradients so far

    def see(self, site: str, inputs: Tensor, gradient: Tensor) -> None:
        """inputs (B, T, d_in), gradient (B, T, d_out) of the next part's loss."""
        layer = int(site.split("/", 1)[0])
        seen = self.parts.setdefault(layer, [])
        seen.append(precise(gradient))
        if len(seen) == self.falls.shape[1]:
            a = precise(inputs)
            self.sites[layer] = self.site(layer, a, torch.stack([g[self.rows, self.lookups] for g in seen], dim=1))
            mean = sum(seen[1:], seen[0]) / self.labels[:, None, None]  # of the mean loss over the answer's tokens
            self.add(layer, a, mean)
            del self.parts[layer]

    def site(self, layer: int, a: Tensor, gradients: Tensor) -> Site:
        """From inputs a (B, T, d_in) and the parts' gradients (B, m, d_out) at the subject's last token."""
        k = a[self.rows, self.lookups]
        usual = k if self.whiten is None else self.whiten(layer, k).to(k)
        along = (k * usual).sum(dim=1, keepdim=True)
        delta = smallest_change(gradients, self.falls)
        eta = delta.norm(dim=1)
        d = torch.where((eta > 0)[:, None], -delta / eta[:, None], 0.0)  # NaN is not above 0
        return Site(k, usual / along.clamp_min(_TINY), d.to(k), torch.where(eta.isnan(), torch.inf, eta).to(k))


@dataclass(frozen=True)
class _Pass:
    """What one batch gave."""

    batch: ProbeBatch
    sites: Mapping[int, Site]
    loss: Floats
    """(B,)"""
    margin: Floats
    """(B,)"""
    unit: Floats
    """(2, B, L) slope and bound."""


@dataclass(frozen=True)
class _Run:
    """How the passes are made, and who is told."""

    call: Callable[..., Any]
    whiten: Whiten | None
    step: Callable[[float], None] | None


def _pass(
    handle: ModelHandle,
    batch: ProbeBatch,
    sites: Mapping[int, Site] | None,
    order: dict[int, int],
    run: _Run,
) -> _Pass:
    """One forward pass over rewrite rows (`sites` None), or over probes of the rewrites in `sites`; and one backward
    pass, or one for every part of the rewrites' answers."""
    device = handle.device
    number = torch.float64 if handle.dtype == torch.float64 else torch.float32
    total = torch.zeros(handle.n_layers, 2, len(batch.rows), dtype=number, device=device)
    sink: _Sink
    if sites is None:
        lookups, labels = torch.tensor([[row.lookup, row.n_labels] for row in batch.rows], device=device).unbind(dim=1)
        falls = total.new_zeros(len(batch.rows), batch.n_parts)
        sink = _Rewrites(total, {}, torch.arange(len(lookups), device=device), lookups, falls, labels, run.whiten)
    else:
        sink = _Sink(total, sites, torch.tensor([order[row.request] for row in batch.rows], device=device))
    with (
        handle.lock,
        torch.enable_grad(),
        few_rows(handle),
        grad_from(handle.embedding) as leaves,
        keep_positions(handle.head, batch.head_rows.to(device), batch.head_columns.to(device)),
        watch_linears(handle.sites("mlp_out"), len(batch.rows), sink.see),
    ):
        logits = run.call(input_ids=batch.ids.to(device), use_cache=False).logits[0]  # (N, vocabulary)
        tokens, leads = _losses(logits, batch)  # (N,) each
        losses, margins = (_summed(values, batch, batch.weights) for values in (tokens, leads))
        if isinstance(sink, _Rewrites):
            parts = [_summed(tokens, batch, (batch.parts == j).double()) for j in range(batch.n_parts)]
            sink.falls.copy_(torch.stack([part.detach() for part in parts], dim=1))
            for j, part in enumerate(parts):
                torch.autograd.grad(part.sum(), leaves, retain_graph=j + 1 < len(parts))
        else:
            torch.autograd.grad(losses.sum(), leaves)
    return _Pass(batch, sink.sites, _numpy(losses.detach()), _numpy(margins), _numpy(total.permute(1, 2, 0)))


def _losses(logits: Tensor, batch: ProbeBatch) -> tuple[Tensor, Tensor]:
    """(N,) loss and (N,) margin of every label, as in `Effects`; nats."""
    log_p = precise(logits).log_softmax(dim=-1)
    values, indices = top(log_p.detach(), 2)
    labels, rivals = (t.to(log_p.device) for t in (batch.labels, batch.rivals))
    own = labels < 0  # the model's own next token
    labels = torch.where(own, indices[:, 0], labels)
    # where the model already says the new target, the second likeliest token is the rival
    rivals = torch.where(rivals == labels, indices[:, 1], rivals).clamp_min(0)
    said, other = (log_p.gather(1, token[:, None])[:, 0] for token in (labels, rivals))  # (N,)
    return torch.where(own, other - said, -said), values[:, 0] - torch.where(own, other, said).detach()


def _summed(values: Tensor, batch: ProbeBatch, weights: Tensor) -> Tensor:
    """(B,) weighted sums of (N,) values over the labels of each row."""
    zero = torch.zeros(len(batch.rows), dtype=values.dtype, device=values.device)
    return zero.index_add(0, batch.head_rows.to(zero.device), values * weights.to(zero))


def default_budget(handle: ModelHandle) -> int:
    """Padded tokens per batch: enough to keep the device busy, few enough to keep memory small."""
    return 192 if handle.device.type == "cpu" else 4096


def default_chunk(handle: ModelHandle) -> int:
    """Requests taken together: their k and d are kept meanwhile, and progress is reported after each chunk."""
    return spared(16 if handle.device.type == "cpu" else 128)


def iter_edit_aware(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    config: EditAwareConfig,
    step: Callable[[float], None] | None = None,
    whiten: Whiten | None = None,
) -> Iterator[Effects]:
    """Analyse requests chunk by chunk; each batch holds the handle's lock, and only while it runs.

    `whiten(layer, keys)` gives C^-1 k for keys (P, d_in), where the edits are to be made with a key covariance.
    `step(share)` is called after every batch with the share of its chunk that is done, and may raise to cancel.
    Raises RequestError for a request that cannot be tokenised (see `probe_rows.probe_rows`).
    """
    context: AbstractContextManager[Any] = nullcontext(handle.model)
    if config.precision == "bfloat16" and handle.dtype != torch.bfloat16:
        context = lower_precision(handle, torch.bfloat16)
    budget, size = spared(config.token_budget or default_budget(handle)), default_chunk(handle)
    rows = [probe_rows(handle, i, request, config) for i, request in enumerate(requests)]
    with context as call:
        for start in range(0, len(rows), size):
            yield _chunk(handle, rows[start : start + size], budget, _Run(call, whiten, step))


def _chunk(
    handle: ModelHandle,
    requests: Sequence[tuple[ProbeRow, ...]],
    budget: int,
    run: _Run,
) -> Effects:
    """The effects of a few requests: their rewrites first, then the probes that are projected on them."""
    order = {rows[0].request: place for place, rows in enumerate(requests)}
    rewrites, others = [rows[0] for rows in requests], [row for rows in requests for row in rows[1:]]
    batches = [list(probe_batches(rows, budget)) for rows in (rewrites, others)]
    passes: list[_Pass] = []
    sites: Mapping[int, Site] | None = None
    for group in batches:
        for batch in group:
            passes.append(_pass(handle, batch, sites, order, run))
            if run.step:
                run.step(len(passes) / sum(map(len, batches)))
        sites = _joined(passes, order) if sites is None else sites
    assert sites is not None
    return _effects(handle, requests, sites, order, passes)


def _joined(passes: Sequence[_Pass], order: dict[int, int]) -> dict[int, Site]:
    """The sites of all batches of rewrites, in the order of the requests."""
    found = [order[row.request] for done in passes for row in done.batch.rows]
    back = torch.tensor(np.argsort(found))

    def join(layer: int, name: str) -> Tensor:
        parts: list[Tensor] = [getattr(done.sites[layer], name) for done in passes]
        return torch.cat(parts)[back.to(parts[0].device)]

    return {layer: Site(*(join(layer, name) for name in ("k", "u", "d", "eta"))) for layer in passes[0].sites}


def _effects(
    handle: ModelHandle,
    requests: Sequence[tuple[ProbeRow, ...]],
    sites: Mapping[int, Site],
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
    return Effects(
        indices=tuple(own[0].request for own in requests),
        eta=np.stack([_numpy(sites[layer].eta) for layer in layers], axis=1),
        size=np.stack([_numpy(value.norm(dim=1)) for value in values], axis=1),
        owners=np.array([order[row.request] for row in rows]),
        kinds=tuple(row.kind for row in rows),
        loss=loss,
        margin=margin,
        slope=slope,
        bound=bound,
        n_tokens=sum(done.batch.n_tokens for done in passes),
        sites=sites,
    )


def _numpy(tensor: Tensor) -> Floats:
    found: Floats = tensor.double().cpu().numpy()
    return found
