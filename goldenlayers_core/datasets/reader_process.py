"""The process that reads a file for `apart`: a line of JSON with what is asked and the file's bytes in, lines out."""

import gc
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from goldenlayers_core.datasets.mapping import ColumnMapping
from goldenlayers_core.datasets.outline import outline
from goldenlayers_core.datasets.reading import read_bytes
from goldenlayers_core.datasets.transport import dataset_lines, error_line, outline_line
from goldenlayers_core.errors import DatasetError


def main() -> int:
    """Read standard input, write standard output."""
    asked = json.loads(sys.stdin.buffer.readline())
    _limit(int(asked["max_memory"]), int(asked["max_seconds"]) + 1)
    gc.disable()  # nothing read from a file refers to itself, and the process is short
    for line in _answer(asked):
        sys.stdout.buffer.write(line.encode())
    sys.stdout.buffer.flush()
    return 0


def _answer(asked: dict[str, Any]) -> Iterable[str]:
    try:
        data = sys.stdin.buffer.read()
        if asked["outline"]:
            return [outline_line(outline(data, asked["name"]))]
        mapping = ColumnMapping(**asked["mapping"]) if asked["mapping"] else None
        subjects = None if asked["subjects"] is None else {int(row): str(text) for row, text in asked["subjects"]}
        found = read_bytes(data, asked["name"], mapping, asked["language"], subjects)
    except DatasetError as error:
        return [error_line(error)]
    return dataset_lines(found)


def _limit(n_bytes: int, seconds: int) -> None:
    """Hold this process to so much memory and time on the processor, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the process that asked still ends this one after its time
        return
    for kind, value in (
        (resource.RLIMIT_DATA, n_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 2**30),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    sys.exit(main())
