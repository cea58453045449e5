"""A model over several devices: blocks that do not fit on the first stand on the others, and compute there.

accelerate moves what goes into a block to the block's device. What it sends on from there is brought back here: a block
takes its inputs from the first device and gives its output there, so that outside the blocks everything (embedding,
norm, LM head, indices, masks, states) stands on one device. Inside, a block's own keys and values stay on its device
(`models.kept`), and `models.hooks` brings home what it records and takes there what it writes.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import torch
from accelerate.hooks import AlignDevicesHook, SequentialHook
from accelerate.utils import PrefixedDataset
from torch import Tensor, nn

NOWHERE: Final = "disk or memory"


def settle(model: Any, blocks: str, main: torch.device) -> None:
    """After accelerate has placed a model: let every part give its output where its input came from, and let what
    stands on no device compute on the first one, which accelerate picks by chance."""
    if main.type == "cuda" and main.index is None:
        main = torch.device("cuda", 0)
    for module in model.modules():
        for hook in _aligning(module):
            hook.io_same_device = True
            if hook.offload:
                _buffers_to(module, main)
                if isinstance(hook.weights_map, PrefixedDataset):
                    hook.weights_map.dataset.device = str(main)  # safetensors takes a device's name only
    layers: nn.ModuleList = model.get_submodule(blocks)
    for block in layers:
        found = {p.device for p in block.parameters() if not p.is_meta}
        if found and found != {main}:
            for part in block.modules():
                part.__dict__["_home"] = main
    for module in model.modules():  # also the parts of a block on disk that have no weights of their own
        for hook in _aligning(module):
            hook.execution_device = hook.execution_device if home_of(module) else main


def home_of(module: nn.Module) -> torch.device | None:
    """The first device, for a part of a block that stands on another; None elsewhere."""
    found: torch.device | None = module.__dict__.get("_home")
    return found


def at_home(module: nn.Module, tensor: Tensor) -> Tensor:
    """What a module was given or gave, on the first device."""
    home = home_of(module)
    return tensor if home is None else tensor.to(home)


def is_spread(model: nn.Module) -> bool:
    """Whether blocks compute on several devices."""
    return any(home_of(module) is not None for module in model.modules())


def devices_of(model: Any, blocks: str) -> dict[str, list[int]]:
    """By device, `NOWHERE` where that is none, the layers whose weights stand there."""
    found: dict[str, list[int]] = {}
    layers: nn.ModuleList = model.get_submodule(blocks)
    for layer, block in enumerate(layers):
        tensor = next(chain(block.parameters(), block.buffers()))
        found.setdefault(NOWHERE if tensor.is_meta else str(tensor.device), []).append(layer)
    return found


def _aligning(module: nn.Module) -> Iterator[AlignDevicesHook]:
    hook = getattr(module, "_hf_hook", None)
    for one in hook.hooks if isinstance(hook, SequentialHook) else (hook,):
        if isinstance(one, AlignDevicesHook):
            yield one


def _buffers_to(module: nn.Module, device: torch.device) -> None:
    for name, buffer in module._buffers.items():
        if buffer is not None and not buffer.is_meta:
            module._buffers[name] = buffer.to(device)
