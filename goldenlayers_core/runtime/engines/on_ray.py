"""The engine that gives pieces to workers of a Ray cluster.

Ray runs in a process of its own (`driver`), which tells what happens in lines of JSON: a cluster that is lost takes
that process with it, and not the app.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from goldenlayers_core.errors import Cancelled, ConfigError, EngineError
from goldenlayers_core.runtime.engines.cluster import started_here
from goldenlayers_core.runtime.engines.crew import Crew, Outcome, Seen
from goldenlayers_core.runtime.engines.surroundings import check_ray, surroundings
from goldenlayers_core.runtime.progress import Progress

_UNITS: Final = 1000  # of progress
_TICK: Final = 0.25  # seconds between two looks at whether the work is to stop
_LAST: Final = 15.0  # seconds that the driver may take to stop
_TOLD: Final = 2000  # bytes of its last words that are read


@dataclass(frozen=True, slots=True)
class Resources:
    """What each worker declares, and how many there are."""

    workers: int = 0  # 0: as many as the cluster has room for
    cpus: int = 1  # of each; it keeps as many threads busy
    gpus: int = 0  # of each

    def __post_init__(self) -> None:
        if self.workers < 0 or self.cpus < 1 or self.gpus < 0:
            raise ConfigError(
                f"{self.workers} workers of {self.cpus} CPUs and {self.gpus} GPUs were asked for; give at least one "
                "CPU each, and nothing below 0."
            )


class OnRay:
    """Pieces on a Ray cluster."""

    def __init__(self, address: str = "", resources: Resources | None = None) -> None:
        """`address`: of a running cluster, or "auto" for the one on this machine; "": one of our own for each run."""
        self.address = address
        self.resources = resources or Resources()

    def run(self, crew: Crew, progress: Progress) -> Outcome:
        """See `Engine`. Raises EngineError where the cluster cannot be reached, is lost, or has no worker left."""
        check_ray()
        if not crew.pieces:
            return Outcome(0, 0.0, ())
        progress.update(0, _UNITS, "Starting Ray")
        with _driver() as (process, told, last_words):
            assert process.stdin is not None
            _say(process, self._asked(crew))
            try:
                return _followed(process, told, last_words, crew, progress)
            except Cancelled:
                _say(process, {"stop": True})
                _until_over(process, told)
                raise

    def _asked(self, crew: Crew) -> dict[str, Any]:
        return {
            "address": started_here() if self.address == "auto" else self.address,
            "resources": asdict(self.resources),
            "worker": crew.worker,
            "what": dict(crew.what),
            "pieces": [asdict(piece) for piece in crew.pieces],
            "home": os.getcwd(),
            "settings": {name: value for name, value in surroundings().items() if name.startswith("GOLDENLAYERS_")},
        }


@contextmanager
def _driver() -> Iterator[tuple["subprocess.Popen[bytes]", "queue.Queue[dict[str, Any] | None]", IO[bytes]]]:
    """The process that talks to Ray, what it tells, and its last words; it has ended when the block has."""
    with tempfile.TemporaryFile() as last_words:
        process = subprocess.Popen(  # nosec B603  # a module of ours, no shell, nothing given in its arguments
            [sys.executable, "-m", "goldenlayers_core.runtime.engines.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=last_words,
            env=surroundings(),
            cwd=os.sep,  # Ray puts this folder before the workers' own programs
        )
        told: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=_listen, args=(process, told), daemon=True, name="golden-layers-ray").start()
        try:
            yield process, told, last_words
        finally:
            _end(process)


def _listen(process: "subprocess.Popen[bytes]", told: "queue.Queue[dict[str, Any] | None]") -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            try:
                told.put(json.loads(line))
            except ValueError:  # cut off at its end
                continue
    told.put(None)


def _followed(
    process: "subprocess.Popen[bytes]",
    told: "queue.Queue[dict[str, Any] | None]",
    last_words: IO[bytes],
    crew: Crew,
    progress: Progress,
) -> Outcome:
    share, words = 0.0, "Starting Ray"
    while True:
        try:
            message = told.get(timeout=_TICK)
        except queue.Empty:
            progress.check()
            continue
        if message is None:
            process.wait()
            raise EngineError(
                f"The Ray cluster was lost ({_tail(last_words)}); what was finished is in the store: start the cluster "
                "again, and the run goes on from there."
            )
        if "failed" in message:
            raise EngineError(str(message["failed"]))
        if "computed" in message:
            progress.update(_UNITS, _UNITS, crew.words)
            seen = tuple(Seen(**worker) for worker in message["workers"])
            return Outcome(int(message["computed"]), float(message["seconds"]), seen, tuple(message["notes"]))
        share = max(share, float(message["share"]))
        words = message["words"].format(crew.words)
        progress.update(min(_UNITS * share, _UNITS), _UNITS, words)


def _say(process: "subprocess.Popen[bytes]", message: dict[str, Any]) -> None:
    assert process.stdin is not None
    with suppress(OSError):  # where it has ended, what it told says why
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()


def _until_over(process: "subprocess.Popen[bytes]", told: "queue.Queue[dict[str, Any] | None]") -> None:
    """Wait for the workers to keep what they have."""
    try:
        process.wait(_LAST)
    except subprocess.TimeoutExpired:
        process.terminate()


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()  # it stops when nobody talks to it any more
    try:
        process.wait(_LAST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(last_words: IO[bytes]) -> str:
    """The last line that the process left."""
    end = last_words.seek(0, os.SEEK_END)
    last_words.seek(max(end - _TOLD, 0))
    lines = [line.strip() for line in last_words.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
