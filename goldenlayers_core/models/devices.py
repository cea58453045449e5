"""From a device's name to the device, or to several."""

from collections.abc import Sequence
from typing import Final

import torch

from goldenlayers_core.errors import ConfigError

ALLOWED: Final = "choose auto, cpu, cuda or cuda:N"


def resolve_device(device: str) -> torch.device:
    """ "auto" is cuda, else cpu. Raises ConfigError when the device is not there, or is one of another kind: Apple's
    MPS has no float64, in which the sums of the scores and the least squares of the editors are made."""
    if device == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"The device {device!r} is unknown; {ALLOWED}.") from error
    if chosen.type not in ("cpu", "cuda"):
        raise ConfigError(
            f"The device {device!r} cannot be used: scores and edits need float64 sums, tried on cpu and cuda only; "
            f"{ALLOWED}."
        )
    n_cuda = torch.cuda.device_count()
    if chosen.type == "cuda" and (chosen.index or 0) >= n_cuda:
        raise ConfigError(
            f"The device {device!r} was asked for and {n_cuda} CUDA devices are here; choose auto or cpu."
        )
    return chosen


def resolve_devices(names: Sequence[str]) -> tuple[torch.device, ...]:
    """The devices of a model, the first one first. Raises ConfigError for one that is not there, and for several that
    are not different GPUs."""
    if len(names) == 1:
        return (resolve_device(names[0]),)
    joined = "+".join(names)
    found = [_gpu(name, joined) for name in names]
    twice = next((device for at, device in enumerate(found) if device in found[:at]), None)
    if twice is not None:
        raise ConfigError(f"The device {joined!r} names {twice} twice; name every GPU once, as in cuda:0+cuda:1.")
    return tuple(resolve_device(str(device)) for device in found)


def _gpu(name: str, joined: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("cpu")
    if device.type != "cuda":
        raise ConfigError(
            f"The device {joined!r} has {name!r} in it, and only GPUs can be joined; write cuda:0+cuda:1, and +disk "
            "behind the last for what does not fit on them."
        )
    return torch.device("cuda", device.index or 0)
