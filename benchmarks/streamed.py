"""Results in memory against weights read from disk: `python -m benchmarks.streamed [--sweep] [--model bundled]`.

LGA in memory and layer by layer; with `--sweep` real edits in memory and on `cpu+disk`. Each is a process of its own,
on a processor. What reads gets room for a quarter of the weights. Memory is the resident size and the anonymous part of
it, sampled every 20 ms; PSS would be smaller where others map the same weights. Reads are counted where they are made.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measure import machine
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.fit import MIB
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.workbench import Workbench

_SHARE: Final = 4  # of the weights, where they are read
_EVERY: Final = 0.02
Found = tuple[list[Any], dict[str, Any]]


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


def opened(bench: Workbench, given: Any, _room: int) -> Found:
    """The model's frame, and nothing asked of it."""
    from goldenlayers_core.models.streaming import open_streamed

    open_streamed(_source(given, "cpu"), cache=bench.root)
    return [], {}


def scored(bench: Workbench, given: Any, room: int) -> Found:
    """LGA; layer by layer where there is a room."""
    from goldenlayers_core.tasks.scores.layer_by_layer import scores_layer_by_layer
    from goldenlayers_core.tasks.scores.layer_scores import layer_scores

    question = ScoreQuestion(_source(given, "cpu"), DatasetChoice(limit=given.limit))
    if room:
        return scores_layer_by_layer(bench, question, Progress(), room)[0].values.tolist(), {}
    return layer_scores(bench, question, Progress())[0].values.tolist(), {}


def swept(bench: Workbench, given: Any, room: int) -> Found:
    """A sweep; on cpu+disk where there is a room."""
    from accelerate.utils import OffloadedWeightsLoader

    from goldenlayers_core.models import opening
    from goldenlayers_core.tasks.truth.sweep import sweep_result

    reads = Counter[str]()
    if room:
        read, opening.rooms_on = OffloadedWeightsLoader.__getitem__, lambda devices, _room=None: ((devices[0], room),)

        def counted(loader: Any, key: str) -> Any:
            reads[key] += 1
            return read(loader, key)

        OffloadedWeightsLoader.__getitem__ = counted
    layers = tuple(map(int, given.layers.split(",")))
    question = SweepQuestion(
        _source(given, "cpu+disk" if room else "cpu"), DatasetChoice(limit=given.limit), layers=layers
    )
    found = sweep_result(bench, question, Progress())
    told = [found.values.tolist(), found.before.tolist(), found.texts, found.texts_before]
    return told, {"reads": _per_block(reads, bench, question)}


def _per_block(reads: Counter[str], bench: Workbench, question: SweepQuestion) -> dict[str, int]:
    """How often each block was read, by the matrix that is read most."""
    blocks, found = bench.model(question.model).architecture.blocks, Counter[str]()
    for key, n in reads.items():
        if key.startswith(f"{blocks}."):
            layer = key.removeprefix(f"{blocks}.").split(".")[0]
            found[layer] = max(found[layer], n)
    return dict(found)


def _source(given: Any, device: str) -> ModelSource:
    return ModelSource(given.model, None, device, "float32")


SCORES: Final = (
    ("opened, nothing scored", opened, False),
    ("in memory", scored, False),
    ("layer by layer", scored, True),
)
SWEEPS: Final = (("opened, nothing edited", opened, False), ("in memory", swept, False), ("on `cpu+disk`", swept, True))


def one(work: Callable[[Workbench, Any, int], Found], given: Any, room: int) -> dict[str, Any]:
    """In a process of its own: what it took, and what it found."""
    peak = _Peak()
    peak.start()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(cache_root() / "models")
        bench, start, processor = open_workbench(Path(folder)), time.perf_counter(), time.process_time()
        values, more = work(bench, given, room)
        took = {"seconds": time.perf_counter() - start, "processor": time.process_time() - processor}
        bench.close()
    peak.over.set()
    peak.join()
    return {**took, **more, "anonymous": peak.anonymous, "resident": peak.resident, "values": values}


def weights_of(model: str) -> int:
    """Bytes in float32."""
    from goldenlayers_core.tasks.fits import described

    return 4 * described(ModelSource(model), cache_root())[0].n_parameters


def compare(given: Any) -> int:
    """Print the table; 1 where the two do not agree."""
    weights, write, values = weights_of(given.model), sys.stdout.write, []
    write(f"{machine()}\n{given.model}, {given.limit} requests, weights {weights / MIB:,.0f} MiB; read in ")
    write(f"{weights / _SHARE / MIB:,.0f} MiB\n\n| | s | processor s | anonymous, MiB | resident, MiB |\n")
    write("| --- | --: | --: | --: | --: |\n")
    for n, (way, _, reads) in enumerate(SWEEPS if given.sweep else SCORES):
        call = [sys.executable, "-m", "benchmarks.streamed", *sys.argv[1:], "--one", str(n), "--room"]
        room = weights // _SHARE if reads else 0
        done = subprocess.run([*call, str(room)], stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        sizes = f"{found['anonymous'] / MIB:,.0f} | {found['resident'] / MIB:,.0f}"
        write(f"| {way} | {found['seconds']:.1f} | {found['processor']:.1f} | {sizes} |\n")
        if found.get("reads"):
            write(f"\nReads of each block that is on disk: {found['reads']}\n")
        sys.stdout.flush()
        values += [found["values"]] if found["values"] else []
    if given.sweep:
        write(f"\nThe same to the last bit: {values[0] == values[1]}\n")
        return int(values[0] != values[1])
    first, second = map(np.array, values)
    off = float((np.abs(second - first) / np.abs(first).max(axis=1, keepdims=True)).max())
    write(f"\nLargest difference, of a request's largest score: {off:.1e}\n")
    return int(off > 1e-5)


def main() -> int:
    """Print the table, or do one row of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--layers", default="6,18,27", help="of the sweep")
    parser.add_argument("--one", type=int)
    parser.add_argument("--room", type=int, default=0)
    given = parser.parse_args()
    if given.one is None:
        return compare(given)
    work = (SWEEPS if given.sweep else SCORES)[given.one][1]
    sys.stdout.write(json.dumps(one(work, given, given.room)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
