"""Second moments of the keys: what a layer's MLP output matrix usually sees (C of Meng et al. 2022, equation 2).

C = (1/n) sum_i k_i k_i^T            uncentred, over n tokens of some text
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.errors import EditError

_POWERS: Final = 25  # of the power iterations; the condition number is then right to a few per cent


@dataclass(frozen=True, eq=False)
class PartialMoments:
    """How far a pass through some tokens has come: a pass that starts from here ends with the same bits."""

    sums: Mapping[int, Tensor]
    """Layer -> (d_in, d_in) sum of k k^T, of the type it grows in. The pass's own: it goes on growing."""
    n_tokens: int  # that are added up
    done: int  # rows of a text, or samples, that are added up whole
    steps: int  # forward passes of the samples under way that are added up
    drawn: Tensor
    """(steps - 1, samples) int64: the tokens of the samples under way; (0, 0) between two batches, and of a text."""
    dice: Tensor
    """(n,) uint8: the state of the random numbers; empty for a text."""


@dataclass(frozen=True, eq=False)
class KeyMoments:
    """C of one layer, with a little of the identity mixed in so that it can be inverted.

    What is derived from it (Cholesky factor, spectrum) is computed at the first use and kept with it.
    """

    layer: int
    second: Tensor
    """(d_in, d_in) mean of k k^T, float32, before shrinkage."""
    n_tokens: int
    source: str  # what the tokens were read from, in words
    shrinkage: float = 0.01  # share of mean-variance identity: C_s = (1 - s) C + s (tr C / d_in) I
    origin: str = ""  # digest of what the tokens were read from

    def __post_init__(self) -> None:
        if self.second.ndim != 2 or self.second.shape[0] != self.second.shape[1]:
            raise EditError(
                f"The key covariance of layer {self.layer} has shape {tuple(self.second.shape)}; a square is needed."
            )

    @property
    def symmetric(self) -> Tensor:
        """(d_in, d_in) float64, before shrinkage."""
        c = self.second.double()
        return (c + c.T) / 2

    @property
    def shrunk(self) -> Tensor:
        """(d_in, d_in) float64, symmetric and positive definite for a shrinkage above 0."""
        c = self.symmetric
        scale = float(c.diagonal().mean())
        c.mul_(1 - self.shrinkage).diagonal().add_(self.shrinkage * scale)
        return c

    @cached_property
    def factor(self) -> Tensor:
        """(d_in, d_in) float64, lower triangular: the Cholesky factor of C_s. Raises EditError where there is none."""
        lower: Tensor
        lower, failed = torch.linalg.cholesky_ex(self.shrunk)
        if int(failed) or not bool(torch.isfinite(lower).all()):
            raise EditError(
                f"The key covariance of layer {self.layer} ({self.n_tokens:,} tokens of {self.source}) cannot be "
                "inverted; estimate it from more tokens, or with more shrinkage."
            )
        return lower

    def whitened(self, keys: Tensor) -> Tensor:
        """C_s^-1 k for keys (N, d_in): (N, d_in) float64."""
        lower = self.factor
        wide: Tensor = torch.cholesky_solve(keys.double().T.to(lower.device), lower).T.to(keys.device)
        return wide

    @cached_property
    def condition(self) -> float:
        """The largest eigenvalue of C_s over its smallest, by power iterations; right to a few per cent."""
        c, lower = self.shrunk, self.factor
        # a fixed start with a share of every direction, so that the number is the same each time
        start = torch.linspace(1.0, 2.0, len(c), dtype=c.dtype, device=c.device)
        top = bottom = start / start.norm()
        for _ in range(_POWERS):
            top = c @ top
            top = top / top.norm()
            bottom = torch.cholesky_solve(bottom[:, None], lower)[:, 0]
            bottom = bottom / bottom.norm()
        return float((top @ c @ top) / (bottom @ c @ bottom))

    @cached_property
    def spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues of C before shrinkage (d_in,), ascending, and eigenvectors (d_in, d_in); float64."""
        values, vectors = torch.linalg.eigh(self.symmetric)
        return values, vectors

    def busy(self, threshold: float) -> Tensor:
        """(d_in, m) eigenvectors of C that usual keys use: their eigenvalue is at least `threshold` of the mean one.

        Relative, so that a model whose activations are ten times as large has the same null space (AlphaEdit's code
        compares with 0.02, whatever the model's scale).
        """
        values, vectors = self.spectrum
        return vectors[:, values >= threshold * values.mean()]

    def outside(self, keys: Tensor, threshold: float) -> Tensor:
        """P k for keys (N, d_in): what is left of them in the null space of usual keys, (N, d_in) float64."""
        wide, busy = keys.double(), self.busy(threshold).to(keys.device)
        return wide - (wide @ busy) @ busy.T
