"""What edits would do, to first order: the numbers of the edit-aware analysis, and the changes they are of.

Axes: P requests, R probe rows, L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.records import ProbeKind
from goldenlayers_core.results import Floats


@dataclass(frozen=True, eq=False)
class Site:
    """The edit that each of P requests needs at one layer: W <- W - eta d u^T."""

    k: Tensor
    """(P, d_in) input at the subject's last token."""
    u: Tensor
    """(P, d_in) C^-1 k / (k . C^-1 k), with C the identity where no covariance is in use; u . k = 1."""
    d: Tensor
    """(P, d_out) minus the direction of the value change, of length 1; 0 where no change is enough."""
    eta: Tensor
    """(P,) its length; inf where no change is enough."""


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
    sites: Mapping[int, Site] = field(default_factory=dict, repr=False, compare=False)
    """By layer, the edits themselves, of the P requests in order."""

    @property
    def need(self) -> Floats:
        """(P, L) eta / |v0|."""
        return divided(self.eta, self.size)

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


def divided(above: Floats, below: Floats) -> Floats:
    """above / below, inf where below is 0."""
    return np.divide(above, below, out=np.full_like(above, np.inf), where=below > 0)
