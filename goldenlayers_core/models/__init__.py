"""Language models: an architecture table, loading, tokens, and the only hooks in the house.

The names are fetched when they are asked for, so that the architecture table can be read without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenlayers_core.models.architectures import Architecture, architecture_of, known_architectures
    from goldenlayers_core.models.handle import ModelHandle
    from goldenlayers_core.models.loading import load_model

__all__ = ["Architecture", "ModelHandle", "architecture_of", "known_architectures", "load_model"]

_HOMES = (
    ("Architecture", "architectures"),
    ("architecture_of", "architectures"),
    ("known_architectures", "architectures"),
    ("ModelHandle", "handle"),
    ("load_model", "loading"),
)


def __getattr__(name: str) -> Any:
    for known, home in _HOMES:
        if known == name:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
