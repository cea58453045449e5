"""Transformers' progress bars as ours: what is read is counted, and can be cancelled at every tensor."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tqdm import tqdm  # type: ignore[import-untyped]
from transformers.utils import logging as transformers_logging

Tell = Callable[[int, int, str], None]  # (done, total, note); may raise to cancel

_ONE_AT_A_TIME: Final = threading.RLock()  # the hook below is of the whole process


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of transformers: ours tell what matters."""
    was_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            transformers_logging.enable_progress_bar()


@contextmanager
def telling(progress: Tell | None, note: str) -> Iterator[None]:
    """While models are read: no bars, and `progress(tensors done, tensors, note)` before each tensor."""
    if progress is None:
        with quiet():
            yield
        return
    tell: Tell = progress

    class Counted(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **{**settings, "disable": True})

        def __iter__(self) -> Iterator[Any]:
            total = len(self.iterable)
            for done, item in enumerate(self.iterable):
                tell(done, total, note)
                yield item

    with _ONE_AT_A_TIME, quiet():
        before = transformers_logging.set_tqdm_hook(
            lambda factory, arguments, settings: (Counted if arguments else factory)(*arguments, **settings)
        )
        try:
            yield
        finally:
            transformers_logging.set_tqdm_hook(before)
