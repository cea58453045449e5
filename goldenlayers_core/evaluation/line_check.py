"""Line check: the predicted edit of every request at every layer, applied once and read off its probes.

The edit-aware analysis gives, for every request and layer, the smallest value change that the rewrite needs to first
order, eta along -d, and the direction u by which it is written (`attribution.edit_aware`). Where a straight line ends,
a gradient does not tell; so the change that a real edit is expected to make,

    W <- W - min(overshoot eta, clamp |v0|) d u^T

is laid over the model, without any optimisation, and every probe is read once. What stands before the first token that
it moves is kept from one pass of the unedited model, which serves all layers; tokens that it moves by less than
`IGNORED` of the most moved one of their row count as not moved while they stand in front.

Axes: P requests, R probe rows, L layers, T positions, S suffix tokens, N answer tokens, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.attribution.edit_aware import Whiten, iter_edit_aware
from goldenlayers_core.attribution.edit_rule import CLAMP
from goldenlayers_core.attribution.effects import Effects, Site
from goldenlayers_core.attribution.probe_rows import ProbeRow, probe_rows
from goldenlayers_core.editing.clean import Clean, clean_states
from goldenlayers_core.editing.rows import Row
from goldenlayers_core.editing.suffix import Whole, split_rows, suffix_logits
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.hooks import as_batch, change_outputs, record_inputs
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import EditRequest, LineCheckConfig, ProbeKind
from goldenlayers_core.results import Floats

IGNORED: Final = 0.05


@dataclass(frozen=True)
class Checked:
    """What the probes of P requests say under the predicted edits at L layers; rows as in `effects`."""

    effects: Effects
    lead: Floats
    """(R, L) nats: the least lead, over the answer's tokens, of the wanted token over every other one, in
    log-probability: above 0 the probe is answered so. For locality that of the unedited model's own next token."""
    loss: Floats
    """(R, L) nats: mean negative log-likelihood per token of the same tokens."""
    before: Floats
    """(R,) nats: the lead in the unedited model."""
    length: Floats
    """(P, L) of the value change that was applied, in units of |v0|; 0 where none reaches the answer."""

    @property
    def kinds(self) -> tuple[ProbeKind, ...]:
        """(R,)"""
        return self.effects.kinds

    @property
    def owners(self) -> NDArray[np.int64]:
        """(R,) row of P each probe belongs to."""
        return self.effects.owners


def iter_line_check(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    config: LineCheckConfig,
    overshoot: float,
    step: Callable[[float], None] | None = None,
    whiten: Whiten | None = None,
) -> Iterator[Checked]:
    """Check requests chunk by chunk, as `iter_edit_aware` does, which is run first.

    `step(share)` is called with the share of the chunk that is done, and may raise to cancel. Raises RequestError for a
    request that cannot be tokenised.
    """

    def half(share: float) -> None:
        if step:
            step(share / 3)

    for effects in iter_edit_aware(handle, requests, config, half, whiten):
        yield _checked(handle, requests, config, effects, overshoot, step)


def _checked(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    config: LineCheckConfig,
    effects: Effects,
    overshoot: float,
    step: Callable[[float], None] | None,
) -> Checked:
    each = [probe_rows(handle, index, requests[index], config) for index in effects.indices]
    rows = [own[0] for own in each] + [row for own in each for row in own[1:]]  # as in `effects`
    reach = np.where(np.isfinite(effects.need), np.minimum(overshoot * effects.need, CLAMP), 0.0)
    lead, loss = np.zeros((2, len(rows), handle.n_layers))
    before = np.zeros(len(rows))
    size = spared(4 if handle.device.type == "cpu" else 64)
    for start in range(0, len(each), size):
        some = range(start, min(start + size, len(each)))
        mine = [r for r, owner in enumerate(effects.owners) if owner in some]
        seen = _Group(handle, [rows[r] for r in mine], effects.owners[mine])
        before[mine] = seen.before
        for layer in range(handle.n_layers):
            lead[mine, layer], loss[mine, layer] = seen.at(layer, effects.sites[layer], reach * effects.size)
            if step:
                step(1 / 3 + 2 / 3 * (start + len(some) * (layer + 1) / handle.n_layers) / len(each))
    return Checked(effects, lead, loss, before, reach)


