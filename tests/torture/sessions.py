"""Many sessions at once on one real model: browsers, each time a new one, and beside them seats of desks of their own
in the server's process, all at one store.

They ask for edits, scores and predictions, with an edit over the model and without, and cancel and resume some of it;
every answer is compared with what one session alone was told before. At the end the weights in memory are those of
the beginning, bit by bit, no hook hangs on any module and no parameter has a gradient; and the server, told to end
while a sweep runs, ends well and leaves the sweep to be resumed. Memory is the resident set of the server's process
after a collection and malloc_trim, forty times or more: the median of the last quarter of the time may be at most 5 %
above that of the second quarter (the first is the warm-up). It is judged only where this took four minutes or more.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime.job_records import CLOSED, JobFolder
from tests.browser.running import free_port
from tests.conftest import browser_path
from tests.lending import lend_models
from tests.torture.flips import ROOT
from tests.torture.kills import unsound
from tests.torture.outcome import Outcome, Tally

TIMES, QUICK = 600, 20  # seconds
SESSIONS = 20
PATIENCE = 2400.0
FLAT = 1.05
LONG = 240.0  # seconds from which on memory is judged


def started(folder: Path, module: str, *words: object) -> subprocess.Popen[str]:
    """One of the part's processes, on a cache folder; what it says lies there."""
    environment = {**os.environ, "GOLDENLAYERS_CACHE": str(folder), "PYTHONPATH": str(ROOT)}
    environment |= {"GOLDENLAYERS_DESKS": "apart", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", f"tests.torture.{module}", *map(str, words)]
    with (folder / f"{module}.log").open("a") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True)


def until(path: Path, process: subprocess.Popen[str], seconds: float) -> None:
    """Wait for a file. RuntimeError where the process ends before."""
    end = time.monotonic() + seconds
    while not path.exists():
        failed = path.parent / "failed"
        if process.poll() is not None or failed.exists() or time.monotonic() > end:
            said = failed.read_text() if failed.exists() else (path.parent / "hosted.log").read_text()[-600:]
            raise RuntimeError(f"{path.name} did not come ({process.poll()}): {said}")
        time.sleep(0.2)


def growth(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """Median MiB of the second and of the last quarter of the time."""
    last = memory[-1][0]
    second = [size for at, size in memory if last / 4 <= at < last / 2]
    return statistics.median(second or [memory[0][1]]), statistics.median(s for at, s in memory if at >= 3 * last / 4)


def model_and_memory(found: dict[str, Any], tally: Tally, seconds: float) -> str:
    """Losses of the model and of memory; in words what the memory was."""
    before, after = found["before"], found["after"]
    if after["weights"] != before["weights"]:
        tally.lose("the weights are others than at the beginning")
    if after["hooks"]:
        tally.lose(f"{after['hooks']} hooks are left on the model")
    tally.bad += [f"{name} has a gradient" for name in after["gradients"]]
    early, late = growth(found["memory"])
    if seconds >= LONG and late > FLAT * early:
        tally.lose(f"memory grew from {early:.0f} to {late:.0f} MiB")
    judged = "" if seconds >= LONG else ", too short to judge"
    return f"weights bit-identical, no hook left; memory {early:,.0f} to {late:,.0f} MiB{judged}"


def ended(server: subprocess.Popen[str], folder: Path, tally: Tally) -> None:
    """The server is told to end while a sweep runs; it ends well, and the sweep can be resumed."""
    server.send_signal(signal.SIGTERM)
    code = server.wait(PATIENCE)
    log = (folder / "hosted.log").read_text()
    if code not in (0, -signal.SIGTERM) or "terminate called" in log or "Fatal Python error" in log:
        tally.lose(f"the server, told to end while a sweep ran, ended with {code}: {log[-200:]!r}")
    jobs = JobFolder(folder / "jobs" / "slow")
    views = [view for name in jobs.job_ids() if (view := jobs.view(name, None)) and view.kind == "sweep"]
    if [(view.state, view.error) for view in views] != [("interrupted", CLOSED)]:
        tally.lose(f"the sweep of the server that ended is {[(view.state, view.error) for view in views]}")


def stopped(process: subprocess.Popen[str], patience: float) -> None:
    """Wait for its end, and make an end of it after so many seconds."""
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(times: int = TIMES, seed: int = 0) -> list[Outcome]:
    """The part, for so many seconds."""
    long = times >= LONG
    n_facts, browsers = (6 if long else 1), (3 if long else 1) if browser_path() else 0
    tally = Tally("sessions", f"answers to {SESSIONS} sessions on one model, {browsers} of them real browsers")
    with tempfile.TemporaryDirectory(prefix="goldenlayers-sessions-") as name:
        folder, alone = lend_models(Path(name) / "many", cache_root()), lend_models(Path(name) / "alone", cache_root())
        if (code := started(alone, "hosted", "oracle", n_facts).wait(PATIENCE)) != 0:
            raise RuntimeError(f"The oracle ended with {code}: {(alone / 'hosted.log').read_text()[-600:]}")
        (folder / "oracle.json").write_bytes((alone / "oracle.json").read_bytes())
        port = free_port()
        server = started(folder, "hosted", "serve", n_facts, SESSIONS - browsers, times, port)
        visitors: subprocess.Popen[str] | None = None
        try:
            until(folder / "begun", server, PATIENCE)
            if browsers:
                address = f"http://127.0.0.1:{port}"
                visitors = started(folder, "browsing", address, browsers, times, n_facts, seed)
            else:
                (folder / "browsed.json").write_text(json.dumps({"edits": 0, "bad": []}))
            until(folder / "done.json", server, times + PATIENCE)
            ended(server, folder, tally)
        finally:
            stopped(server, 0.0)
            if visitors:
                stopped(visitors, 60.0)
        found, seen = (json.loads((folder / f"{name}.json").read_text()) for name in ("done", "browsed"))
        for kind, number in {**found["counts"], "edit in a browser": seen["edits"]}.items():
            tally.times += number
            tally.counts[kind] = number
        tally.bad += [*found["bad"], *seen["bad"], *unsound(folder)]
        return [tally.outcome(model_and_memory(found, tally, times))]
