"""The engine that is always there: this process does one piece after the other."""

import os
import time

from goldenlayers_core.runtime.engines.crew import Crew, Outcome, Seen, made
from goldenlayers_core.runtime.engines.memory import held
from goldenlayers_core.runtime.progress import Progress

_UNITS = 1000  # of progress


class Local:
    """Pieces in this process."""

    def __init__(self, threads: int = 0) -> None:
        """`threads`: that the worker may keep busy (0: as many as it likes)."""
        self.threads = threads

    def run(self, crew: Crew, progress: Progress) -> Outcome:
        """See `Engine`."""
        began, computed, done = time.perf_counter(), 0, 0.0
        total = sum(piece.cost for piece in crew.pieces) or 1.0
        worker = made(crew.worker, crew.what, self.threads)
        for piece in crew.pieces:
            start = int(_UNITS * done / total)
            done += piece.cost
            part = progress.part(start, int(_UNITS * done / total) - start, _UNITS)
            computed += worker.do(piece.content, part)
        progress.update(_UNITS, _UNITS, crew.words)
        pss, rss = held()
        seen = Seen("here", os.getpid(), len(crew.pieces), pss, rss, time.process_time())
        return Outcome(computed, time.perf_counter() - began, (seen,))
