"""A worker's process on a Ray cluster: one model, one piece at a time. Ray imports it there; it imports no Ray."""

import os
import platform
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goldenlayers_core.errors import Cancelled, GoldenLayersError, MemoryShortError, is_shortage
from goldenlayers_core.runtime.engines.crew import Worker, made
from goldenlayers_core.runtime.engines.memory import held
from goldenlayers_core.runtime.frames import one_line
from goldenlayers_core.runtime.progress import Progress

Answer = dict[str, Any]  # "state": opened, done, unopened, refused, failed, memory or cancelled; and what belongs to it


class Actor:
    """What Ray makes of it runs on the cluster. Calls are answered with dictionaries, whatever happens: an exception
    of ours would have to be understood by a program of another version."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._stop = threading.Event()
        self._share = 0.0
        self._note = ""

    def open(
        self, worker: str, what: Mapping[str, Any], threads: int, home: str, settings: Mapping[str, str]
    ) -> Answer:
        """Make the worker; `home`: the folder in which data files are named; `settings`: more of the environment."""
        os.environ.update(settings)
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if home and Path(home).is_dir():
            os.chdir(home)
        return self._answered(lambda: self._open(worker, what, threads))

    def _open(self, worker: str, what: Mapping[str, Any], threads: int) -> Answer:
        try:
            self._worker = made(worker, what, threads)
        except (Cancelled, MemoryShortError):
            raise
        except GoldenLayersError as sentence:
            return {"state": "refused", "why": str(sentence)}
        return {"state": "opened", **self.state()}

    def do(self, content: Any) -> Answer:
        """Do a piece."""
        if self._worker is None:  # restarted since it was opened
            return {"state": "unopened"}
        self._share, self._note = 0.0, ""
        worker, began = self._worker, time.perf_counter()

        def piece() -> Answer:
            computed = worker.do(content, Progress(self._report, self._stop.is_set))
            return {"state": "done", "computed": computed, "seconds": time.perf_counter() - began, **self.state()}

        return self._answered(piece)

    def state(self) -> Answer:
        """How far the piece is, from 0 to 1; and the memory that this process holds."""
        pss, rss = held()
        return {
            "share": self._share,
            "note": self._note,
            "node": platform.node(),
            "pid": os.getpid(),
            "pss": pss,
            "rss": rss,
            "busy": time.process_time(),
        }

    def stop(self) -> None:
        """The piece under way ends at its next sign of life."""
        self._stop.set()

    def _report(self, done: int, total: int, note: str) -> None:
        self._share, self._note = (done / total if total > 0 else 0.0), note

    def _answered(self, call: Any) -> Answer:
        try:
            answer: Answer = call()
        except Cancelled:
            return {"state": "cancelled"}
        except MemoryShortError as sentence:
            return {"state": "memory", "why": str(sentence)}
        except GoldenLayersError as sentence:
            return {"state": "failed", "why": str(sentence)}
        except Exception as defect:
            words = f"{type(defect).__name__}: {one_line(defect)}"
            return {"state": "memory" if is_shortage(defect) else "failed", "why": words}
        return answer
