"""The server of the part `sessions`: the app, and beside its browsers sessions that live in the same process.

    python -m tests.torture.hosted oracle FACTS
    python -m tests.torture.hosted serve FACTS SESSIONS SECONDS PORT

`oracle` answers every ask once, in one session. `serve` starts the app on a port; its workbench also answers the seats
of so many threads, each at a desk of its own, and when they are done the state of the model is written beside what
they were told. Both write into the cache folder, and end with work under way.
"""

import ctypes
import gc
import json
import os
import random
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import DatasetChoice, Workbench, open_workbench
from goldenlayers_core.tasks.apart import DeskBench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.seat import Seat
from tests.torture.asks import Ask, answered, oracle, plain, pool, same

_MEASURES = 40  # looks at the memory: each takes a second of a busy processor
_DISTURBED = 0.15  # of the asks are cancelled and gone on with


@dataclass
class Told:
    """What the sessions were told. Guarded by its lock."""

    counts: dict[str, int] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds since the begin, MiB
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str) -> None:
        """One more answer."""
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def lose(self, sentence: str) -> None:
        """One that was wrong."""
        with self.lock:
            self.bad.append(sentence)


def seat_at(bench: Workbench, name: str) -> Seat:
    """A seat at a desk of its own, as a page takes it where desks are apart."""
    return Seat(DeskBench(bench, name), name, "tab", apart=True)


def session(bench: Workbench, number: int, asks: Sequence[Ask], right: dict[str, Any], end: float, told: Told) -> None:
    """One person, until the time is over: asks, compares, and looks whether another's work is shown."""
    seat, r = seat_at(bench, f"desk{number:028d}"), random.Random(f"session {number}")
    while time.monotonic() < end:
        ask = r.choice(asks)
        try:
            answer = plain(answered(seat, ask, disturb=r.random() < _DISTURBED))
            if not same(answer, right[ask.name]):
                told.lose(f"session {number}: {ask.name} is {answer}, alone it was {right[ask.name]}"[:600])
            told.count(ask.kind)
        except Exception as error:
            told.lose(f"session {number}: {ask.name}: {error!r:.300}")
        strange = [job.title for job in seat.jobs() if job.title not in right]
        told.bad += [f"session {number} is shown {title!r}, which is another's" for title in strange]


def state(bench: Workbench) -> dict[str, Any]:
    """The digest of the weights in memory, and how many hooks and which gradients hang on the model."""
    from goldenlayers_core.models.fingerprint import weights_digest
    from goldenlayers_core.models.hooks import hooks_on

    handle = bench.model(ModelSource())
    with handle.lock:
        held = [n for n, p in handle.model.named_parameters() if p.grad is not None or p.requires_grad]
        return {"weights": weights_digest(handle.model), "hooks": hooks_on(handle.model), "gradients": held}


def resident() -> float:
    """MiB of this process in memory, after a collection, and after the allocator gave back what it holds unused."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def worked(bench: Workbench, n_facts: int, sessions: int, seconds: float, folder: Path) -> None:
    """The sessions, and what is there when they are over; then a sweep, so that the server ends with work under way."""
    asks, right, told = pool(n_facts), json.loads((folder / "oracle.json").read_text()), Told()
    before = state(bench)
    begun, threads = time.monotonic(), []
    for number in range(sessions):
        arguments = (bench, number, asks, right, begun + seconds, told)
        threads.append(threading.Thread(target=session, args=arguments, name=f"session-{number}"))
        threads[-1].start()
    (folder / "begun").touch()
    while any(thread.is_alive() for thread in threads) or not (folder / "browsed.json").exists():
        time.sleep(seconds / _MEASURES)
        told.memory.append((time.monotonic() - begun, resident()))
    found = {"counts": told.counts, "bad": told.bad, "memory": told.memory, "before": before, "after": state(bench)}
    sweep = bench.submit(SweepQuestion(choice=DatasetChoice("bundled", "all", 32)), "A sweep")
    while bench.job(sweep).state == "queued":
        time.sleep(0.05)
    (folder / "done.json.part").write_text(json.dumps(found))
    (folder / "done.json.part").rename(folder / "done.json")


def attempt(folder: Path, *arguments: Any) -> None:
    """`worked`; what it raises is written down, for nobody waits for this thread."""
    try:
        worked(*arguments, folder)
    except BaseException as error:
        (folder / "failed").write_text(repr(error))
        raise


def serve(n_facts: int, sessions: int, seconds: float, port: int) -> None:
    """The app in this process, and the sessions beside it; until a signal ends it."""
    from streamlit.web import cli

    from pages._shared.cached import server_workbench

    bench = server_workbench()
    bench.model(ModelSource())
    work = (cache_root(), bench, n_facts, sessions, seconds)
    threading.Thread(target=attempt, args=work, name="sessions", daemon=True).start()
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    cli.main(["run", "app.py", *options])


def main(words: Sequence[str]) -> None:
    """See above."""
    n_facts = int(words[1])
    if words[0] == "oracle":
        bench = open_workbench()
        found = oracle(seat_at(bench, "desk-of-the-oracle"), pool(n_facts))
        (cache_root() / "oracle.json").write_text(json.dumps(found))
        bench.close()
    else:
        serve(n_facts, int(words[2]), float(words[3]), int(words[4]))


if __name__ == "__main__":
    main(sys.argv[1:])
