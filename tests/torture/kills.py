"""SIGKILL at random moments of the real command line: scoring, sweeping, editing, editing many, covariances, traces,
the conversion of the bundled model into an empty cache folder, downloads of a model and of a dataset's file from a slow
hub on 127.0.0.1, and exports of an adapter and of a merged checkpoint.

After each: everything in the store opens and nothing is damaged; an export is there whole or not at all; the same
command run again ends well with the answer of a run that nobody stopped (numbers within a hundred-thousandth, for what
is resumed is batched otherwise), and with the same files, byte by byte, where it writes some; no draft of a model or an
export and no part of a download is left, and no temporary file once an hour has passed (their times are set back by
two). A command that ended before its moment is not counted.
"""

import hashlib
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenlayers_core.errors import StoreError
from goldenlayers_core.models.drafts import recorded_fingerprint
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime import Store
from tests.lending import lend_models
from tests.models.hub_server import running_hub
from tests.tiny import save_tiny
from tests.torture.flips import ROOT, things
from tests.torture.outcome import Outcome, Tally

TIMES, QUICK = 50, 2
PATIENCE = 900.0
QUICK_EDITS = ("--set", "steps=3", "--set", "n_templates=0")
FACT = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Rome")
EXPORT = ("export", "--edit", "EDIT", "--out", "OUT", "--format")
COMMANDS: dict[str, tuple[str, ...]] = {
    "model download": ("score", "--limit", "2", "--model", "someone/tiny"),
    "score": ("score", "--limit", "8"),
    "sweep": ("sweep", "--limit", "2", "--layers", "0,9", "--steps", "3", "--templates", "0", "--no-estimates"),
    "merged export": (*EXPORT, "merged"),
    "edit": ("edit", *FACT, "--layer", "5", *QUICK_EDITS, "--out", "OUT"),
    "edit-many": ("edit-many", "--limit", "3", "--layer", "5", *QUICK_EDITS),
    "covariance": ("covariance", "--tokens", "512", "--layers", "0,5"),
    "text download": ("covariance", "--tokens", "512", "--layers", "0,5", "--source", "hub:someone/corpus/text.txt"),
    "adapter export": (*EXPORT, "peft"),
    "trace": ("trace", "--limit", "1", "--samples", "2", "--positions", "subject"),
    "conversion": ("score", "--limit", "2"),
}
CHOSEN = tuple(COMMANDS)  # in turn
_OTHERWISE = ("seconds", "seconds_per_edit", "n_computed", "created", "path", "out")  # of an answer, and rightly so
_PAUSE = 0.25  # seconds before each twentieth of a file that is fetched


@dataclass(frozen=True)
class Place:
    """What every command starts from: the converted models, an edit file, a hub."""

    models: Path
    edit: Path
    hub: str

    def cache(self, name: str) -> Path:
        """A new cache folder, with the converted models but for the conversion."""
        folder = Path(tempfile.mkdtemp(prefix="goldenlayers-kills-"))
        return folder if name == "conversion" else lend_models(folder, self.models)

    def start(self, name: str, folder: Path) -> subprocess.Popen[str]:
        """The command at work on a cache folder."""
        place = folder / ("taken" if "export" in name else "edit.safetensors")
        words = {"OUT": str(place), "EDIT": str(self.edit)}
        said = (sys.executable, "-m", "goldenlayers_core", *(words.get(w, w) for w in COMMANDS[name]), "--json")
        there = {"GOLDENLAYERS_CACHE": str(folder), "HF_HOME": str(folder / "hub"), "HF_ENDPOINT": self.hub}
        with (folder / "said").open("w") as out, (folder / "told").open("w") as err:
            return subprocess.Popen(said, cwd=ROOT, env={**os.environ, **there}, stdout=out, stderr=err, text=True)


