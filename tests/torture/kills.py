"""SIGKILL at random moments of the real command line: scoring, sweeping, editing, editing many, covariances, traces and
the conversion of the bundled model into an empty cache folder.

After each: everything in the store opens and nothing is damaged, the same command run again ends well with the answer
of a run that nobody stopped (numbers within a hundred-thousandth, for what is resumed is batched otherwise), no draft
of a model is left, and no temporary file once an hour has passed (their times are set back by two). A command that
ended before its moment is not counted.
"""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from goldenlayers_core.errors import StoreError
from goldenlayers_core.models.drafts import recorded_fingerprint
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime import Store
from tests.lending import lend_models
from tests.torture.flips import ROOT, things
from tests.torture.outcome import Outcome, Tally

TIMES, QUICK = 50, 2
PATIENCE = 900.0
QUICK_EDITS = ("--set", "steps=3", "--set", "n_templates=0")
FACT = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Rome")
COMMANDS: dict[str, tuple[str, ...]] = {
    "score": ("score", "--limit", "8"),
    "sweep": ("sweep", "--limit", "2", "--layers", "0,9", "--steps", "3", "--templates", "0", "--no-estimates"),
    "edit": ("edit", *FACT, "--layer", "5", *QUICK_EDITS, "--out", "OUT"),
    "edit-many": ("edit-many", "--limit", "3", "--layer", "5", *QUICK_EDITS),
    "covariance": ("covariance", "--tokens", "512", "--layers", "0,5"),
    "trace": ("trace", "--limit", "1", "--samples", "2", "--positions", "subject"),
    "conversion": ("score", "--limit", "2"),
}
_OTHERWISE = ("seconds", "seconds_per_edit", "n_computed", "created", "path", "out")  # of an answer, and rightly so


def command(name: str, folder: Path) -> tuple[str, ...]:
    """Its words."""
    said = (str(folder / "edit.safetensors") if word == "OUT" else word for word in COMMANDS[name])
    return (sys.executable, "-m", "goldenlayers_core", *said, "--json")


def start(name: str, folder: Path) -> subprocess.Popen[str]:
    """The command at work on a cache folder."""
    environment = {**os.environ, "GOLDENLAYERS_CACHE": str(folder)}
    with (folder / "said").open("w") as out, (folder / "told").open("w") as err:
        return subprocess.Popen(command(name, folder), cwd=ROOT, env=environment, stdout=out, stderr=err, text=True)


def answer(name: str, folder: Path) -> tuple[Any, float]:
    """What it answers to its end, and its seconds. RuntimeError where it fails."""
    begun = time.monotonic()
    process = start(name, folder)
    if process.wait(PATIENCE) != 0:
        raise RuntimeError(f"{name} ended with {process.returncode}: {(folder / 'told').read_text()[-300:]}")
    return json.loads((folder / "said").read_text()), time.monotonic() - begun


def equal(one: Any, other: Any) -> bool:
    """Whether two answers say the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = (one.keys() | other.keys()) - {*_OTHERWISE}
        return all(name in one and name in other and equal(one[name], other[name]) for name in names)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7)
    return bool(one == other)


def cache(name: str, models: Path) -> Path:
    """A new cache folder, with the converted models but for the conversion."""
    folder = Path(tempfile.mkdtemp(prefix="goldenlayers-kills-"))
    return folder if name == "conversion" else lend_models(folder, models)


def unsound(folder: Path) -> list[str]:
    """What in a cache folder cannot be opened."""
    store = Store(folder)
    found = [f"{problem.path} was damaged" for problem in store.problems()]
    for name, read in things(folder):
        try:
            read(store)
        except StoreError as error:
            found.append(f"{name}: {error}")
    return found


def left(folder: Path) -> list[str]:
    """Temporary files that outlast an hour and a look at the store; drafts of models; weights that changed."""
    for path in folder.rglob(".*.tmp"):
        os.utime(path, (time.time() - 7200,) * 2)
    Store(folder).usage()
    found = [f"{path.name} is left" for path in folder.rglob(".*") if path.name.endswith(".tmp")]
    found += [f"the draft {path.name} is left" for path in folder.glob("models/.making-*")]
    for model in folder.glob("models/*/complete"):
        if model.stat().st_nlink == 1 and recorded_fingerprint(model.parent) != folder_fingerprint(model.parent):
            found.append(f"{model.parent.name} has other weights than it says")
    return found


def killed(name: str, models: Path, seconds: float, oracle: Any) -> tuple[bool, list[str]]:
    """Whether it was at work when it was killed, and what was lost."""
    folder = cache(name, models)
    try:
        process = start(name, folder)
        try:
            process.wait(seconds)
            return False, []
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        bad = unsound(folder)
        again, _ = answer(name, folder)
        if not equal(again, oracle):
            bad.append("run again, it answers otherwise than when nobody stopped it")
        return True, bad + unsound(folder) + left(folder)
    except Exception as error:
        return True, [f"{error!r:.300}"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(times: int = TIMES, seed: int = 0) -> list[Outcome]:
    """The part."""
    tally, r, models = (
        Tally("kills", "SIGKILL at a random moment of a command, then the same command"),
        random.Random(seed),
        cache_root(),
    )
    oracles: dict[str, tuple[Any, float]] = {}
    early, turn = 0, 0
    while tally.times < times and turn < 3 * times:
        name = list(COMMANDS)[turn % len(COMMANDS)]
        turn += 1
        if name not in oracles:
            folder = cache(name, models)
            oracles[name] = answer(name, folder)
            shutil.rmtree(folder, ignore_errors=True)
        oracle, seconds = oracles[name]
        after = r.uniform(0.3, 0.98) * seconds  # before that, a command imports its libraries
        at_work, bad = killed(name, models, after, oracle)
        if not at_work:
            early += 1
            continue
        tally.count(name)
        tally.bad += [f"{name} killed after {after:.2f} s (seed {seed}): {sentence}" for sentence in bad]
    return [tally.outcome(f"{early} ended before their moment")]
