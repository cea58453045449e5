"""How large a weight's gradient is in the mean over its elements, from activations and output gradients alone.

Sums of absolute values do not factor as inner products do, so here, and only here, weight gradients are formed: one
matrix of a few requests at a time, and dropped.
"""

from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.models.readout import precise

_ELEMENTS: Final = 2**20  # of gradients formed at once on a processor: 4 MiB in float32, so that they stay in its cache
_ELEMENTS_GPU: Final = 2**27


def sum_abs(inputs: Tensor, gradient: Tensor) -> Tensor:
    """(P,) sum over elements of |sum_t d_t a_t^T|, float64; inputs a (P, T, d_in), output gradients d (P, T, d_out)."""
    most = _ELEMENTS if inputs.device.type == "cpu" else _ELEMENTS_GPU
    step = max(1, most // (inputs.shape[2] * gradient.shape[2]))
    sums = []
    for start in range(0, len(inputs), step):
        rows = slice(start, start + step)
        formed = torch.bmm(precise(gradient[rows]).transpose(1, 2), precise(inputs[rows]))  # (p, d_out, d_in)
        sums.append(formed.abs_().sum(dim=2).sum(dim=1, dtype=torch.float64))
    return torch.cat(sums)
