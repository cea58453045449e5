"""LGA in memory against layer by layer from disk: `python -m benchmarks.streamed [--model bundled] [--limit 24]`.

Each is a process of its own, on a processor. Layer by layer gets room for a quarter of the weights. Memory is the
resident size and the anonymous part of it, sampled every 20 ms; PSS would be smaller where others map the same weights.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measure import machine
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import LayerScores
from goldenlayers_core.results.fit import MIB
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench

WAYS: Final = ("opened, nothing scored", "in memory", "layer by layer")
_SHARE: Final = 4  # of the weights, layer by layer
_EVERY: Final = 0.02


class _Peak(threading.Thread):
    """The largest anonymous memory and resident size of this process until it is stopped; bytes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.anonymous = self.resident = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(_EVERY):
            told = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
            found = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in told[1:]}
            self.anonymous = max(self.anonymous, found["Anonymous"])
            self.resident = max(self.resident, found["Rss"])


def one(way: str, model: str, limit: int, weights: int) -> dict[str, Any]:
    """In a process of its own: what it took, and what it found."""
    question = ScoreQuestion(ModelSource(model, None, "cpu", "float32"), DatasetChoice(limit=limit))
    from goldenlayers_core.models.streaming import open_streamed
    from goldenlayers_core.tasks.scores.layer_by_layer import scores_layer_by_layer
    from goldenlayers_core.tasks.scores.layer_scores import layer_scores

    peak = _Peak()
    peak.start()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(cache_root() / "models")
        bench, start, processor = open_workbench(Path(folder)), time.perf_counter(), time.process_time()
        scores: LayerScores | None = None
        if way == "layer by layer":
            scores, _ = scores_layer_by_layer(bench, question, Progress(), weights // _SHARE)
        elif way == "in memory":
            scores, _ = layer_scores(bench, question, Progress())
        else:
            open_streamed(question.model, cache=bench.root)
        found = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
        bench.close()
    peak.over.set()
    peak.join()
    values = scores.values.tolist() if scores else []
    return {**found, "anonymous": peak.anonymous, "resident": peak.resident, "values": values}


def weights_of(model: str) -> int:
    """Bytes in float32."""
    from goldenlayers_core.tasks.fits import described

    return 4 * described(ModelSource(model), cache_root())[0].n_parameters


def main() -> int:
    """Print the table; 1 where the two do not agree to 1e-5."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "WEIGHTS"))
    given = parser.parse_args()
    if given.one:
        sys.stdout.write(json.dumps(one(given.one[0], given.model, given.limit, int(given.one[1]))) + "\n")
        return 0
    weights, write, values = weights_of(given.model), sys.stdout.write, []
    write(f"{machine()}\n{given.model}, {given.limit} requests, weights {weights / MIB:,.0f} MiB; layer by layer in ")
    write(f"{weights / _SHARE / MIB:,.0f} MiB\n\n| | s | processor s | anonymous, MiB | resident, MiB |\n")
    write("| --- | --: | --: | --: | --: |\n")
    for way in WAYS:
        call = [sys.executable, "-m", "benchmarks.streamed", "--model", given.model, "--limit", str(given.limit)]
        done = subprocess.run([*call, "--one", way, str(weights)], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        sizes = f"{found['anonymous'] / MIB:,.0f} | {found['resident'] / MIB:,.0f}"
        write(f"| {way} | {found['seconds']:.1f} | {found['processor']:.1f} | {sizes} |\n")
        sys.stdout.flush()
        values += [np.array(found["values"])] if found["values"] else []
    off = float((np.abs(values[1] - values[0]) / np.abs(values[0]).max(axis=1, keepdims=True)).max())
    write(f"\nLargest difference, of a request's largest score: {off:.1e}\n")
    return int(off > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
