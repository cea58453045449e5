"""Linear maps whose weights stay quantised in memory: each is dequantised for the length of one product.

What is computed is the dequantised model, exactly: bitsandbytes' own 8-bit product rounds the activations as well, by
what else is in the batch, and on a processor its 4-bit one may rewrite the weights, or read them wrongly. Here a layer
is a linear map, the same for every batch, and nothing is written.
"""

import logging
from abc import ABC, abstractmethod
from typing import Any, Final

import torch
from torch import Tensor, nn

from goldenlayers_core.errors import ModelError

_EIGHT_BIT: Final = 1.0 / 127.0  # a code of 127 is the largest entry of its row


class Packed(nn.Module, ABC):
    """(..., d_in) -> (..., d_out) by a quantised weight."""

    def __init__(self, source: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = source.in_features, source.out_features
        self.bias = source.bias

    @abstractmethod
    def dense(self) -> Tensor:
        """(d_out, d_in) the weight, dequantised, in the dtype that the method gives."""

    @abstractmethod
    def scales(self) -> Tensor:
        """What the codes are multiplied by."""

    def forward(self, inputs: Tensor) -> Tensor:
        """In the dtype of `inputs`."""
        out: Tensor = _Product.apply(inputs, self)  # type: ignore[no-untyped-call]
        return out if self.bias is None else out + self.bias.to(out.dtype)


class _Product(torch.autograd.Function):
    """inputs @ weight^T; the dequantised weight is not kept for the way back, but made once more."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, layer: Packed) -> Tensor:
        ctx.layer = layer
        return nn.functional.linear(inputs, layer.dense().to(inputs.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] @ ctx.layer.dense().to(gradients[0].dtype), None


class Packed8(Packed):
    """bitsandbytes' 8 bits: integer codes, and a scale for each row."""

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        found = getattr(source.weight, "SCB", None)
        self.register_buffer("codes", source.weight.data)  # (d_out, d_in) int8
        self.register_buffer("rows", source.state.SCB if found is None else found)  # (d_out,) float32

    def dense(self) -> Tensor:
        codes, rows = self.get_buffer("codes"), self.get_buffer("rows")
        return codes.to(torch.float32).mul_(rows.float()[:, None] * _EIGHT_BIT)

    def scales(self) -> Tensor:
        return self.get_buffer("rows")


class Packed4(Packed):
    """bitsandbytes' 4 bits (nf4 or fp4): codes of half a byte, and a scale for each run of them."""

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        self.register_buffer("codes", source.weight.data)
        self.register_buffer("runs", source.weight.quant_state.absmax)  # themselves in 8 bits, where nested
        self.quantisation = source.weight.quant_state

    def dense(self) -> Tensor:
        """By torch: bitsandbytes 0.50.2's function for processors is wrong where a row is no whole number of runs."""
        codes, how = self.get_buffer("codes").view(torch.uint8).reshape(-1), self.quantisation
        how.to(codes.device)
        halves = torch.stack((codes >> 4, codes & 15), dim=1).reshape(-1).int()  # the first half of a byte is the upper
        scales = how.absmax.float()
        if how.nested:
            outer = how.state2
            inner = outer.code.float().index_select(0, how.absmax.int())
            scales = inner * _each(outer.absmax, outer.blocksize, len(inner)) + how.offset
        values = how.code.float().index_select(0, halves)[: self.out_features * self.in_features]
        wide = values * _each(scales, how.blocksize, len(values))
        found: Tensor = wide.view(self.out_features, self.in_features).to(how.dtype)
        return found

    def scales(self) -> Tensor:
        nested = self.quantisation.state2
        return self.get_buffer("runs") if nested is None else nested.absmax


def _each(scales: Tensor, run: int, count: int) -> Tensor:
    """(count,) the scale of each of the values that stand in runs."""
    return scales.float().repeat_interleave(run)[:count]


def in_dtype(model: nn.Module, dtype: torch.dtype) -> None:
    """What is not quantised in the dtype that was asked for: transformers leaves it as it is stored."""
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)


def pack(name: str, model: Any) -> None:
    """Put a `Packed` in place of every linear map of bitsandbytes; an LM head becomes a plain one.

    Raises ModelError where a scale is not finite.
    """
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    head = model.get_output_embeddings()
    for path, module in list(model.named_modules()):
        if not isinstance(module, (Linear8bitLt, Linear4bit)):
            continue
        put = Packed8(module) if isinstance(module, Linear8bitLt) else Packed4(module)
        if not bool(put.scales().isfinite().all()):
            raise ModelError(f"The scales of {path} of {name} are not finite; fetch or copy the model again.")
        model.set_submodule(path, _plain(put) if module is head else put)


def hush() -> None:
    """bitsandbytes says, when it is imported, which kernels it lacks: none of them is used here."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _plain(packed: Packed) -> nn.Linear:
    with torch.device("meta"):
        found = nn.Linear(packed.in_features, packed.out_features, bias=packed.bias is not None)
    found.weight = nn.Parameter(packed.dense(), requires_grad=False)
    found.bias = packed.bias
    return found


def dense_state(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model as plain tensors: quantised matrices dequantised, (d_out, d_in), under a weight's name."""
    found = dict(model.state_dict())
    for path, module in model.named_modules():
        if isinstance(module, Packed):
            for key, _ in module.named_buffers():
                found.pop(f"{path}.{key}")
            found[f"{path}.weight"] = module.dense()
    return found


def count(model: nn.Module) -> int:
    """How many weights a model has, those of quantised matrices included."""
    packed = sum(m.in_features * m.out_features for m in model.modules() if isinstance(m, Packed))
    return packed + sum(p.numel() for p in model.parameters())


def bytes_of(model: nn.Module) -> int:
    """Bytes of a model's weights in memory."""
    packed = [t for m in model.modules() if isinstance(m, Packed) for t in m.buffers()]
    return sum(t.numel() * t.element_size() for t in (*model.parameters(), *packed))
