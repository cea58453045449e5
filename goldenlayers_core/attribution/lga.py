"""Layer Gradient Analysis: how well do the gradients of an old and a new answer agree in each layer's weights?

    L(x, y)   = -(1/|y|) sum_t log p(y_t | x, y_<t)                         nats
    phi[q, l] = < grad_{W_l} L(x, y_o), grad_{W_l} L(x, y_n) >              Frobenius, signed

("Golden Layers and Where to Find Them", arXiv 2602.20207.) No weight gradient is ever formed: for z_t = W a_t with
output gradients d_t, grad_W L = sum_t d_t a_t^T, so the inner product of two of them is the sum of the elementwise
product of two (T, T) Gram matrices, (D_o D_n^T) * (A A^T). Only activation gradients flow; samples of a batch do not
interact, so summed losses serve a whole batch at once.

Axes: B rows, T positions, P requests of the batch, L layers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from goldenlayers_core.attribution.packing import Batch, batches
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import grad_from, keep_positions, watch_linears
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.shadow import lower_precision
from goldenlayers_core.records import EditRequest, LgaConfig
from goldenlayers_core.results import Floats


@dataclass(frozen=True)
class ScoredBatch:
    """What one pass found: rows are requests, in the order of `indices`."""

    indices: tuple[int, ...]  # into the caller's requests
    values: Floats
    """(P, L) phi."""
    norm_old: Floats
    """(P, L)"""
    norm_new: Floats
    """(P, L)"""
    n_tokens: int


@dataclass
class _Sums:
    """Sums over a layer's matrices of <G_o, G_n>, <G_o, G_o>, <G_n, G_n>; (L, 3, P), float64."""

    batch: Batch
    total: Tensor
    passing: str = "old"  # which answer's loss is being differentiated
    kept: dict[str, Tensor] = field(default_factory=dict)  # site -> D of the old answer, (P, T, d_out)
    gram: tuple[int, Tensor] | None = None  # A A^T of the last input seen: gate and up projection share theirs

    def see(self, site: str, inputs: Tensor, gradient: Tensor) -> None:
        """Called once per site and backward pass: inputs (B, T, d_in), gradient (B, T, d_out)."""
        if self.batch.shared and self.passing == "old":
            self.kept[site] = gradient
            return
        layer = int(site.split("/", 1)[0])
        if self.batch.shared:
            both = inputs_gram = self._input_gram(inputs)
            old, new, gram_old, gram_new = self.kept.pop(site), gradient, inputs_gram, inputs_gram
        else:
            a, d = inputs.unflatten(0, (-1, 2)), gradient.unflatten(0, (-1, 2))  # (P, 2, T, d)
            old, new = d[:, 0], d[:, 1]
            both, gram_old, gram_new = _gram(a[:, 0], a[:, 1]), _gram(a[:, 0], a[:, 0]), _gram(a[:, 1], a[:, 1])
        for row, (left, right, gram) in enumerate(((old, new, both), (old, old, gram_old), (new, new, gram_new))):
            self.total[layer, row] += (_gram(left, right) * gram).sum(dim=(1, 2), dtype=torch.float64)

    def _input_gram(self, inputs: Tensor) -> Tensor:
        if self.gram is None or self.gram[0] != inputs.data_ptr():
            self.gram = (inputs.data_ptr(), _gram(inputs, inputs))
        return self.gram[1]


def _gram(left: Tensor, right: Tensor) -> Tensor:
    """(P, T, T) inner products of the rows of two (P, T, d), at least in float32."""
    return torch.bmm(precise(left), precise(right).transpose(1, 2))


def score_batch(handle: ModelHandle, batch: Batch, config: LgaConfig, call: Callable[..., Any]) -> ScoredBatch:
    """phi and the two gradient norms for the requests of one batch. Hold the handle's lock."""
    device = handle.device
    sums = _Sums(batch, torch.zeros(handle.n_layers, 3, len(batch.pairs), dtype=torch.float64, device=device))
    sites = handle.sites(config.scope)
    with (
        torch.enable_grad(),
        few_rows(handle),
        grad_from(handle.embedding) as leaves,
        keep_positions(handle.head, batch.head_rows.to(device), batch.head_columns.to(device)),
        watch_linears(sites, len(batch.ids), sums.see),
    ):
        logits = call(**model_inputs(handle, batch, call)).logits[0]  # (H, vocabulary)
        losses = _losses(logits, batch)
        if batch.shared:
            torch.autograd.grad(losses[0], leaves, retain_graph=True)
            sums.passing = "new"
            torch.autograd.grad(losses[1], leaves)
        else:
            torch.autograd.grad(losses[0] + losses[1], leaves)
    found = sums.total.permute(1, 2, 0).cpu().numpy()  # (3, P, L)
    return ScoredBatch(
        indices=tuple(p.index for p in batch.pairs),
        values=found[0],
        norm_old=np.sqrt(np.maximum(found[1], 0)),
        norm_new=np.sqrt(np.maximum(found[2], 0)),
        n_tokens=batch.n_tokens,
    )


def model_inputs(handle: ModelHandle, batch: Batch, call: Callable[..., Any]) -> dict[str, Any]:
    """Keyword arguments of the forward pass."""
    inputs: dict[str, Any] = {"input_ids": batch.ids.to(handle.device), "use_cache": False}
    if batch.positions is not None and batch.allowed is not None:
        dtype = getattr(call, "dtype", handle.dtype)
        blocked = torch.zeros(batch.allowed.shape, dtype=dtype).masked_fill(~batch.allowed, torch.finfo(dtype).min)
        inputs["position_ids"] = batch.positions.to(handle.device)
        inputs["attention_mask"] = blocked.to(handle.device)
    return inputs


def _losses(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Summed over the requests: mean negative log-likelihood of the old, and of the new answers; nats."""
    logits = precise(logits)
    head, labels, side = (t.to(logits.device) for t in (batch.label_head, batch.labels, batch.side))
    weights = batch.weights.to(logits.device, logits.dtype)
    nll = weights * (torch.logsumexp(logits, dim=-1)[head] - logits[head, labels])  # (N,)
    return nll[side == 0].sum(), nll[side == 1].sum()


def default_budget(handle: ModelHandle) -> int:
    """Padded tokens per batch: enough to keep the device busy, few enough to keep memory small."""
    return 96 if handle.device.type == "cpu" else 4096


def iter_lga(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    old_answers: Sequence[str],
    config: LgaConfig,
) -> Iterator[ScoredBatch]:
    """Score requests batch by batch; each batch holds the handle's lock, and only while it runs.

    Raises RequestError for a request that cannot be tokenised (see `attribution.requests.usable`).
    """
    pairs = prepare(handle, requests, old_answers)
    context: AbstractContextManager[Any] = nullcontext(handle.model)
    if config.precision == "bfloat16" and handle.dtype != torch.bfloat16:
        context = lower_precision(handle, torch.bfloat16)
    with context as call:
        for batch in batches(handle, pairs, config.token_budget or default_budget(handle)):
            with handle.lock:
                found = score_batch(handle, batch, config, call)
            yield found
