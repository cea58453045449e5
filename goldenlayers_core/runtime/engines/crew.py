"""Work in pieces that workers share: what every engine is given, and what it gives back.

A piece is idempotent: its worker looks into the store first, so that an engine may have one done twice, at once or
after its worker was lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from goldenlayers_core.runtime.progress import Progress


@dataclass(frozen=True)
class Piece:
    """What one worker does at one time."""

    content: Any  # as JSON; the worker's own
    cost: float  # seconds, thought


@dataclass(frozen=True)
class Crew:
    """A kind of worker, what each of them opens, and the pieces."""

    worker: str  # "module:class"; made with (what, threads), see Worker
    what: Mapping[str, Any]  # as JSON
    pieces: tuple[Piece, ...]
    words: str  # what they do: "Editing"


class Worker(Protocol):
    """What a crew's class makes, once per process, from `what` and the threads that it may keep busy.

    Making it raises a GoldenLayersError where this process must not do such pieces: it is then asked for none.
    """

    def do(self, content: Any, progress: Progress) -> int:
        """Do a piece; how many results were computed. Raises a GoldenLayersError, Cancelled, or MemoryError."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One worker, as it was seen last."""

    node: str  # name of its machine
    pid: int
    pieces: int  # that it finished
    pss: int  # bytes: its memory, where what it shares with others is divided among them; 0 where nobody tells
    rss: int  # bytes: its memory, where it is not
    busy: float = 0.0  # processor seconds, from its start on


@dataclass(frozen=True)
class Outcome:
    """What an engine did."""

    computed: int  # results that were not in the store
    seconds: float
    workers: tuple[Seen, ...]
    notes: tuple[str, ...] = ()  # one sentence each about workers that were lost or refused


class Engine(Protocol):
    """Does all pieces of a crew, or raises a GoldenLayersError of one sentence; what was finished is in the store."""

    def run(self, crew: Crew, progress: Progress) -> Outcome:
        """Raises Cancelled, too."""


def made(crew_worker: str, what: Mapping[str, Any], threads: int) -> Worker:
    """The worker that "module:class" names."""
    module, name = crew_worker.split(":")
    worker: Worker = getattr(import_module(module), name)(what, threads)
    return worker
