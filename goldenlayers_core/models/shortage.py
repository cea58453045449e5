"""Memory that ran out: batches that are half as large from then on. No torch.

Every budget of a batch (tokens, mostly) passes through `spared`, which inside `halved` is half of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SHARE: ContextVar[int] = ContextVar("share", default=1)  # one of so many parts of every budget


def spared(budget: int) -> int:
    """The budget of a batch; half of it, 1 at least, in work that ran out of memory before."""
    return max(1, budget // _SHARE.get())


@contextmanager
def halved() -> Iterator[None]:
    """Inside, in this thread, every budget is half of what it is outside."""
    token = _SHARE.set(2 * _SHARE.get())
    try:
        yield
    finally:
        _SHARE.reset(token)
