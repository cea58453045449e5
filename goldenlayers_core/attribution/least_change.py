"""The smallest change of one value that takes several answer tokens where they must be, to first order.

With g_j the gradient, at the value, of the loss of part j of an answer (its first tokens, one each, and all the rest
together), and r_j the nats by which that loss must fall, the change is

    delta = argmin |delta|^2 / 2      subject to   -g_j . delta >= r_j   for every part j

Its dual is max lambda . r - lambda^T M lambda / 2 over lambda >= 0, with the Gram matrix M_ij = g_i . g_j, so that

    delta = -sum_j lambda_j g_j       |delta|^2 = lambda . r

where lambda is M_SS^-1 r_S on the set S of parts that hold with equality, and 0 elsewhere. With at most four parts all
sets are tried. One part gives the line that a single gradient points along: |delta| = r / |g|. Gradients that pull
apart make delta long, which the gradient of the mean loss does not show.

Axes: P values, m parts, d width of the value.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import torch
from torch import Tensor

MOST_PARTS: Final = 4  # the first tokens one by one, and the rest as one
_SLACK: Final = 1e-9  # of the largest demand, by which rounding may miss one


def smallest_change(gradients: Tensor, falls: Tensor) -> Tensor:
    """delta (P, d) float64 for gradients (P, m, d) and falls (P, m); NaN where no change meets all parts.

    A part without a gradient whose loss need not fall is no condition.
    """
    wide, falls = gradients.double(), falls.double()
    norms = wide.norm(dim=2)  # (P, m)
    have = norms > 0
    unit = torch.where(have[:, :, None], wide / norms.clamp_min(1e-300)[:, :, None], 0.0)
    wanted = torch.where(have, falls / norms.clamp_min(1e-300), torch.where(falls > 0, torch.inf, 0.0))
    gram = unit @ unit.mT  # (P, m, m), of unit gradients, so that the parts' scales do not matter
    slack = _SLACK * torch.where(wanted.isfinite(), wanted, 0.0).abs().amax(dim=1, keepdim=True)
    found = torch.full_like(unit[:, 0], torch.nan)
    shortest = torch.full_like(norms[:, 0], torch.inf)
    for held in _sets(falls.shape[1]):
        weights = _multipliers(gram, wanted, held)  # (P, m)
        reached = (gram @ weights[:, :, None])[:, :, 0]
        meets = (weights >= 0).all(dim=1) & (reached >= wanted - slack).all(dim=1)
        length = (weights * torch.where(wanted.isfinite(), wanted, 0.0)).sum(dim=1)
        better = meets & (length < shortest)
        found = torch.where(better[:, None], -(weights[:, :, None] * unit).sum(dim=1), found)
        shortest = torch.where(better, length, shortest)
    return found


def _sets(parts: int) -> Iterator[tuple[int, ...]]:
    """Which parts hold with equality: none, one, two, ..."""
    for size in range(parts + 1):
        yield from combinations(range(parts), size)


def _multipliers(gram: Tensor, wanted: Tensor, held: tuple[int, ...]) -> Tensor:
    """(P, m) lambda where the parts of `held` hold with equality; NaN where they cannot."""
    weights = torch.zeros_like(wanted)
    if held:
        index = list(held)
        solved, failed = torch.linalg.solve_ex(gram[:, index][:, :, index], wanted[:, index])
        weights[:, index] = torch.where((failed != 0)[:, None], torch.nan, solved)
    return weights
