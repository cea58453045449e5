"""Models larger than a device: blocks that do not fit are kept in memory or read from disk, and brought in to be used.

accelerate does it, with hooks on modules. Everything is computed on one device, where embedding, norm and LM head stay,
so that every index, mask, overlay and cached state stands where the layer's input does. A block that is brought in
costs its bytes over the bus or from the disk, in every forward pass.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psutil
import torch
from accelerate.utils import align_module_device
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.packed import count
from goldenlayers_core.records import SPILLS

_SHARE: Final = 0.6  # of what is free, for weights: the rest is for the work and the block that is brought in


def device_map(model: Any, blocks: str, itemsize: int, device: torch.device, room: int) -> dict[str, Any]:
    """Where every part of a model without weights is to be kept, of `room` bytes for weights on the device: what is no
    block on the device, then as many blocks as fit, then, of a GPU, what fits into memory, then the disk.

    Raises ModelError where not even the parts that are no block fit.
    """
    kept: Any = str(device) if device.type == "cpu" else device
    found: dict[str, Any] = dict.fromkeys(_beside(model, blocks), kept)
    layers: nn.ModuleList = model.get_submodule(blocks)
    sizes = [itemsize * count(block) for block in layers]
    beside = itemsize * count(model) - sum(sizes)
    room -= beside + max(sizes)  # one block beside them, brought in
    if room < 0:
        raise ModelError(
            f"Embedding, LM head and one block take {(beside + max(sizes)) / 2**30:.1f} GiB, which {device} has not "
            "left for weights; choose a smaller number format or a smaller model."
        )
    memory = 0 if device.type == "cpu" else int(_SHARE * psutil.virtual_memory().available)
    for layer, size in enumerate(sizes):
        if room >= size:
            found[f"{blocks}.{layer}"], room = kept, room - size
        elif memory >= size:
            found[f"{blocks}.{layer}"], memory = "cpu", memory - size
        else:
            found[f"{blocks}.{layer}"] = "disk"
    return found


def check_spills(name: str, architecture: Architecture, is_quantised: bool) -> None:
    """Raises ModelError for what is only used as a whole in memory."""
    reason = "its weights are quantised" if is_quantised else ""
    reason = "its experts' matrices are used beside their modules" if architecture.experts else reason
    if reason:
        raise ModelError(
            f"{name} cannot be kept in part on disk or in memory, because {reason}; choose a device without {SPILLS}, "
            "or another model."
        )


def spilled(
    config: Any, architecture: Architecture, dtype: torch.dtype, device: torch.device, room: int
) -> dict[str, Any]:
    """Further arguments for transformers: where every part is kept, and a folder for what is not on disk as it is to
    be used. Raises ModelError where not even one block fits."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    folder = tempfile.mkdtemp(prefix="goldenlayers-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the model reads from it as long as it is used
    placed = device_map(model, architecture.blocks, dtype.itemsize, device, room)
    return {"device_map": placed, "offload_folder": folder}


def room_on(available: int) -> int:
    """Bytes for weights, of those that are free."""
    return int(_SHARE * available)


def _beside(model: nn.Module, blocks: str, at: str = "") -> Iterator[str]:
    """Paths of the largest parts that hold no block."""
    for name, part in model.named_children():
        path = f"{at}{name}"
        if path == blocks:
            continue
        if blocks.startswith(f"{path}."):
            yield from _beside(part, blocks, f"{path}.")
        else:
            yield path


def is_offloaded(model: nn.Module) -> bool:
    """Whether some weights stand elsewhere while they are not used."""
    return any(parameter.is_meta for parameter in model.parameters()) or any(
        getattr(getattr(module, "_hf_hook", None), "offload", False) for module in model.modules()
    )


@contextmanager
def brought_in(module: nn.Module) -> Iterator[None]:
    """Inside, a module's own weights are here."""
    if any(parameter.is_meta for parameter in module.parameters(recurse=False)):
        with align_module_device(module):
            yield
    else:
        yield


def weight_of(module: nn.Module) -> Tensor:
    """A module's weight; a copy where it is kept on disk."""
    own: Any = module
    weight: Tensor = own.weight
    if not weight.is_meta:
        return weight
    with align_module_device(module):
        copied: Tensor = own.weight.detach().clone()
    return copied
