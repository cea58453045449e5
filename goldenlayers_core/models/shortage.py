"""Memory that runs out: what says so, and batches that are half as large where it did. No torch.

Every budget of a batch (tokens, mostly) passes through `spared`, which inside `halved` is half of it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_SHARE: ContextVar[int] = ContextVar("share", default=1)  # one of so many parts of every budget
_WORDS: Final = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "alloc_failed")


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory could not be had: of a GPU, of torch's allocator, of Python or the system."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


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
