"""Layer Gradient Analysis: how well do the gradients of an old and a new answer agree in each layer's weights?

    L(x, y)   = -(1/|y|) sum_t log p(y_t | x, y_<t)                         nats; `loss_on` answer
    L(x, y)   = -(1/(|x|+|y|-1)) sum_{t>1} log p((x y)_t | (x y)_<t)        nats; `loss_on` sequence
    phi[q, l] = < grad_{W_l} L(x, y_o), grad_{W_l} L(x, y_n) >              Frobenius, signed

("Golden Layers and Where to Find Them", arXiv 2602.20207.) Both readings, and every scope of weights W_l, come from the
same passes: the gradients of the prompt's tokens and of each answer's, matrix by matrix (see `results.scores.readings`
for how their lengths weigh).

These need no weight gradient: for z_t = W a_t with output gradients d_t, grad_W L = sum_t d_t a_t^T, so the inner
product of two of them is the sum of the elementwise product of two (T, T) Gram matrices, (D_o D_n^T) * (A A^T). Only
activation gradients flow; samples of a batch do not interact, so summed losses serve a whole batch at once. The mean
absolute gradient of the new answer comes from the same passes (see `attribution.mean_abs`).

Axes: B rows, T positions, P requests of the batch, L layers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from goldenlayers_core.attribution.head_loss import HeadLoss
from goldenlayers_core.attribution.mean_abs import sum_abs
from goldenlayers_core.attribution.packing import NEW, OLD, PROMPT, Batch, batches
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import forward_as, grad_from, watch_linears
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.shadow import lower_precision
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import SCOPES, EditRequest, LgaConfig, Scope
from goldenlayers_core.results import Floats
from goldenlayers_core.results.scores.readings import Products, Reading, answer_reading, sequence_reading


@dataclass(frozen=True)
class ScoredBatch:
    """What one batch's passes found: rows are requests, in the order of `indices`."""

    indices: tuple[int, ...]  # into the caller's requests
    scopes: Mapping[Scope, tuple[Reading, ...]]
    """Under every scope, of (P, L) numbers: the reading that was asked for, then the other."""
    scope: Scope  # that was asked for
    mean_abs_new: Floats
    """(P, L) mean over the weights of |grad L(new)|, the loss on the answer; nats per unit of weight."""
    n_tokens: int

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Under the scope that was asked for."""
        return self.scopes[self.scope]

    @property
    def values(self) -> Floats:
        """(P, L) phi, as it was asked for."""
        return self.readings[0].values

    @property
    def norm_old(self) -> Floats:
        """(P, L)"""
        return self.readings[0].norm_old

    @property
    def norm_new(self) -> Floats:
        """(P, L)"""
        return self.readings[0].norm_new


_PAIRS: Final = ((OLD, NEW), (OLD, OLD), (NEW, NEW), (PROMPT, OLD), (PROMPT, NEW), (PROMPT, PROMPT))  # as in Products


_KINDS: Final[Mapping[Scope, tuple[int, ...]]] = MappingProxyType(  # of matrices, that a scope adds up
    {"mlp": (1, 2), "mlp_out": (2,), "attention": (0,), "block": (0, 1, 2)}
)


@dataclass
class Sums:
    """Sums over a layer's matrices of a kind, of the inner products of `_PAIRS`; (3, L, 6, P), float64.

    Kinds: 0 attention, 1 the MLP's but its output matrix, 2 that one. Scopes are sums of kinds.
    """

    batch: Batch
    kinds: Mapping[str, int]  # path of a matrix within its block -> kind
    measured: tuple[int, ...]  # kinds whose mean absolute gradient is asked for
    total: Tensor
    absolute: Tensor  # (L, P), float64: sum over weights of the new answer's absolute gradient
    elements: Tensor  # (L,) how many weights that is the sum over
    passing: int = PROMPT  # whose loss is being differentiated; apart, NEW stands for both answers
    kept: dict[tuple[str, int], Tensor] = field(default_factory=dict)  # site, part -> D of the part, (P, T, d_out)
    gram: tuple[Tensor, Tensor] | None = None  # the last input seen and its A A^T: gate and up projection share theirs

    def see(self, site: str, inputs: Tensor, gradient: Tensor) -> None:
        """Called once per site and backward pass: inputs (B, T, d_in), gradient (B, T, d_out)."""
        apart = None if self.batch.shared else gradient.unflatten(0, (-1, 2))  # (P, 2, T, d_out)
        if self.passing != NEW:
            self.kept[site, self.passing] = gradient if apart is None else apart[:, 0]
            return
        if apart is None:
            old, new = self.kept.pop((site, OLD)), gradient
            gram = self._input_gram(inputs)
            grams, seen = dict.fromkeys(_PAIRS, gram), inputs
        else:
            old, new = apart[:, 0], apart[:, 1]
            both = inputs.unflatten(0, (-1, 2))
            grams, seen = _grams_apart(both), both[:, 1]
        found = {OLD: old, NEW: new, PROMPT: self.kept.pop((site, PROMPT))}
        name, path = site.split("/", 1)
        layer, kind = int(name), self.kinds[path]
        if kind in self.measured:
            self.absolute[layer] += sum_abs(seen, new).to(self.absolute.device)
            self.elements[layer] += seen.shape[2] * new.shape[2]
        for row, (i, j) in enumerate(_PAIRS):
            product = _gram(found[i], found[j]) * grams[i, j]
            self.total[kind, layer, row] += product.sum(dim=(1, 2), dtype=torch.float64).to(self.total.device)

    def _input_gram(self, inputs: Tensor) -> Tensor:
        if self.gram is None or self.gram[0].data_ptr() != inputs.data_ptr():
            self.gram = (inputs, _gram(inputs, inputs))  # held, so that nothing else comes to its address
        return self.gram[1]

    def products(self, scope: Scope) -> Products:
        """Of (P, L)."""
        return Products(*self.total[list(_KINDS[scope])].sum(dim=0).permute(1, 2, 0).cpu().numpy())

    def mean_abs(self) -> Floats:
        """(P, L); 0 for a layer without the matrices asked for."""
        found: Floats = (self.absolute / self.elements.clamp(min=1)[:, None]).T.cpu().numpy()
        return found


def _grams_apart(inputs: Tensor) -> dict[tuple[int, int], Tensor]:
    """A A^T for each of the `_PAIRS`, of inputs (P, 2, T, d_in): the prompt's tokens are those of the old row."""
    rows = (inputs[:, 0], inputs[:, 1])
    old, new, both = _gram(rows[0], rows[0]), _gram(rows[1], rows[1]), _gram(rows[0], rows[1])
    return dict(zip(_PAIRS, (both, old, new, old, both, old), strict=True))


