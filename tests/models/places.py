"""A second device without a GPU: tensors that say they are on `cpu:1`, which no operation takes together with others.

Only copies cross. What torch would refuse between two GPUs is refused here, but for what it allows between a GPU and
a number of no dimension in memory, which is refused, too.
"""

from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

HOME: Final = torch.device("cpu")
AWAY: Final = torch.device("cpu:1")
_aten = torch.ops.aten


class There(torch.Tensor):
    """A tensor on the second device; its numbers are in `held`."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "There":
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=AWAY
        )
        made.held = held
        return made  # type: ignore[no-any-return]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        given = [each for each in tree_iter((args, kwargs)) if isinstance(each, torch.Tensor)]
        if func is not _aten.copy_.default and not all(isinstance(each, There) for each in given):
            raise RuntimeError(f"{func} was given tensors on two devices")
        to = kwargs.get("device")
        if to is not None:
            kwargs["device"] = HOME
        out = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        if func._schema.name.endswith("_"):  # in place
            return args[0]
        return out if to is not None and to != AWAY else tree_map(_there, out)


def _held(found: Any) -> Any:
    return found.held if isinstance(found, There) else found


def _there(found: Any) -> Any:
    return There(found) if isinstance(found, torch.Tensor) else found


class _Made(TorchFunctionMode):
    """`torch.tensor` makes its numbers before anything is dispatched."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and kwargs.get("device") == AWAY:
            return func(*args, **{**kwargs, "device": HOME}).to(AWAY)
        return func(*args, **kwargs)


class TwoDevices(TorchDispatchMode):
    """Inside, `cpu:1` is a device of its own. `n_there`: operations there so far."""

    def __init__(self) -> None:
        super().__init__()
        self.n_there = 0
        self._made = _Made()

    def __enter__(self) -> "TwoDevices":
        self._made.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        self._made.__exit__(*raised)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if any(isinstance(each, There) for each in tree_iter((args, kwargs))):
            self.n_there += 1
            return There.__torch_dispatch__(func, types, args, kwargs)
        if kwargs.get("device") == AWAY:
            return tree_map(_there, func(*args, **{**kwargs, "device": HOME}))
        return func(*args, **kwargs)
