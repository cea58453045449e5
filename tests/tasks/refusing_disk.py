"""Run by test_disk_refuses.py in a process of its own: every kind of work on a disk that refuses, and again on one that
does not. Prints one line of JSON a kind."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.corpus import read_corpus
from goldenlayers_core.tasks.covariance import covariance
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.questions import CovarianceQuestion, SweepQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.sweep import sweep

FRANCE = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
FILL = "fill"


def refuse(how: str, root: Path, no: bool) -> None:
    """Make the disk refuse whatever is written from now on, or take it again."""
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0 if no else resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    elif how == "read-only":
        subprocess.run(["mount", "-o", f"remount,{'ro' if no else 'rw'}", str(root)], check=True)
    elif no:
        with (root / FILL).open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return
    else:
        (root / FILL).unlink()


def works(bench: Workbench, tiny: ModelSource) -> dict[str, Callable[[], object]]:
    """Every kind of work that writes, by name."""
    quick = {"steps": 2, "n_templates": 0}
    few = DatasetChoice("bundled", "proxy", 2)
    return {
        "edit": lambda: edit(bench, EditQuestion(tiny, plain(FRANCE), "rome", 1, quick), Progress()),
        "covariance": lambda: covariance(bench, CovarianceQuestion(tiny, tokens=640), Progress()),
        "sweep": lambda: sweep(bench, SweepQuestion(tiny, few, "rome", quick, (0, 2)), Progress()),
        "conversion": lambda: bench.model(ModelSource("classroom:base")),
        "model from the hub": lambda: bench.model(ModelSource("owner/tiny")),
        "text from the hub": lambda: read_corpus(bench.store, "hub:owner/texts/a.txt"),
        "upload": lambda: bench.upload(b"prompt,subject,target_new\nFrance is,France,Rome\n", "a.csv"),
        "a job": lambda: bench.submit(CovarianceQuestion(tiny, tokens=704), "Covariance"),
    }


def sentence(work: Callable[[], object]) -> str:
    """What it ends with; "" where it ends well."""
    try:
        work()
    except GoldenLayersError as error:
        return str(error)
    return ""


def half(root: Path) -> list[str]:
    """What is left of files that were being written; the hub's client keeps parts of its own to go on from."""
    found = [path for path in root.rglob("*") if not path.is_relative_to(root / "hub")]
    return [str(path) for path in found if ".tmp" in path.name or ".making-" in path.name]


def under_way(bench: Workbench, tiny: ModelSource, how: str) -> dict[str, object]:
    """A job whose disk refuses while it runs, and that is resumed when it does not any more."""
    job_id = bench.submit(CovarianceQuestion(tiny, tokens=10240), "Covariance")
    while bench.job(job_id).state == "queued":
        pass
    refuse(how, bench.root, True)
    ended = bench.slow.wait(job_id, 120)
    refuse(how, bench.root, False)
    bench.slow.resume(job_id)
    again = bench.slow.wait(job_id, 120)
    bench.close()  # nobody writes a record any more
    return {"said": ended.error or "", "half": half(bench.root), "again": again.error or ""}


def main(how: str, root: Path, model: str) -> None:
    """Every kind, one after another."""
    tell = sys.stdout
    bench, tiny = open_workbench(root), ModelSource(model)
    before = bench.model(tiny).fingerprint
    found: dict[str, object] = {}
    for name, work in works(bench, tiny).items():
        stored = [m.run_id for m in bench.store.runs()]
        refuse(how, root, True)
        said = sentence(work)
        left, listed = half(root), [m.run_id for m in bench.store.runs()] != stored
        refuse(how, root, False)
        found[name] = {"said": said, "half": left, "listed": listed, "again": sentence(work)}
    if how != "read-only":  # no disk becomes read-only while a file of it is open for writing
        found["a job under way"] = under_way(bench, tiny, how)
    for job in bench.jobs():
        bench.queue_of(job.job_id).wait(job.job_id, 120)
    bench.close()
    same = before == folder_fingerprint(Path(model)) and not bench.store.problems()
    tell.write(json.dumps({"found": found, "same": same, "half": half(root)}))


if __name__ == "__main__":
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
