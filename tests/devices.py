"""Devices that are not there: tensors of the processor that claim another device, and an error where two meet.

`cpu:1` and `cpu:2` stand for two GPUs, `cpu` for the machine's own memory. Inside `two_devices` every operation whose
tensors stand on different devices raises, as CUDA does (which takes only numbers, of no dimension and of the machine's
own memory, from elsewhere); what is moved by `.to` is copied. The numbers are computed by the processor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map, tree_map_only

HOST = torch.device("cpu")
MAIN, OTHER = torch.device("cpu", 1), torch.device("cpu", 2)
_MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Elsewhere(Tensor):
    """A tensor that claims to stand on `cpu:1` or `cpu:2`."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor, device: torch.device) -> "Elsewhere":
        with torch.inference_mode(False):  # a view in inference mode is as its base is
            made: Elsewhere = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
                cls,
                held.size(),
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=device,
                requires_grad=False,
            )
        made.held = held
        return made

    def tolist(self) -> Any:
        return self.held.tolist()

    def data_ptr(self) -> int:
        return self.held.data_ptr()

    def numpy(self, *_args: Any, **_kwargs: Any) -> Any:
        raise TypeError(f"can't convert {self.device} device type tensor to numpy")

    def __repr__(self, **_kwargs: Any) -> str:
        return f"Elsewhere({self.held!r}, {self.device})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Devices(TorchDispatchMode):
    """`n_there`: operations on tensors that stand elsewhere, so far."""

    n_there = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # in inference mode these arrive whole
                found = func.decompose(*args, **(kwargs or {}))
            if found is not NotImplemented:
                return found
        self.n_there += any(isinstance(item, Elsewhere) for item in tree_flatten((args, kwargs))[0])
        return _run(func, args, kwargs or {})


class _Made(TorchFunctionMode):
    """`torch.tensor` makes its numbers where they are asked for; it would not dispatch that for a processor."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        if getattr(func, "__name__", "") == "new_tensor":
            made = {"dtype": args[0].dtype, "device": args[0].device, **kwargs}
            return torch.tensor(*args[1:], dtype=made["dtype"]).to(made["device"])
        return func(*args, **kwargs)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    flat = [item for item in tree_flatten((args, kwargs))[0] if isinstance(item, Tensor)]
    away = {item.device for item in flat if isinstance(item, Elsewhere)}
    asked = kwargs.get("device")
    if func is torch.ops.aten.copy_.default:
        func(args[0].held if away and isinstance(args[0], Elsewhere) else args[0], _held(args[1]), *args[2:])
        return args[0]
    own = [item for item in flat if not isinstance(item, Elsewhere) and item.ndim > 0]
    if len(away) > 1 or (away and own and not _indexes(func)):
        found = sorted({*map(str, away), *(str(item.device) for item in own)})
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {' and '.join(found)} in {func}.")
    if asked is not None and asked.type == "cpu":
        kwargs = {**kwargs, "device": HOST}
    out = func(*tree_map(_held, args), **{key: tree_map(_held, value) for key, value in kwargs.items()})
    device = asked if asked is not None else next(iter(away), HOST)
    if device.type != "cpu" or device.index is None:
        return out
    if func is torch.ops.aten._to_copy.default and any(out is item or out is _held(item) for item in flat):
        out = out.clone()
    wrapped = tree_map_only(Tensor, lambda found: Elsewhere(found, device), out)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if away and asked is None else wrapped


def _indexes(func: Any) -> bool:
    """Operations that take indices of the machine's own memory."""
    return func in (torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default, torch.ops.aten.index_put.default)


def _held(item: Any) -> Any:
    return item.held if isinstance(item, Elsewhere) else item


@contextmanager
def two_devices() -> Iterator[_Devices]:
    """Inside, `cpu:1` and `cpu:2` are devices of their own."""
    with _Made(), _Devices() as devices:
        yield devices


def move(module: nn.Module, device: torch.device) -> None:
    """Put a module's weights and buffers on a device; tied ones stay one."""
    made: dict[int, nn.Parameter] = {}
    for part in module.modules():
        for name, old in part._parameters.items():
            if old is not None:
                part._parameters[name] = made.setdefault(
                    id(old), nn.Parameter(old.data.to(device), requires_grad=False)
                )
        for name, buffer in part._buffers.items():
            part._buffers[name] = None if buffer is None else buffer.to(device)
