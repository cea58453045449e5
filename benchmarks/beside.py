"""An edit while a sweep runs on the same model: how much longer does a person wait than alone?

    python -m benchmarks.beside [--edits 8]

Three ways in one process, the edits of each interleaved over rounds: no other work; beside a sweep that does not give
way (as it was: the two share the cores and the model's lock); beside one that does. A batch is the time between two
looks of the sweep whether others are at work, taken where nobody was.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.measure import machine
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.wings import KINDS
from tests.lending import lend_models

LAYER = 5


class Watched(Workbench):
    """A workbench that notes when long work looked whether others are at work, and may be told not to heed it."""

    heeds = True

    def __init__(self, root: Path) -> None:
        self.looks: list[float] = []
        super().__init__(root, KINDS)

    def _quick_first(self) -> bool:
        self.looks.append(time.monotonic())
        return self.heeds and super()._quick_first()


def edit(bench: Workbench, request: EditRequest) -> float:
    """Seconds from asking for an edit to its report."""
    start = time.monotonic()
    job = bench.submit(EditQuestion(ModelSource(), plain(request), "rome", LAYER), "an edit")
    view = bench.quick.wait(job, 600)
    assert view.state == "done", view
    return time.monotonic() - start


def started_sweep(bench: Workbench) -> str:
    """A sweep that is on its way."""
    question = SweepQuestion(ModelSource(), DatasetChoice("bundled", "proxy", 32), "rome")
    job = bench.submit(question, "a sweep")
    while bench.slow.view(job).done < 1:
        time.sleep(0.05)
    return job


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=8)
    options = parser.parse_args()
    found: dict[str, list[float]] = {"alone": [], "beside, not giving way": [], "beside, giving way": []}
    batches: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Watched(lend_models(Path(folder)))
        bench.model(ModelSource())
        requests = bench.requests(DatasetChoice("bundled", "test"), ModelSource()).requests
        edit(bench, requests[0])  # the first one makes the templates
        for number, request in enumerate(requests[1 : 1 + 3 * options.edits]):
            way = list(found)[number % 3]
            if way == "alone":
                found[way].append(edit(bench, request))
                continue
            bench.heeds, bench.looks = way == "beside, giving way", []
            job = started_sweep(bench)
            time.sleep(3)
            looks = list(bench.looks)
            batches += [after - before for before, after in itertools.pairwise(looks)]
            found[way].append(edit(bench, request))
            bench.slow.cancel(job)
            bench.slow.wait(job, 60)
        bench.close()
    print(f"{machine()}; ROME at layer {LAYER}, defaults; {options.edits} edits each way")
    for way, seconds in found.items():
        middle = statistics.median(seconds)
        print(f"{way:24} median {middle:5.2f} s, longest {max(seconds):5.2f} s")
    print(f"a batch of the sweep     median {statistics.median(batches):5.2f} s, longest {max(batches):5.2f} s")


if __name__ == "__main__":
    main()
