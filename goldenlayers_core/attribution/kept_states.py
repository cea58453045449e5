"""States of many batches at every layer, in one temporary file that has no name.

The system forgets the file when it is closed, also where the process is killed. Its room is taken at once, so that a
full disk is told before the work and not in the middle of it; a piece is in memory only while it is written or read.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from goldenlayers_core.errors import ModelError


class KeptStates(AbstractContextManager["KeptStates"]):
    """`slots` tensors of each batch, all of the shape (rows, positions, width) that is given for the batch."""

    def __init__(self, folder: Path, shapes: Sequence[tuple[int, int, int]], slots: int, dtype: torch.dtype) -> None:
        """Raises ModelError where the folder's disk has not so much room."""
        self.shapes, self.slots, self.dtype = tuple(shapes), slots, dtype
        self._sizes = [dtype.itemsize * int(np.prod(shape, dtype=np.int64)) for shape in self.shapes]
        self._starts = [0, *accumulate(slots * size for size in self._sizes)]
        self.n_bytes = self._starts[-1]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        except OSError as error:
            raise ModelError(
                f"No temporary file can be made in {folder} ({error.strerror}); check the folder."
            ) from error
        try:
            _take(self._file.fileno(), self.n_bytes, folder)
        except ModelError:
            self._file.close()
            raise

    def put(self, batch: int, slot: int, states: Tensor) -> None:
        """Keep the states of a batch. Raises ModelError for another shape or number format than the model's."""
        if tuple(states.shape) != self.shapes[batch] or states.dtype != self.dtype:
            raise ModelError(
                f"A block put out {tuple(states.shape)} numbers of {states.dtype}, where {self.shapes[batch]} of "
                f"{self.dtype} were expected; score this model without layer by layer."
            )
        piece = self._piece(batch, slot)
        piece[:] = states.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()

    def get(self, batch: int, slot: int) -> Tensor:
        """A copy, on the processor."""
        found = torch.from_numpy(np.array(self._piece(batch, slot)))
        return found.view(self.dtype).reshape(self.shapes[batch])

    def _piece(self, batch: int, slot: int) -> "np.memmap[Any, np.dtype[np.uint8]]":
        size = self._sizes[batch]
        return np.memmap(self._file, np.uint8, "r+", self._starts[batch] + slot * size, (size,))

    def close(self) -> None:
        """Give the disk back what was taken."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _take(file: int, n_bytes: int, folder: Path) -> None:
    """Take so much of the disk. Raises ModelError where it has not so much."""
    free = shutil.disk_usage(folder).free
    try:
        if n_bytes <= free:
            os.posix_fallocate(file, 0, max(1, n_bytes))
            return
    except OSError:  # a quota, a limit of the process, somebody else who writes
        free = min(free, shutil.disk_usage(folder).free)
    raise ModelError(
        f"The states of all layers take {n_bytes / 2**30:,.2f} GiB in {folder}, which has not so much room "
        f"({free / 2**30:,.2f} GiB are free on its disk); score fewer requests at a time."
    )
