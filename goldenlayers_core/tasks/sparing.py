"""Work that runs out of memory goes on with half the token budget, once. No torch until it does."""

import gc
import logging
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

from goldenlayers_core.errors import MemoryShortError, is_shortage
from goldenlayers_core.models.shortage import halved
from goldenlayers_core.runtime import Progress

Found = TypeVar("Found")

_log = logging.getLogger(__name__)
_watched: ContextVar[bool] = ContextVar("watched", default=False)
_NOTE: Final = "memory ran out, so with half the token budget"


def sparing(work: Callable[[Progress], Found], progress: Progress) -> Found:
    """What `work` returns. Where memory runs out it is done again with every budget of a batch halved, and the log and
    the progress say so: what it stored before is found in the store, so that it goes on from there.

    Raises MemoryShortError where memory runs out a second time; what was stored stays. Within work that is watched
    already, only the outermost call does so.
    """
    if _watched.get():
        return work(progress)
    token = _watched.set(True)
    try:
        found = _tried(work, progress)
        if found is None:
            _log.warning("Memory ran out; the work goes on with half the token budget")
            with halved():
                found = _tried(work, progress.noting(_NOTE))
        if found is None:
            raise MemoryShortError(
                "Memory ran out, and with half the token budget once more; what was finished is kept in the store: "
                "free some memory, or choose a smaller number format, shorter requests or a smaller model, and start "
                "it again."
            )
        return found[0]
    finally:
        _watched.reset(token)


def _tried(work: Callable[[Progress], Found], progress: Progress) -> tuple[Found] | None:
    """What the work returns; None where memory ran out, once all that it held is let go."""
    try:
        return (work(progress),)
    except Exception as error:
        if not is_shortage(error):
            raise
    gc.collect()  # the frames of the traceback, and the tensors in them
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
