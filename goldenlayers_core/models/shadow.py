"""Run a model at a lower precision without touching it: a copy of its weights, swapped in for the length of a call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.offload import is_offloaded


class Shadow:
    """Calls the model with other weights; its own are back when the call returns, whatever happens inside."""

    def __init__(self, model: Any, weights: dict[str, Tensor], dtype: torch.dtype) -> None:
        self.model = model
        self.weights = weights
        self.dtype = dtype

    def __call__(self, **inputs: Any) -> Any:
        return functional_call(self.model, self.weights, (), inputs, tie_weights=True)


@contextmanager
def lower_precision(handle: ModelHandle, dtype: torch.dtype) -> Iterator[Shadow]:
    """Yield a callable that runs the model in `dtype`; the copied weights are dropped on exit.

    Raises ConfigError for a model that is kept in part elsewhere."""
    if is_offloaded(handle.model):
        raise ConfigError(
            f"{handle.name} is kept in part on disk or in memory, of which no copy in {str(dtype)[6:]} can be made; "
            "choose the model's own precision."
        )
    weights = {name: p.detach().to(dtype) for name, p in handle.model.named_parameters()}
    yield Shadow(handle.model, weights, dtype)
