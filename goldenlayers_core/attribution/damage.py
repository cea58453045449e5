"""What an edit does to text that has nothing to do with it: no probe is needed, and every layer answers in nats.

An edit W <- W + delta u^T moves the output of W by (a_t . u) delta at every token t of any text. Where the text's next
tokens are drawn from the model itself, the expected first-order change of their log-probability is 0, and the second
one is the divergence of the edited model from the unedited one, by Fisher's information:

    KL per token  =  1/2 E[ (sum_t (a_t . u) (g_t . delta))^2 ] / tokens
                 ~=  1/2 E_t[ (a_t . u)^2 (g_t . delta)^2 ]          effects of different tokens taken as uncorrelated
                 ~=  1/2 (u^T A u) (delta^T B delta)                 keys and gradients taken as independent

with a_t the input of W and g_t the gradient of the summed log-probabilities of a row at its output, A = E_t[a_t a_t^T]
and B = E_t[g_t g_t^T]. A and B belong to the model and are summed up once, over rows that the model wrote. What is left
out makes the number an order of magnitude, comparable between layers; it holds while the change is small.

Axes: R rows of T tokens, P requests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from goldenlayers_core.attribution.edit_rule import CLAMP, RULE
from goldenlayers_core.attribution.effects import Effects, Site
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import grad_from, watch_linears
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.results import Floats

LEAST: float = 1e-12  # nats per token: less is as good as nothing


@dataclass(frozen=True, eq=False)
class Curvature:
    """A and B of one layer, over the tokens of general text."""

    keys: Tensor
    """(d_in, d_in) mean of a a^T, in squared units of the MLP output matrix's input."""
    gradients: Tensor
    """(d_out, d_out) mean of g g^T, in squared nats per unit of its output."""
    n_tokens: int

    def damage(self, u: Tensor, delta: Tensor) -> Tensor:
        """(P,) 1/2 (u^T A u) (delta^T B delta) for u (P, d_in) and delta (P, d_out); nats per token."""
        a, b = ((x @ m.to(x) * x).sum(dim=1) for x, m in ((u, self.keys), (delta, self.gradients)))
        return 0.5 * a * b

    def of(self, site: Site, lengths: Tensor) -> Tensor:
        """(P,) damage of the edits of a site whose value changes are `lengths` (P,) long; nats per token."""
        return self.damage(site.u, lengths.to(site.d)[:, None] * site.d)


def curvatures(
    handle: ModelHandle, rows: Sequence[Tensor], step: Callable[[int, int], None] | None = None
) -> Mapping[int, Curvature]:
    """A and B of every layer over batches of rows (R, T) of token ids that the model wrote, without padding.

    One forward and one backward pass a batch; the last token of a row predicts nothing and is left out. The handle's
    lock is held during each batch only. `step(done, total)` is called after each and may raise to cancel.
    """
    number = torch.float64 if handle.dtype == torch.float64 else torch.float32
    sums: dict[int, tuple[Tensor, Tensor]] = {}

    def see(site: str, inputs: Tensor, gradient: Tensor) -> None:
        """inputs (R, T, d_in), gradient (R, T, d_out)."""
        layer = int(site.split("/", 1)[0])
        a, g = (x[:, :-1].flatten(0, 1).to(number) for x in (inputs, gradient))
        if layer not in sums:
            sums[layer] = tuple(x.new_zeros(x.shape[1], x.shape[1]) for x in (a, g))  # type: ignore[assignment]
        for total, x in zip(sums[layer], (a, g), strict=True):
            total.addmm_(x.T, x)

    n_tokens = 0
    for done, batch in enumerate(rows):
        ids = batch.to(handle.device)
        with (
            handle.lock,
            torch.enable_grad(),
            few_rows(handle),
            grad_from(handle.embedding) as leaves,
            watch_linears(handle.sites("mlp_out"), len(ids), see),
        ):
            logits = handle.model(input_ids=ids, use_cache=False).logits[:, :-1]
            said = precise(logits).log_softmax(dim=-1).gather(2, ids[:, 1:, None])
            torch.autograd.grad(said.sum(), leaves)
        n_tokens += said.numel()
        if step:
            step(done + 1, len(rows))
    return {layer: Curvature(a / n_tokens, b / n_tokens, n_tokens) for layer, (a, b) in sums.items()}


def expected(weights: Mapping[int, Curvature], effects: Effects) -> Floats:
    """(P, L) nats per token that the edits in `effects` cost general text, each as long as a real one is expected to be
    (`edit_rule`); where no edit reaches the answer, as bad as the request's worst layer."""
    need = np.where(np.isfinite(effects.need), np.minimum(RULE.overshoot * effects.need, CLAMP), 0.0)
    reach = need * effects.size
    layers = range(reach.shape[1])
    columns = [weights[at].of(effects.sites[at], torch.tensor(reach[:, at])).cpu().numpy() for at in layers]
    nats = np.maximum(np.stack(columns, axis=1).astype(np.float64), LEAST)
    found: Floats = np.where(reach > 0, nats, nats.max(axis=1, keepdims=True))
    return found


def spared(weights: Mapping[int, Curvature], effects: Effects) -> Floats:
    """(P, L) how little general text is changed: minus the natural logarithm of what is `expected`, so that more is
    better and a mean over requests is one over orders of magnitude."""
    found: Floats = -np.log(expected(weights, effects))
    return found
