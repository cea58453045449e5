"""Second moments of the keys: what a layer's MLP output matrix usually sees (C of Meng et al. 2022, equation 2).

C = (1/n) sum_i k_i k_i^T            uncentred, over n tokens of some text
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from goldenlayers_core.errors import EditError


@dataclass(frozen=True, eq=False)
class KeyMoments:
    """C of one layer, with a little of the identity mixed in so that it can be inverted."""

    layer: int
    second: Tensor
    """(d_in, d_in) mean of k k^T, float32, before shrinkage."""
    n_tokens: int
    source: str  # what the tokens were read from, in words
    shrinkage: float = 0.01  # share of mean-variance identity: C_s = (1 - s) C + s (tr C / d_in) I

    def __post_init__(self) -> None:
        if self.second.ndim != 2 or self.second.shape[0] != self.second.shape[1]:
            raise EditError(
                f"The key covariance of layer {self.layer} has shape {tuple(self.second.shape)}; a square is needed."
            )

    @property
    def shrunk(self) -> Tensor:
        """(d_in, d_in) float64, symmetric and positive definite for a shrinkage above 0."""
        c = self.second.double()
        scale = float(c.diagonal().mean())
        eye = torch.eye(len(c), dtype=c.dtype, device=c.device)
        return (1 - self.shrinkage) * (c + c.T) / 2 + self.shrinkage * scale * eye