@contextmanager
def place() -> Iterator[Place]:
    """A hub with a tiny model and a text, an edit file; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="goldenlayers-kills-") as name, running_hub() as hub:
        folder, hub.pause = Path(name), _PAUSE
        hub.repositories["someone/tiny"] = save_tiny(folder / "tiny")
        (folder / "corpus").mkdir()
        (folder / "corpus" / "text.txt").write_text("The capital of France is Paris, a town on the Seine. " * 400)
        hub.repositories["someone/corpus"] = folder / "corpus"
        made = Place(cache_root(), folder / "edit.safetensors", hub.url)
        store = made.cache("edit")
        answer(made, "edit", store)
        shutil.copy(store / "edit.safetensors", made.edit)
        shutil.rmtree(store)
        yield made


def answer(place: Place, name: str, folder: Path) -> tuple[Any, float]:
    """What it answers to its end, with the files it took away, and its seconds. RuntimeError where it fails."""
    begun = time.monotonic()
    process = place.start(name, folder)
    if process.wait(PATIENCE) != 0:
        raise RuntimeError(f"{name} ended with {process.returncode}: {(folder / 'told').read_text()[-300:]}")
    seconds = time.monotonic() - begun
    return {"said": json.loads((folder / "said").read_text()), "taken": taken(folder)}, seconds


def taken(folder: Path) -> dict[str, str]:
    """The files of an export: name -> digest, but for where the model lies."""
    files = sorted(path for path in (folder / "taken").glob("**/*") if path.is_file())
    read = ((path.name, path.read_bytes().replace(str(folder).encode(), b"CACHE")) for path in files)
    return {name: hashlib.sha256(data).hexdigest() for name, data in read}


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
    found += [f"the draft {path.name} is left" for path in folder.rglob(".making-*")]
    found += [f"{path.name} is left of a download" for path in folder.rglob("*.incomplete")]
    for model in folder.glob("models/*/complete"):
        if model.stat().st_nlink == 1 and recorded_fingerprint(model.parent) != folder_fingerprint(model.parent):
            found.append(f"{model.parent.name} has other weights than it says")
    return found


def killed(place: Place, name: str, seconds: float, oracle: Any) -> tuple[bool, list[str]]:
    """Whether it was at work when it was killed, and what was lost."""
    folder = place.cache(name)
    try:
        process = place.start(name, folder)
        try:
            process.wait(seconds)
            return False, []
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        bad = unsound(folder)
        if (folder / "taken").exists():
            bad += [] if taken(folder) == oracle["taken"] else ["what it took away is not whole"]
            shutil.rmtree(folder / "taken")
        again, _ = answer(place, name, folder)
        if not equal(again, oracle):
            bad.append("run again, it answers otherwise than when nobody stopped it")
        return True, bad + unsound(folder) + left(folder)
    except Exception as error:
        return True, [f"{error!r:.300}"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(times: int = TIMES, seed: int = 0, patience: float = math.inf) -> list[Outcome]:
    """The part; after so many seconds no further kill is begun."""
    tally = Tally("kills", "SIGKILL at a random moment of a command, then the same command")
    r, oracles, early, turn = random.Random(seed), dict[str, tuple[Any, float]](), 0, 0
    with place() as there:
        while tally.times < times and turn < 3 * times and time.monotonic() < tally.began + patience:
            name = CHOSEN[turn % len(CHOSEN)]
            turn += 1
            if name not in oracles:
                folder = there.cache(name)
                oracles[name] = answer(there, name, folder)
                shutil.rmtree(folder, ignore_errors=True)
            oracle, seconds = oracles[name]
            after = r.uniform(0.3, 0.98) * seconds  # before that, a command imports its libraries
            at_work, bad = killed(there, name, after, oracle)
            if not at_work:
                early += 1
                continue
            tally.count(name)
            tally.bad += [f"{name} killed after {after:.2f} s (seed {seed}): {sentence}" for sentence in bad]
    return [tally.outcome(f"{early} ended before their moment")]
