"""Two servers on one store, a clock that is set back, a full disk and a read-only folder.

Two processes, each with a workbench on the same store, do the same work and work of their own at once; their answers
are those of a single one. Rows, runs and objects are written while the clock and the times of the files jump: the
later one is read. Real commands find a disk that is full after a random number of bytes (a limit on the size of a
file), or a folder mounted read-only: they end well or with a sentence and no traceback, what was stored stays whole,
and the same command ends well as soon as there is room.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import Store
from tests.runtime.helpers import manifest
from tests.tiny import save_tiny
from tests.torture.flips import ROOT, things
from tests.torture.outcome import Outcome, Tally, skipped

TIMES, QUICK = 40, 2  # of the full disk; the clock is set back five times as often
PATIENCE = 600.0
NEAR = 1e-4
FACT = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Rome")
SERVER = """
import sys, time
from pathlib import Path
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, open_workbench
root, model, number, servers = Path(sys.argv[1]), ModelSource(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
bench = open_workbench(root)
bench.model(model)
(root / f"ready-{number}").touch()
while len(list(root.glob("ready-*"))) < servers:
    time.sleep(0.01)
fact = {"case_id": "a", "prompt": "The capital of France is", "subject": "France", "target_true": "Paris"}
quick = {"steps": 2, "n_templates": 0}
asked = [ScoreQuestion(model=model, choice=DatasetChoice("bundled", "all", n)) for n in (2, 6, 12, 24)]
towns = ["Rome", "Oslo", *(("Lima", "Quito") if number in (0, 2) else ()), *(("Bern", "Cairo") if number else ())]
asked += [EditQuestion(model=model, request={**fact, "target_new": t}, layer=1, settings=quick) for t in towns]
jobs = [bench.submit(question, "work") for question in asked]
for job in jobs:
    done = bench.queue_of(job).wait(job, 300)
    if done.state != "done":
        sys.exit(f"{job} ended as {done.state}: {done.error}")
bench.close()
sys.stdout.write(str(len(jobs)))
"""


def environment(folder: Path) -> dict[str, str]:
    """For a process on a cache folder."""
    return {**os.environ, "GOLDENLAYERS_CACHE": str(folder), "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}


def told(store: Store, folder: Path) -> dict[str, Any]:
    """What runs and tables hold, without when and how fast it was made."""
    found: dict[str, Any] = {}
    for name, read in things(folder):
        value = read(store)
        if name.startswith("table") and "seconds" not in value:
            found[name] = value
        elif name.startswith("run"):
            found[name] = {n: frame for n, frame in value["frames"].items() if "seconds" not in frame}
    return found


def alike(one: Any, other: Any) -> bool:
    """Equal, numbers to `NEAR` of the largest beside them: two servers share the requests out to other batches than
    one, and a sum of small numbers of both signs keeps fewer digits than its terms."""
    if isinstance(one, pd.DataFrame):
        return (
            isinstance(other, pd.DataFrame)
            and list(one.dtypes.items()) == list(other.dtypes.items())
            and all(alike(in_order(one)[name].tolist(), in_order(other)[name].tolist()) for name in one)
        )
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(alike(one[n], other[n]) for n in one)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        if all(isinstance(value, float) for value in (*one, *other)):
            return alike(np.array(one), np.array(other))
        return all(alike(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, np.ndarray) and one.dtype.kind == "f" and np.shape(one) == np.shape(other):
        largest = float(np.nanmax(np.abs(one), initial=0.0))
        return bool(np.allclose(one, other, rtol=0.0, atol=NEAR * largest, equal_nan=True))
    return bool(np.array_equal(one, other))


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Its rows by what names a row: who wrote first is nobody's business."""
    names = [name for name in ("request", "layer") if name in frame]
    return frame.sort_values(names, kind="stable") if names else frame


def servers(folder: Path, model: Path, numbers: Sequence[int]) -> int:
    """How many jobs so many servers did at once on a store. RuntimeError where one did not."""
    folder.mkdir()
    words = [[sys.executable, "-c", SERVER, str(folder), str(model), str(n), str(len(numbers))] for n in numbers]
    pipe = subprocess.PIPE
    made = [subprocess.Popen(w, cwd=ROOT, env=environment(folder), stdout=pipe, stderr=pipe, text=True) for w in words]
    n_jobs = 0
    for process in made:
        out, err = process.communicate(timeout=PATIENCE)
        if process.returncode != 0:
            raise RuntimeError(err[-300:])
        n_jobs += int(out)
    return n_jobs


def two_servers(folder: Path, model: Path, rounds: int) -> Outcome:
    """Number 0 and 1 at once; number 2 does the work of both alone."""
    tally = Tally("disk", "jobs of two servers on one store")
    servers(folder / "alone", model, (2,))
    alone = told(Store(folder / "alone"), folder / "alone")
    for turn in range(rounds):
        place = folder / f"both-{turn}"
        try:
            for _job in range(servers(place, model, (0, 1))):
                tally.count("done")
            store = Store(place)
            both = told(store, place)
            tally.bad += [f"{name} is another" for name in alone if not alike(alone[name], both.get(name))]
            tally.bad += [f"{name} is nobody's" for name in both.keys() - alone.keys()]
            tally.bad += [f"{problem.path} was damaged" for problem in store.problems()]
        except (RuntimeError, StoreError, subprocess.TimeoutExpired) as error:
            tally.lose(f"two servers: {error!r:.300}")
    return tally.outcome(f"{len(alone)} runs and tables compared with one server's")


def clock_back(folder: Path, times: int, r: random.Random) -> Outcome:
    """The later one is read, whatever the clock and the files say."""
    tally, year = Tally("disk", "writes while clock and file times jump"), 365 * 24 * 3600
    for step in range(times):
        at = time.time() + r.uniform(-3, 1) * year
        with mock.patch("time.time_ns", lambda at=at: int(at * 1e9)), mock.patch("time.time", lambda at=at: at):
            store = Store(folder)
            store.append_rows("scores", "k", pd.DataFrame({"request": ["a"], "value": [float(step)]}))
            store.save_run(manifest("r", title=str(step)), {"f": pd.DataFrame({"x": [step]})}, {"t": str(step)})
            store.save_json("cards", "c", {"step": step})
        for path in [p for p in folder.rglob("*") if p.is_file() and r.random() < 0.5]:
            os.utime(path, (r.uniform(0, 2**31),) * 2)
        store = Store(folder)
        run = store.load_run("r")
        seen = (store.read_rows("scores", "k")["value"].tolist(), run.texts["t"], run.manifest.title)
        if seen != ([float(step)], str(step), str(step)) or store.load_json("cards", "c") != {"step": step}:
            tally.lose(f"step {step}: an earlier write is read ({seen})")
        tally.count("read as written last")
    tally.bad += [f"{problem.path} was damaged" for problem in Store(folder).problems()]
    return tally.outcome()


def commands(model: Path, folder: Path) -> dict[str, tuple[str, ...]]:
    """What is asked for on a bad disk."""
    quick, on = ("--set", "steps=2", "--set", "n_templates=0"), ("--model", str(model))
    return {
        "score": ("score", *on, "--limit", "12"),
        "sweep": ("sweep", *on, "--limit", "3", "--steps", "2", "--templates", "0"),
        "edit": ("edit", *on, *FACT, "--layer", "1", *quick, "--out", str(folder / "e.safetensors")),
        "covariance": ("covariance", *on, "--tokens", "128"),
        "edit-many": ("edit-many", *on, "--limit", "3", "--layer", "1", *quick),
        "trace": ("trace", *on, "--limit", "1", "--samples", "2"),
    }


def ran(folder: Path, words: Sequence[str], before: Sequence[str] = (), most: int = -1) -> tuple[int, str, str]:
    """Exit status and both outputs of a command whose files hold at most so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        [*before, sys.executable, "-m", "goldenlayers_core", *words],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=limit if most >= 0 else None,
    )
    return done.returncode, done.stdout, done.stderr


def judged(tally: Tally, where: str, code: int, err: str) -> None:
    """It ended well, or with a sentence."""
    lines = [line for line in err.splitlines() if line.strip()]
    if "Traceback" in err or code < 0 or (code != 0 and not lines):
        tally.lose(f"{where}: ended with {code}: {err[-200:]!r}")
        tally.count("lost")
    else:
        tally.count("ended well all the same" if code == 0 else "refused in a sentence")


def whole(tally: Tally, where: str, folder: Path) -> None:
    """Everything that is stored can be opened."""
    store = Store(folder)
    tally.bad += [f"{where}: {problem.path} was damaged" for problem in store.problems()]
    for name, read in things(folder):
        try:
            read(store)
        except StoreError as error:
            tally.lose(f"{where}: {name}: {error}")
    tally.bad += [f"{where}: {path.name} is left" for path in folder.rglob(".*.tmp")]


def full(folder: Path, model: Path, times: int, r: random.Random) -> Outcome:
    """The disk is full after so many bytes; then there is room again."""
    tally = Tally("disk", "commands on a full disk")
    for turn in range(times):
        place = folder / f"full-{turn}"
        place.mkdir()
        name, words = r.choice(list(commands(model, place).items()))
        most = int(2 ** r.uniform(0, 16))
        where = f"{name} with {most} bytes"
        code, _, err = ran(place, words, most=most)
        judged(tally, where, code, err)
        whole(tally, where, place)
        code, _, err = ran(place, words)
        if code != 0:
            tally.lose(f"{where}, then with room: ended with {code}: {err[-200:]!r}")
        whole(tally, where, place)
    return tally.outcome("" if tally.bad else "each ended well as soon as there was room")


def read_only(folder: Path, model: Path, times: int) -> Outcome:
    """A store mounted read-only, seen by the command alone: nothing in it changes, and it is said."""
    said = "commands on a read-only folder"
    mount = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"')
    folder.mkdir()
    if os.getuid() != 0 or not shutil.which("unshare"):
        return skipped("disk", said, "only root can mount")
    if subprocess.run([*mount, str(folder), "true"], capture_output=True, check=False).returncode != 0:
        return skipped("disk", said, "no mounts are allowed here")
    tally = Tally("disk", said)
    every = commands(model, folder)
    ran(folder, every["score"])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name in list(every)[:times]:
        code, _, err = ran(folder, every[name], (*mount, str(folder)))
        judged(tally, name, code, err)
        if {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} != before:
            tally.lose(f"{name}: the folder changed")
    return tally.outcome()


@contextmanager
def place() -> Iterator[tuple[Path, Path]]:
    """A folder, and a tiny model; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="goldenlayers-disk-") as name:
        yield Path(name), save_tiny(Path(name) / "tiny")


def run(times: int = TIMES, seed: int = 0) -> list[Outcome]:
    """The part."""
    r = random.Random(seed)
    with place() as (folder, model):
        parts: tuple[Callable[[], Outcome], ...] = (
            lambda: two_servers(folder, model, max(1, times // 10)),
            lambda: clock_back(folder / "clock", 5 * times, r),
            lambda: full(folder, model, times, r),
            lambda: read_only(folder / "closed", model, times),
        )
        return [part() for part in parts]
