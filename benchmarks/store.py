"""What a store in a bucket costs: requests to it for a sweep, and seconds for reading results, beside a local folder.

    PYTHONPATH=. .venv/bin/python benchmarks/store.py [--rounds 3] [--edits 40]

The bucket is a real S3-speaking server on 127.0.0.1 (localbucket); requests are counted by a proxy before it, through
which reading is not timed. Every round reads each way once, in turn, in new stores; the best of the rounds counts.
"""

import argparse
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.measure import machine
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress, Store, store_at
from goldenlayers_core.tasks import DatasetChoice, open_workbench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.sweep import sweep
from tests.runtime.buckets import URL, Gate, server, surroundings
from tests.runtime.helpers import manifest
from tests.tiny import LAYERS, save_tiny

ROWS, SHARDS, OBJECTS, RUNS = 1_000, 40, 200, 100


def fill(store: Store) -> None:
    """1,000 rows in 40 appends, 200 named results, 100 runs."""
    rng = np.random.default_rng(0)
    for part in np.array_split(np.arange(ROWS), SHARDS):
        values = {f"m{n}": rng.random(len(part)) for n in range(20)}
        store.append_rows("scores", "k", pd.DataFrame({"request": [f"r{n}" for n in part], **values}))
    for n in range(OBJECTS):
        store.save_json("cards", f"c{n}", {"values": rng.random(50).tolist()})
    for n in range(RUNS):
        store.save_run(manifest(f"run{n}"), {"f": pd.DataFrame({"x": [1.0, 2.0]})})


def rows(store: Store) -> None:
    """Read the 1,000 rows."""
    assert len(store.read_rows("scores", "k")) == ROWS


def named(store: Store) -> None:
    """Read every named result, as a list of them is read."""
    assert len([store.load_json("cards", name) for name in store.names("cards")]) == OBJECTS


def listed(store: Store) -> None:
    """List the runs."""
    assert len(store.runs()) == RUNS


def seconds(work: Callable[[Store], None], store: Store) -> float:
    """Of one call."""
    began = time.perf_counter()
    work(store)
    return time.perf_counter() - began


def reading(folder: Path, port: int, rounds: int) -> list[str]:
    """The lines of the table of seconds."""
    os.environ |= {**surroundings(port), "GOLDENLAYERS_STORE": f"{URL}/{uuid.uuid4().hex}"}
    local = folder / "local"
    fill(Store(local))
    fill(store_at(folder / "writer"))
    best: dict[tuple[str, str], float] = {}
    for n in range(rounds):
        for work in (rows, named, listed):
            cold = folder / f"cold-{n}-{work.__name__}"
            for way in ("local", "bucket", "copies"):
                found = seconds(work, Store(local) if way == "local" else store_at(cold))
                best[work.__name__, way] = min(found, best.get((work.__name__, way), found))
    lines = ["| read | local folder, s | bucket, no copy yet, s | ratio | bucket, copies here, s | ratio |"]
    lines.append("|---|---|---|---|---|---|")
    for work in (rows, named, listed):
        local_, far, copies = (best[work.__name__, way] for way in ("local", "bucket", "copies"))
        cells = [f"{local_:.3f}", f"{far:.3f}", f"{far / local_:.1f}", f"{copies:.3f}", f"{copies / local_:.1f}"]
        lines.append(f"| {' | '.join([work.__name__, *cells])} |")
    return lines


def requests(folder: Path, port: int, edits: int) -> str:
    """How often a sweep of a tiny model asks the bucket, by what it asks."""
    save_tiny(folder / "tiny")
    places = [f"Place{n}" for n in range(edits // LAYERS)]
    lines = ["prompt,subject,target_new,target_true", *(f"The capital of {p} is,{p},Rome,Paris" for p in places)]
    (folder / "facts.csv").write_text("\n".join(lines))
    gate = Gate(port)
    os.environ |= {**surroundings(gate.port), "GOLDENLAYERS_STORE": f"{URL}/{uuid.uuid4().hex}"}
    asked = SweepQuestion(
        ModelSource(str(folder / "tiny")),
        DatasetChoice(str(folder / "facts.csv")),
        settings={"steps": 3, "n_templates": 0},
    )
    bench = open_workbench(folder / "sweeping")
    sweep(bench, asked, Progress())
    first = Counter("LIST" if "list-type" in one else one.split()[0] for one in gate.asked)
    gate.asked.clear()
    sweep(bench, asked, Progress())
    again = len(gate.asked)
    bench.close()
    gate.close()
    told = ", ".join(f"{n} {what}" for what, n in sorted(first.items()))
    return f"sweep of {len(places) * LAYERS} edits: {sum(first.values())} requests ({told}); the same again: {again}"


def main() -> None:
    """Print the tables."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--rounds", type=int, default=3)
    given.add_argument("--edits", type=int, default=40)
    options = given.parse_args()
    with TemporaryDirectory() as name, server(Path(name) / "buckets") as port:
        lines = [machine(), "", *reading(Path(name), port, options.rounds), ""]
        lines.append(requests(Path(name), port, options.edits))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
