"""The sums of a covariance under way, in the store, so that a pass that was stopped or killed goes on from there."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from goldenlayers_core.editing.moments import PartialMoments
from goldenlayers_core.errors import StoreError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import digest_of
from goldenlayers_core.runtime import Store

KIND: Final = "covariance-so-far"
EVERY: Final = 15.0  # seconds, at least, from one writing to the next
_FORMAT: Final = "golden-layers-sums-1"
SHARE: Final = 20  # writing takes at most one part in so many of the time
_MOST: Final = 2**31  # bytes of sums; of more, nothing is kept on the way
_log = logging.getLogger(__name__)


class SumsSoFar:
    """Kept under a name that says what is estimated, with the model's fingerprint, which is looked at again.

    A disk that refuses them stops nothing: then less is kept.
    """

    def __init__(self, store: Store, handle: ModelHandle, key: str, layers: Sequence[int]) -> None:
        """`key`: of the covariance, made of the model's `result_key`, the source and the tokens."""
        self._store, self._name = store, digest_of([key, list(layers)])
        self._about = {"format": _FORMAT, "key": key, "model": handle.result_key}
        self._widths = {f"sum.{layer}": handle.shape(handle.mlp_out(layer))[1] for layer in layers}
        self._last: PartialMoments | None = None
        self._began, self._due, self.seconds = time.perf_counter(), time.monotonic() + EVERY, 0.0

    def opened(self) -> PartialMoments | None:
        """What was kept; None where there is nothing, or it is damaged: then it is set aside. `seconds` is the time
        that was spent on it."""
        if self._name not in self._store.names(KIND):
            return None
        try:
            seconds, found = self._store.read_arrays(KIND, self._name, self._understood)
        except StoreError as error:
            _log.warning("The pass starts anew: %s", error)
            return None
        self.seconds = seconds
        return found

    def keep(self, found: PartialMoments) -> None:
        """The pass has come so far; written when it is time."""
        self._last = found
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write down how far the pass came, between two of its steps."""
        last, began = self._last, time.monotonic()
        if last is None or sum(total.nbytes for total in last.sums.values()) > _MOST:
            return
        arrays: dict[str, NDArray[Any]] = {f"sum.{layer}": total.cpu().numpy() for layer, total in last.sums.items()}
        arrays |= {"drawn": last.drawn.numpy(), "dice": last.dice.numpy()}
        arrays["place"] = np.array([last.n_tokens, last.done, last.steps], dtype=np.int64)
        seconds = self.seconds + time.perf_counter() - self._began
        try:
            self._store.save_arrays(KIND, self._name, arrays, {**self._about, "seconds": repr(seconds)})
        except StoreError as error:
            _log.warning("A covariance under way was not kept: %s", error)
        now = time.monotonic()
        self._due = now + max(EVERY, SHARE * (now - began))

    def remove(self) -> None:
        """The covariance is stored: what was kept on the way goes."""
        if self._name in self._store.names(KIND):
            with suppress(StoreError):  # gone already, or a disk that refuses
                self._store.delete(KIND, self._name)

    def _understood(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> tuple[float, PartialMoments]:
        if {**meta, "seconds": ""} != {**self._about, "seconds": ""}:
            raise ValueError("they are of another covariance")
        n_tokens, done, steps = (int(number) for number in arrays["place"])
        drawn, dice = (torch.from_numpy(arrays[name].copy()) for name in ("drawn", "dice"))
        if min(n_tokens, done, steps) < 0 or len(drawn) != max(steps - 1, 0):
            raise ValueError(f"{n_tokens} tokens, {done} rows and {steps} steps go with {len(drawn)} drawn")
        sums = {}
        for name, width in self._widths.items():
            if arrays[name].shape != (width, width):
                raise ValueError(f"{name} is {arrays[name].shape}, and {width} directions are summed")
            sums[int(name.removeprefix("sum."))] = torch.from_numpy(np.require(arrays[name], requirements="W"))
        return float(meta["seconds"]), PartialMoments(sums, n_tokens, done, steps, drawn, dice)
