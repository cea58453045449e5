"""Reading in a process of its own, with limits on time and memory: a hostile file takes down nothing but that process.

Small files of text are read here and now: by the limits of their readers they cannot take long.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from goldenlayers_core.datasets.mapping import ColumnMapping
from goldenlayers_core.datasets.outline import Outline, outline
from goldenlayers_core.datasets.parquet import is_parquet
from goldenlayers_core.datasets.reading import read_bytes
from goldenlayers_core.datasets.table import check_size
from goldenlayers_core.datasets.text import shorten
from goldenlayers_core.datasets.transport import dataset_from_lines, outline_from_lines
from goldenlayers_core.errors import Cancelled, DatasetError
from goldenlayers_core.records import Dataset

MAX_SECONDS: Final = 60.0
"""Most seconds of a processor that reading a file may take. Where others keep the processors busy it lasts longer, but
no longer than ten times as many seconds."""

MAX_MEMORY: Final = 600 * 2**20
"""Most memory that reading a file may take, in bytes (held where the system knows such a limit)."""

SMALL: Final = 64 * 2**10
"""Files of text up to so many bytes are read in the process that asks."""

_ROOT: Final = Path(__file__).resolve().parents[2]


def is_quick(data: bytes) -> bool:
    """Whether a file is read in no time, and needs no process of its own."""
    return len(data) <= SMALL and not is_parquet(data)


def read_apart(
    data: bytes,
    name: str,
    mapping: ColumnMapping | None = None,
    language: str = "",
    subjects: Mapping[int, str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Dataset:
    """Like `read_bytes`, in a process of its own where the file is not small. Raises a DatasetError.

    `progress(seconds)` is called while it lasts; what it raises ends the reading.
    """
    if is_quick(data):
        return read_bytes(data, name, mapping, language, subjects)
    with Reading(data, name, mapping, language, subjects) as reading:
        while (found := reading.result(0.05)) is None:
            if progress:
                progress(reading.seconds)
        return found


def outline_apart(data: bytes, name: str) -> Outline:
    """Like `outline`, in a process of its own where the file is not small. Raises a DatasetError."""
    if is_quick(data):
        return outline(data, name)
    with _Work(data, name, {"outline": True}, MAX_SECONDS) as work:
        while not work.is_over(0.05):
            pass
        return outline_from_lines(work.lines())


class _Work:
    """A process that reads a file. Ends with `close`, or as a context manager."""

    def __init__(self, data: bytes, name: str, asked: dict[str, Any], max_seconds: float) -> None:
        check_size(len(data), name)
        self.name = shorten(name)
        self._max_seconds = max_seconds
        self._patience = 10 * max_seconds
        self._begun = time.monotonic()
        limits = {"max_seconds": max_seconds, "max_memory": MAX_MEMORY}
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps({"name": name, "outline": False, **asked, **limits}).encode() + b"\n")
            given.write(data)
            given.seek(0)
            self._process = subprocess.Popen(  # nosec B603  # a module of ours, no shell, nothing given in its arguments
                [sys.executable, "-m", "goldenlayers_core.datasets.reader_process"],
                stdin=given,
                stdout=self._out,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_surroundings()},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._begun

    def is_over(self, patience: float = 0.0) -> bool:
        """Whether the process has ended; waits at most `patience` seconds. Raises DatasetError when its time is up."""
        if self._out.closed:
            raise Cancelled(f"Reading {self.name} was stopped.")
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            if self.seconds < self._patience:
                return False
            self.close()
            raise DatasetError(
                f"{self.name} was not read within {self._patience:.0f} seconds; split it, or save it in a plainer form."
            ) from None
        return True

    def lines(self) -> Iterator[str]:
        """What the process wrote, after it ended. Raises DatasetError where it ended before its time."""
        if self._process.returncode != 0:
            raise DatasetError(
                f"{self.name} could not be read with {MAX_MEMORY // 2**20} MiB of memory and "
                f"{self._max_seconds:.0f} seconds of a processor, or is damaged; save it again, or split it."
            )
        self._out.seek(0)
        for line in self._out:
            yield line.decode()

    def close(self) -> None:
        """End the process, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._out.close()


class Reading(_Work):
    """A dataset that is being read in a process of its own: what `read_apart` waits for, and a page looks at."""

    def __init__(
        self,
        data: bytes,
        name: str,
        mapping: ColumnMapping | None = None,
        language: str = "",
        subjects: Mapping[int, str] | None = None,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        asked = {
            "mapping": asdict(mapping) if mapping else None,
            "language": language,
            "subjects": None if subjects is None else list(subjects.items()),
        }
        super().__init__(data, name, asked, max_seconds)

    def result(self, patience: float = 0.0) -> Dataset | None:
        """The dataset, once; None while it is being read. Waits at most `patience` seconds. Raises a DatasetError."""
        if not self.is_over(patience):
            return None
        try:
            return dataset_from_lines(self.lines())
        finally:
            self.close()


def _surroundings() -> dict[str, str]:
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONIOENCODING": "utf-8",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve more than they use
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