def _gram(left: Tensor, right: Tensor) -> Tensor:
    """(P, T, T) inner products of the rows of two (P, T, d), at least in float32."""
    return torch.bmm(precise(left), precise(right).transpose(1, 2))


def score_batch(handle: ModelHandle, batch: Batch, config: LgaConfig, call: Callable[..., Any]) -> ScoredBatch:
    """Both readings of phi and of the gradients' norms for the requests of one batch. Hold the handle's lock."""
    sums = sums_of(handle, batch, config)
    with (
        torch.enable_grad(),
        few_rows(handle),
        grad_from(handle.embedding) as leaves,
        watch_linears(handle.sites("block"), len(batch.ids), sums.see, home=False),
    ):
        head = HeadLoss(handle, batch, handle.head.forward)
        with forward_as({handle.head: head}):
            call(**model_inputs(handle, batch, call))
        for sums.passing, gradient in passes(batch, head.gradients):
            torch.autograd.grad(head.states, leaves, gradient, retain_graph=sums.passing != NEW)
    return scored(sums, config)


def sums_of(handle: ModelHandle, batch: Batch, config: LgaConfig) -> Sums:
    """A batch's sums, before any pass."""
    layers, requests = handle.n_layers, len(batch.pairs)

    def none(*shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.float64, device=handle.device)

    named: tuple[Scope, ...] = ("block", "mlp", "mlp_out")  # each within the one before it
    kinds = {path: kind for kind, scope in enumerate(named) for path in handle.architecture.matrices(scope)}
    totals = none(3, layers, len(_PAIRS), requests), none(layers, requests), none(layers)
    return Sums(batch, kinds, _KINDS[config.scope], *totals)


def passes(batch: Batch, of: Tensor) -> list[tuple[int, Tensor]]:
    """The backward passes of a batch, `NEW` last: the part each is of, and its gradient of `of` (3, H, d). Where
    answers have rows of their own, one pass serves both."""
    if batch.shared:
        return [(PROMPT, of[PROMPT]), (OLD, of[OLD]), (NEW, of[NEW])]
    return [(PROMPT, of[PROMPT]), (NEW, of[OLD] + of[NEW])]


def scored(sums: Sums, config: LgaConfig) -> ScoredBatch:
    """What the sums say, after all passes."""
    batch = sums.batch
    return ScoredBatch(
        indices=tuple(p.index for p in batch.pairs),
        scopes={scope: _readings(sums, scope, config) for scope in SCOPES},
        scope=config.scope,
        mean_abs_new=sums.mean_abs(),
        n_tokens=batch.n_tokens,
    )


def _readings(sums: Sums, scope: Scope, config: LgaConfig) -> tuple[Reading, ...]:
    old, new, prompt = np.array([pair.lengths for pair in sums.batch.pairs], dtype=np.int64).T
    products = sums.products(scope)
    found = (answer_reading(products, old, new), sequence_reading(products, old, new, prompt))
    return found if config.loss_on == "answer" else found[::-1]


def model_inputs(handle: ModelHandle, batch: Batch, call: Callable[..., Any]) -> dict[str, Any]:
    """Keyword arguments of the forward pass."""
    inputs: dict[str, Any] = {"input_ids": batch.ids.to(handle.device), "use_cache": False}
    if batch.positions is not None and batch.allowed is not None:
        dtype = getattr(call, "dtype", handle.dtype)
        allowed = batch.allowed.to(handle.device)  # a byte a place; the mask is made there
        inputs["position_ids"] = batch.positions.to(handle.device)
        inputs["attention_mask"] = allowed.new_zeros(allowed.shape, dtype=dtype).masked_fill_(
            ~allowed, torch.finfo(dtype).min
        )
    return inputs


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
        for batch in batches(handle, pairs, spared(config.token_budget or default_budget(handle))):
            with handle.lock:
                found = score_batch(handle, batch, config, call)
            yield found
