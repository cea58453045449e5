"""Matrix products of few rows on a processor: a third less processor time than torch's own choice there.

An edit's optimisation and a greedy answer multiply 5 to 50 rows by every weight matrix. torch hands such a float32
product to MKL; by oneDNN a whole edit took two thirds of the processor time (benchmarks/README.md). Back through a
frozen weight it is the other way round: there oneDNN, handed the matrix turned over, takes up to twice MKL's time.
Results agree to float32 rounding and are deterministic; elsewhere (CUDA, other dtypes, trained weights, no oneDNN)
nothing changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.hooks import forward_as
from goldenlayers_core.models.offload import brought_in
from goldenlayers_core.models.spread import is_spread


@contextmanager
def few_rows(handle: ModelHandle) -> Iterator[None]:
    """Inside, every plain linear map of the model is computed by oneDNN where that applies. Hold the handle's lock."""
    if not applies(handle):
        yield
        return
    maps: dict[nn.Module, Callable[..., Any]] = {
        m: _by_onednn(m) for m in handle.model.modules() if type(m) is nn.Linear and not m.weight.requires_grad
    }
    with forward_as(maps):
        yield


def applies(handle: ModelHandle) -> bool:
    """Whether this build of torch has the product, and the model is float32 on one processor."""
    return not is_spread(handle.model) and (
        handle.device.type == "cpu"
        and handle.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """inputs (..., d_in), weight (d_out, d_in) -> (..., d_out)."""
    out: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return out


class _Frozen(torch.autograd.Function):
    """A linear map of a weight that has no gradient: d inputs = d outputs @ weight.

    A weight that is kept on disk is read again for it, so that gradients need no more weights at one time."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, module: nn.Linear) -> Tensor:
        ctx.module = module
        with brought_in(module):
            return _product(inputs, module.weight, module.bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        with brought_in(ctx.module):
            return gradients[0] @ ctx.module.weight, None


def _by_onednn(module: nn.Linear) -> Callable[[Tensor], Tensor]:
    def forward(inputs: Tensor) -> Tensor:
        if inputs.dtype != torch.float32 or module.weight.dtype != torch.float32 or not inputs.numel():
            with brought_in(module):
                return nn.functional.linear(inputs, module.weight, module.bias)
        if inputs.requires_grad and torch.is_grad_enabled():
            out: Tensor = _Frozen.apply(inputs.flatten(0, -2), module)  # type: ignore[no-untyped-call]
            # no view, so that what is clamped in place (OLMo) has the gradient of what it was
            whole: Tensor = torch.ops.aten._unsafe_view.default(out, [*inputs.shape[:-1], out.shape[-1]])
            return whole
        with brought_in(module):
            return _product(inputs, module.weight, module.bias)

    return forward
