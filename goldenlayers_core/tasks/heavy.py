"""The first import of what needs torch: by one thread at a time, whichever asks first.

Two threads that import torch, transformers and the floors above them for the first time at once can each wait for a
module that the other has begun; Python then ends the wait, and one of them finds half a module.
"""

from importlib import import_module
from threading import Lock
from typing import Final

_FLOORS: Final = ("models.loading", "attribution.lga", "attribution.causal_trace", "editing.export", "evaluation.sweep")
_LOCK: Final = Lock()


def heavy() -> None:
    """Import models, attribution, editing and evaluation, once. Call it before work in a thread imports any of them."""
    with _LOCK:
        for floor in _FLOORS:
            import_module(f"goldenlayers_core.{floor}")
