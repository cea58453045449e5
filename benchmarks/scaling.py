"""One sweep as one process, on a Ray cluster whose worker is killed in the middle, and as four shell processes:
`python -m benchmarks.scaling [--limit 8] [--layers 0,6,12] [--ways one,ray,shards]`. Memory as Linux tells it.

Each way is what docs/scaling.md shows, with a store of its own. Printed are processor and wall seconds, memory, and
whether the sweeps are equal; the status is 1 where they are not, or no worker was killed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.measure import machine
from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime.engines.memory import held

MIB: Final = 2**20
SHARDS: Final = 4
_CALL: Final = (sys.executable, "-m", "goldenlayers_core")
_TOLD: Final = ("--no-estimates", "--json")  # what LGA and others pick would be computed beside the sweep
_SAME: Final = ("golden_layer", "layers", "requests")  # of what `sweep --json` prints: all but seconds
_LOOK: Final = 0.2  # seconds between two looks at the processes
_ACTOR: Final = "ray::Actor"  # how Ray calls a worker's process


@dataclass
class Watch:
    """What a program and all its children take, seen from outside; `kill_at`: processor seconds at which one of Ray's
    workers is killed, once."""

    name: str
    root: psutil.Process
    kill_at: float = 0.0
    busy: dict[int, float] = field(default_factory=dict)  # processor seconds
    pss: dict[int, int] = field(default_factory=dict)  # bytes, at most
    rss: dict[int, int] = field(default_factory=dict)
    together: int = 0  # bytes, at most at one time
    actors: set[int] = field(default_factory=set)
    killed: int = 0

    def look(self) -> None:
        """Once; processes that have ended meanwhile keep what was seen of them."""
        now = 0
        for process in self._family():
            with suppress(psutil.Error):
                pid, times, title = process.pid, process.cpu_times(), "".join(process.cmdline()[:1])
                pss, rss = held(str(pid))
                self.busy[pid] = times.user + times.system
                self.pss[pid], self.rss[pid] = max(pss, self.pss.get(pid, 0)), max(rss, self.rss.get(pid, 0))
                now += pss
                if title.startswith(_ACTOR):
                    self._actor(process)
        self.together = max(now, self.together)

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self.root, *self.root.children(recursive=True)]
        return []

    def _actor(self, process: psutil.Process) -> None:
        self.actors.add(process.pid)
        if self.kill_at and not self.killed and self.busy[process.pid] > self.kill_at:
            self.killed = process.pid
            process.kill()


@dataclass(frozen=True)
class Ran:
    """A program that has ended."""

    seen: Watch
    wall: float
    out: str
    err: str

    @property
    def row(self) -> str:
        """Of the table."""
        own = self.seen.root.pid
        numbers = (sum(self.seen.busy.values()), self.wall)
        memory = (self.seen.rss.get(own, 0), self.seen.pss.get(own, 0), self.seen.together)
        return f"| {self.seen.name} | " + " | ".join(
            [*(f"{n:.1f}" for n in numbers), *(f"{n / MIB:,.0f}" for n in memory)]
        )


def ran(calls: dict[str, Sequence[str]], folder: Path, kill_at: float = 0.0) -> list[Ran]:
    """Run programs at once and wait for all. Raises RuntimeError with the words of one that failed."""
    env = {**os.environ, "GOLDENLAYERS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    began, started, ended = time.perf_counter(), list[tuple[Watch, subprocess.Popen[str]]](), dict[str, Ran]()
    for name, call in calls.items():
        process = subprocess.Popen([*_CALL, *call], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append((Watch(name, psutil.Process(process.pid), kill_at), process))

    def wait(watch: Watch, process: "subprocess.Popen[str]") -> None:
        out, err = process.communicate()
        ended[watch.name] = Ran(watch, time.perf_counter() - began, out, err)

    threads = [threading.Thread(target=wait, args=pair) for pair in started]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for watch, process in started:
            if process.poll() is None:
                watch.look()
        time.sleep(_LOOK)
    for watch, process in started:
        if process.returncode:
            raise RuntimeError(f"{watch.name} ended with {process.returncode}: {ended[watch.name].err[-500:]}")
    return [ended[name] for name in calls]


def one(options: Sequence[str], folder: Path) -> tuple[list[Ran], Any]:
    """`sweep` in one process."""
    done = ran({"`sweep` in one process": ["sweep", *options, *_TOLD]}, folder)
    return done, json.loads(done[0].out)


def ray(options: Sequence[str], folder: Path, kill_at: float = 16.0) -> tuple[list[Ran], Any]:
    """`sweep --engine ray`, two workers, one of them killed. Raises RuntimeError where none was."""
    call = ["sweep", *options, "--engine", "ray", "--workers", "2", *_TOLD]
    done = ran({"`sweep --engine ray`, a worker killed": call}, folder, kill_at)
    seen = done[0].seen
    if not seen.killed or "A worker was lost" not in done[0].err:
        raise RuntimeError(f"No worker was killed at work: {done[0].err[-500:]}")
    write = sys.stdout.write
    for pid in sorted(seen.actors):
        words = "killed" if pid == seen.killed else "at the end"
        write(f"actor {pid}, {words}: {seen.busy[pid]:.1f} processor s, ")
        write(f"at most PSS {seen.pss[pid] / MIB:,.0f} MiB, RSS {seen.rss[pid] / MIB:,.0f} MiB\n")
    write("".join(f"{line}\n" for line in done[0].err.splitlines() if line.startswith(("  worker", "A worker"))))
    return done, json.loads(done[0].out)


def shards(options: Sequence[str], folder: Path) -> tuple[list[Ran], Any]:
    """A plan, its shards in four processes at once, and the merge."""
    plan = str(folder / "plan.json")
    first = ran({"`plan`": ["plan", "sweep", *options, "--out", plan]}, folder)
    calls = {f"`shard` {i}": ["shard", plan, "--index", str(i), "--of", str(SHARDS)] for i in range(SHARDS)}
    middle = ran(calls, folder)
    last = ran({"`merge`": ["merge", plan, *_TOLD]}, folder)
    return [*first, *middle, *last], json.loads(last[0].out)


WAYS: Final[dict[str, Callable[[Sequence[str], Path], tuple[list[Ran], Any]]]] = {
    "one": one,
    "ray": ray,
    "shards": shards,
}


def main() -> int:
    """Print the table as it grows; 1 where two ways differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", default="8")
    parser.add_argument("--layers", default="0,6,12,18,24,29")
    parser.add_argument("--ways", default=",".join(WAYS))
    given, write, found = parser.parse_args(), sys.stdout.write, dict[str, Any]()
    write(f"{machine()}; load {os.getloadavg()[0]:.1f}\n")
    write("| | processor s | wall s | RSS, MiB | PSS, MiB | PSS of it and its children |\n")
    write("| --- | --: | --: | --: | --: | --: |\n")
    for way in given.ways.split(","):
        with tempfile.TemporaryDirectory(prefix="gs", dir="/tmp") as name:  # nosec B108  # sockets have short names
            folder = Path(name)
            (folder / "cache").mkdir()
            (folder / "cache" / "models").symlink_to(cache_root() / "models")
            done, found[way] = WAYS[way](["--limit", given.limit, "--layers", given.layers], folder)
        write("".join(f"{one.row} |\n" for one in done))
        sys.stdout.flush()
    kept = {way: {part: answer[part] for part in _SAME} for way, answer in found.items()}
    equal = all(answer == next(iter(kept.values())) for answer in kept.values())
    write(f"{', '.join(kept)}: {'equal to the last bit' if equal else 'DIFFERENT'}\n")
    return int(not equal)


if __name__ == "__main__":
    sys.exit(main())
