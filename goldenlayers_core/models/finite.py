"""The likeliest of some numbers, where they are numbers: a float16 model can overflow, and an argmax would hide it."""

import torch
from torch import Tensor

from goldenlayers_core.errors import NotFiniteError


def likeliest(scores: Tensor) -> Tensor:
    """(...) index of the highest of (..., V) scores. Raises NotFiniteError when a row has one that is no number."""
    return top(scores, 1)[1][..., 0]


def top(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` highest of (..., V) scores, and their indices; highest first, of equal ones the first.

    Raises NotFiniteError when a row has a score that is no number, or infinite.
    """
    if count == 1:
        values, indices = scores.max(dim=-1, keepdim=True)
    else:
        values, indices = scores.topk(min(count, scores.shape[-1]), dim=-1)
    if not bool(torch.isfinite(values[..., :1]).all()):  # NaN counts as the highest of all
        raise NotFiniteError(
            "The model's numbers are not finite (float16 overflows at 65,504); load it in float32 or bfloat16, or take "
            "off the edit that lies over it."
        )
    return values, indices


class Watched:
    """For transformers' own generation: stops it as soon as a logit is not finite."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """`scores` (B, V) as they are. Raises NotFiniteError."""
        top(scores, 1)
        return scores
