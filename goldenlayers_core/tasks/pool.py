"""The models in memory: two at most, and fewer where another does not fit beside them. No torch until one is loaded."""

import dataclasses
import gc
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from goldenlayers_core.errors import ModelTooLargeError
from goldenlayers_core.records import ModelSource

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle

Models = OrderedDict[ModelSource, "ModelHandle"]  # the one used longest ago first
Cards = MutableMapping[ModelSource, Any]


def loaded_beside(models: Models, cards: Cards, load: "Callable[[], ModelHandle]") -> "ModelHandle":
    """What `load` returns. Where it does not fit, models loaded before are released, the one used longest ago first,
    as many as it takes; none where all of them would not be enough. Raises what `load` raises."""
    while True:
        try:
            return load()
        except ModelTooLargeError as error:
            if not 0 < error.short_by <= sum(map(weight_bytes, models.values())):
                raise
        release(models, cards)


def release(models: Models, cards: Cards) -> None:
    """Let the model go that was used longest ago, with its card; work that holds it keeps it until it ends."""
    cards.pop(models.popitem(last=False)[0], None)
    gc.collect()  # a model is a knot of references


def same_as(models: Models, handle: "ModelHandle") -> "ModelHandle":
    """The handle on what is in memory of the same weights, where it is: one model, once. It keeps its own name and
    source, for the others may be another person's."""
    known = next((h for h in models.values() if _place(h) == _place(handle)), handle)
    return dataclasses.replace(known, name=handle.name, source=handle.source)


def _place(handle: "ModelHandle") -> tuple[object, ...]:
    """What two handles must agree on to be one model: weights, device, and whether all of it is there."""
    return handle.result_key, handle.device_name, handle.source.spills


def weight_bytes(handle: "ModelHandle") -> int:
    """Bytes of a model's weights in memory."""
    return sum(p.numel() * p.element_size() for p in handle.model.parameters())
