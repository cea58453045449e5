"""Models larger than a device: blocks that do not fit are kept in memory or read from disk, and brought in to be used.

accelerate does it, with hooks on modules. What is brought in is computed on the first device, where embedding, norm and
LM head stay; blocks that stand on other devices compute there (`models.spread`). A block that is brought in costs its
bytes over the bus or from the disk, in every forward pass.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psutil
import torch
from accelerate.utils import align_module_device
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from goldenlayers_core.errors import ModelError, ModelTooLargeError
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.memory import bytes_available
from goldenlayers_core.models.packed import count
from goldenlayers_core.records import SPILLS

Room = tuple[torch.device, int]
"""A device, and the bytes for weights there."""
_SHARE: Final = 0.6  # of what is free, for weights: the rest is for the work and the block that is brought in
_SHARE_BEHIND: Final = 0.8  # the same of devices behind the first, where only their blocks' own work is done


def device_map(model: Any, blocks: str, itemsize: int, rooms: Sequence[Room], spills: bool) -> dict[str, Any]:
    """Where every part of a model without weights is to be kept: what is no block on the first device, then as many
    blocks as fit there, then each on the one of the other devices that has most left; where it `spills`, the rest, of a
    GPU, in memory, and then on disk.

    Raises ModelError where not even the parts that are no block fit, and ModelTooLargeError for what is left over.
    """
    (main, room), left = rooms[0], dict(rooms[1:])
    kept: Any = str(main) if main.type == "cpu" else main
    found: dict[str, Any] = dict.fromkeys(_beside(model, blocks), kept)
    layers: nn.ModuleList = model.get_submodule(blocks)
    sizes = [itemsize * count(block) for block in layers]
    beside = itemsize * count(model) - sum(sizes)
    room -= beside + (max(sizes) if spills else 0)  # one block beside them, brought in
    if room < 0:
        raise ModelError(
            f"Embedding, LM head and one block take {(beside + max(sizes)) / 2**30:.1f} GiB, which {main} has not "
            "left for weights; choose a smaller number format or a smaller model."
        )
    memory = 0 if main.type == "cpu" else int(_SHARE * psutil.virtual_memory().available)
    for layer, size in enumerate(sizes):
        other = max(left, key=lambda device: left[device], default=main)
        if room >= size:
            found[f"{blocks}.{layer}"], room = kept, room - size
        elif left.get(other, 0) >= size:
            found[f"{blocks}.{layer}"], left[other] = other, left[other] - size
        elif not spills:
            raise _too_large(rooms, beside + sum(sizes))
        elif memory >= size:
            found[f"{blocks}.{layer}"], memory = "cpu", memory - size
        else:
            found[f"{blocks}.{layer}"] = "disk"
    return found


def _too_large(rooms: Sequence[Room], needed: int) -> ModelTooLargeError:
    names, room = "+".join(str(device) for device, _ in rooms), sum(room for _, room in rooms)
    return ModelTooLargeError(
        f"The weights take {needed / 2**30:.1f} GiB and {names} have {room / 2**30:.1f} GiB for them; name more GPUs, "
        f"choose a smaller number format, or keep what does not fit elsewhere, slowly (device {names}{SPILLS}).",
        short_by=max(0, needed - room),
    )


def check_spills(name: str, architecture: Architecture, is_quantised: bool, n_devices: int = 1) -> None:
    """Raises ModelError for what is only used as a whole on one device."""
    reason = "its weights are quantised" if is_quantised else ""
    reason = "its experts' matrices are used beside their modules" if architecture.experts else reason
    if reason and n_devices > 1:
        raise ModelError(f"{name} cannot be spread over several devices, because {reason}; choose one device.")
    if reason:
        raise ModelError(
            f"{name} cannot be kept in part on disk or in memory, because {reason}; choose a device without {SPILLS}, "
            "or another model."
        )


def spilled(
    config: Any, architecture: Architecture, dtype: torch.dtype, rooms: Sequence[Room], spills: bool
) -> dict[str, Any]:
    """Further arguments for transformers: where every part is kept, and a folder for what is not on disk as it is to
    be used. Raises ModelError where not even one block fits."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    placed = device_map(model, architecture.blocks, dtype.itemsize, rooms, spills)
    if "disk" not in placed.values():
        return {"device_map": placed}
    folder = tempfile.mkdtemp(prefix="goldenlayers-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the model reads from it as long as it is used
    return {"device_map": placed, "offload_folder": folder}


def rooms_on(devices: Sequence[torch.device], room: int | None = None) -> tuple[Room, ...]:
    """Every device with the bytes that weights may take there: a share of what is free, or `room` on the first."""
    main, *others = devices
    first = int(_SHARE * bytes_available(main)) if room is None else room
    return (main, first), *((device, int(_SHARE_BEHIND * bytes_available(device))) for device in others)


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
