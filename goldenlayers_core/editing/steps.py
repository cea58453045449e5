"""How a value change moves: two step rules for many edits at once, each edit at its own pace.

Axes: E edits, of which A take part in a step; d the width of the value; P its parts, each with its own limit.
"""

from typing import Final, Protocol

import torch
from torch import Tensor

BETAS: Final = (0.9, 0.999)


class StepRule(Protocol):
    """Moves `delta` (E, d) in place; an edit's step depends on that edit alone."""

    delta: Tensor

    def step(self, edits: Tensor, losses: Tensor, gradient: Tensor) -> None:
        """`edits` (A,) which ones, their `losses` (A,) in nats, and `gradient` (A, d) of each by its delta."""
        ...


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with its usual betas, then |delta| <= limit (E, P): ROME's own rule."""

    def __init__(self, delta: Tensor, rate: float, limit: Tensor) -> None:
        self.delta, self.rate, self.limit = delta, rate, limit
        self.mean, self.square = torch.zeros_like(delta), torch.zeros_like(delta)
        self.count = torch.zeros(len(delta), 1, dtype=delta.dtype, device=delta.device)

    def step(self, edits: Tensor, losses: Tensor, gradient: Tensor) -> None:
        """One step of the edits given."""
        self.count[edits] += 1
        count = self.count[edits]
        mean = self.mean[edits].lerp(gradient, 1 - BETAS[0])
        square = self.square[edits].lerp(gradient * gradient, 1 - BETAS[1])
        self.mean[edits], self.square[edits] = mean, square
        corrected = (square / (1 - BETAS[1] ** count)).sqrt() + 1e-8
        moved = self.delta[edits] - self.rate / (1 - BETAS[0] ** count) * mean / corrected
        self.delta[edits] = within(moved, self.limit[edits])


class LogOdds:
    """Polyak's step in the log-odds of the answer: how far along the gradient the loss should reach its goal.

    With F(L) = log(e^L - 1), which is minus the log-odds of a probability e^-L and nearly linear in delta,

        delta <- delta - g / |g| * (F(L) - F(goal)) / (F'(L) |g|),     F'(L) = e^L / (e^L - 1)

    Where a step made the loss larger, the edit goes back to its best delta and its next steps are half as long.
    """

    def __init__(self, delta: Tensor, goal: float, limit: Tensor) -> None:
        self.delta, self.goal, self.limit = delta, goal, limit
        self.best, self.best_gradient = torch.zeros_like(delta), torch.zeros_like(delta)
        self.best_loss = torch.full((len(delta),), torch.inf, dtype=delta.dtype, device=delta.device)
        self.trust = torch.ones_like(self.best_loss)

    def step(self, edits: Tensor, losses: Tensor, gradient: Tensor) -> None:
        """One step of the edits given."""
        better = losses < self.best_loss[edits]
        wide = better[:, None]
        self.best[edits] = torch.where(wide, self.delta[edits], self.best[edits])
        self.best_gradient[edits] = torch.where(wide, gradient, self.best_gradient[edits])
        self.best_loss[edits] = torch.where(better, losses, self.best_loss[edits])
        grown = (1.5 * self.trust[edits]).clamp(max=1.0)
        self.trust[edits] = torch.where(better, grown, 0.5 * self.trust[edits])
        slope, loss = self.best_gradient[edits], self.best_loss[edits]
        norm = slope.norm(dim=1).clamp(min=1e-12)
        far = _log_odds(loss) - _log_odds(torch.full_like(loss, self.goal))
        length = self.trust[edits] * far.clamp(min=0.0) * -torch.expm1(-loss) / norm  # 1 / F' = 1 - e^-L
        self.delta[edits] = within(self.best[edits] - (length / norm)[:, None] * slope, self.limit[edits])


def _log_odds(loss: Tensor) -> Tensor:
    """F(L) = log(e^L - 1) = L + log(1 - e^-L)."""
    return loss + torch.log(-torch.expm1(-loss))


def within(delta: Tensor, limit: Tensor) -> Tensor:
    """Each of the P parts of the rows of (A, P * d), pulled back to norm `limit` (A, P) where it is longer."""
    parts = delta.reshape(*limit.shape, -1)
    norm = parts.norm(dim=2)
    return (parts * torch.where(norm > limit, limit / norm, torch.ones_like(norm))[:, :, None]).reshape(delta.shape)
