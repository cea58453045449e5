"""The process that talks to Ray, for one run: what is asked for comes as a line of JSON, what happens goes as lines.

    {"share": .., "words": ".."}                              each second; {} in the words is what the crew does
    {"computed": .., "seconds": .., "workers": [], "notes": []}   at the end
    {"failed": ".."}                                          instead, one sentence

It stops when a line says so, or when there is nobody any more to read it.
"""

import json
import os
import socket
import sys
import threading
import time
from typing import IO, Any, Final

from goldenlayers_core.errors import EngineError
from goldenlayers_core.runtime.engines.ray_program import adapt
from goldenlayers_core.runtime.engines.shifts import Shifts
from goldenlayers_core.runtime.engines.surroundings import HERE, STORE_BYTES
from goldenlayers_core.runtime.frames import one_line

_PERIOD: Final = 1.0  # seconds between two lines about how far it is
_REACHED: Final = 10.0  # seconds until an address must have answered
_MOST_HERE: Final = 64  # workers of a cluster of our own


def main() -> int:
    """Do what the first line of stdin asks for."""
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what Ray writes is none of our lines
    asked = json.loads(sys.stdin.readline())
    stop = threading.Event()
    threading.Thread(target=_listen, args=(stop,), daemon=True).start()
    try:
        _tell(told, _done(asked, told, stop))
    except EngineError as sentence:
        _tell(told, {"failed": str(sentence)})
    except Exception as defect:
        _tell(told, {"failed": f"Ray could not go on ({type(defect).__name__}: {one_line(defect)}); look at its logs."})
    return 0


def _listen(stop: threading.Event) -> None:
    sys.stdin.readline()  # a line, or the end of whoever asked
    stop.set()


def _tell(told: IO[str], message: dict[str, Any]) -> None:
    try:
        told.write(json.dumps(message) + "\n")
        told.flush()
    except OSError:  # nobody listens any more
        pass


def _done(asked: dict[str, Any], told: IO[str], stop: threading.Event) -> dict[str, Any]:
    import ray

    adapt()
    _connect(ray, asked)
    began, at, words = time.perf_counter(), 0.0, ""
    try:
        shifts = Shifts(ray, asked)
        while not shifts.over and not stop.is_set():
            shifts.step()
            if time.monotonic() - at > _PERIOD or words != shifts.words:
                at, words = time.monotonic(), shifts.words
                _tell(told, {"share": shifts.share, "words": words})
        shifts.close(stopped=stop.is_set())
        seconds = time.perf_counter() - began
        return {"computed": shifts.computed, "seconds": seconds, "workers": shifts.seen(), "notes": shifts.notes}
    finally:
        ray.shutdown()


def _connect(ray: Any, asked: dict[str, Any]) -> None:
    """Raises EngineError where there is no cluster, or it does not let us in."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    needs, address = asked["resources"], asked["address"]
    try:
        if address:
            ray.init(address=_there(address), **quiet)
            return
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = needs["workers"] or max(cores // needs["cpus"], 1)
        ray.init(
            address="local",
            num_cpus=min(workers, _MOST_HERE) * needs["cpus"],
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            _node_ip_address=HERE,
            **quiet,
        )
    except Exception as error:
        where = f"at {address!r}" if address else "on this machine"
        raise EngineError(
            f"No Ray cluster {where} lets us in ({one_line(error)}); start one with `cluster up`, or leave out "
            "--address for one of the run's own."
        ) from error


def _there(address: str) -> str:
    """The address of a cluster that answers. Raises OSError where nobody listens: Ray would try for minutes."""
    from ray._private.services import canonicalize_bootstrap_address

    found = str(canonicalize_bootstrap_address(address) or "")
    host, colon, port = found.rpartition(":")
    if not colon or not port.isdigit():
        raise OSError("none is running here")
    socket.create_connection((host.strip("[]"), int(port)), _REACHED).close()
    return found


if __name__ == "__main__":
    sys.exit(main())