class _Group:
    """Some probe rows: what the unedited model holds of them, and what they say under edits."""

    def __init__(self, handle: ModelHandle, rows: Sequence[ProbeRow], owners: NDArray[np.int64]) -> None:
        self.handle = handle
        device = handle.device
        self.owners = torch.tensor(owners, device=device)
        spots = [(r, len(row.ids) - row.n_labels + j) for r, row in enumerate(rows) for j in range(row.n_labels)]
        self.rows, self.columns = torch.tensor(spots, device=device).unbind(dim=1)  # (N,) of what is read
        self.first = torch.tensor([len(row.ids) - row.n_labels for row in rows], device=device)  # (R,)
        self.lengths = torch.tensor([len(row.ids) for row in rows], device=device)
        layers = range(handle.n_layers)
        matrices = {f"{layer}": handle.mlp_out(layer) for layer in layers}
        plain = [Row(row.ids, len(row.ids) - row.n_labels, row.answer, r) for r, row in enumerate(rows)]
        passes: list[dict[str, Tensor]] = []
        with handle.lock, few_rows(handle), record_inputs(matrices) as keys:
            self.clean: Clean = clean_states(handle, plain, layers, between=lambda: passes.append(dict(keys)))
            passes = [*passes[1:], keys]  # before each pass stands there what the one before it left
        width = self.clean.ids.shape[1]  # every pass takes whole rows, padded to one length
        self.keys = {
            layer: torch.cat([(a := one[f"{layer}"]).reshape(-1, width, a.shape[-1]) for one in passes])
            for layer in layers
        }
        log_p = self._log_p(0, None, None)
        own = top(log_p, 1)[1][:, 0]
        given = torch.tensor([token for row in rows for token in (row.answer or (-1,))], device=device)
        self.wanted = torch.where(given < 0, own, given)  # (N,)
        self.before = self._read(log_p)[0]

    def at(self, layer: int, site: Site, lengths: Floats) -> tuple[Floats, Floats]:
        """(R,) lead and (R,) loss under each request's edit at the layer, `lengths` (P, L) long."""
        far = torch.tensor(lengths[:, layer], device=self.handle.device).to(site.d)
        u, delta = site.u[self.owners], -(far[:, None] * site.d)[self.owners]
        along = torch.bmm(precise(self.keys[layer]), u[:, :, None])[:, :, 0]  # (R, T) a_t . u
        return self._read(self._log_p(layer, along, delta))

    def _log_p(self, layer: int, along: Tensor | None, delta: Tensor | None) -> Tensor:
        """(N, V) log-probabilities where (a_t . u) delta is added to the layer's MLP output; as they are without."""
        handle, clean = self.handle, self.clean
        column = torch.arange(clean.ids.shape[1], device=handle.device)
        inside = column < self.lengths[:, None]  # (R, T)
        splits = self.first if along is None else self._splits(along * inside)
        start = clean.starts[layer]
        hidden = clean.hidden.get(start)
        whole = Whole(clean.ids, self.lengths, splits, clean.pairs[start:], start, hidden)
        with handle.lock, few_rows(handle), torch.inference_mode():
            suffixes = split_rows(handle, whole)
            after = self.columns - splits[self.rows]
            if along is None or delta is None:
                return suffix_logits(handle, suffixes, self.rows, after).log_softmax(dim=1)
            rows, columns = (inside & (column >= splits[:, None])).nonzero(as_tuple=True)  # (S,)
            at = suffixes.place(rows, columns - splits[rows])
            moved = along[rows, columns, None] * delta[rows]  # (S, d_out)

            def add(_inputs: Tensor, output: Tensor) -> Tensor:
                wide = as_batch(output, len(suffixes.ids))  # (B, S / B, d_out)
                return wide.index_put(at, moved.to(wide.dtype), accumulate=True).reshape(output.shape)

            if start > layer and suffixes.hidden is not None:  # what is added enters the next layer as it is
                entering = add(suffixes.hidden, suffixes.hidden)
                return suffix_logits(handle, suffixes, self.rows, after, entering).log_softmax(dim=1)
            with change_outputs({handle.mlp_out(layer): add}):
                return suffix_logits(handle, suffixes, self.rows, after).log_softmax(dim=1)

    def _splits(self, along: Tensor) -> Tensor:
        """(R,) the first token that is moved enough to count, or the first that is read."""
        size = along.abs()
        counts = size > IGNORED * size.amax(dim=1, keepdim=True)
        begins = torch.where(counts.any(dim=1), counts.int().argmax(dim=1), along.shape[1])
        return torch.minimum(begins, self.first)

    def _read(self, log_p: Tensor) -> tuple[Floats, Floats]:
        """(R,) least lead of the wanted tokens, and (R,) their mean negative log-likelihood; nats."""
        said = log_p.gather(1, self.wanted[:, None])[:, 0]
        values, indices = top(log_p, 2)
        ahead = said - torch.where(indices[:, 0] == self.wanted, values[:, 1], values[:, 0])
        least = ahead.new_full((len(self.first),), torch.inf).scatter_reduce(0, self.rows, ahead, "amin")
        total = torch.zeros_like(least).index_add(0, self.rows, -said)
        count = torch.zeros_like(least).index_add(0, self.rows, torch.ones_like(said))
        return _numpy(least), _numpy(total / count)


def _numpy(tensor: Tensor) -> Floats:
    found: Floats = tensor.double().cpu().numpy()
    return found
