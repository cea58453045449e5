"""Memory that really runs out: a process whose address space ends in the middle of its work."""

import errno
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from goldenlayers_core.errors import ConfigError, MemoryShortError, is_shortage
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.scores.layer_scores import layer_scores
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.sparing import sparing
from tests.tiny import VOCABULARY, tokenizer

BUDGET, ROOM = 600, 520  # tokens, about 0.9 MiB each on the model below; MiB: enough for half of them
CHILD = """
import re, resource, sys
from pathlib import Path
import torch
from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench

torch.set_num_threads(1)
model, root, room = ModelSource(sys.argv[1], None, "cpu"), Path(sys.argv[2]), int(sys.argv[3]) << 20
bench = open_workbench(root)

def done(data, budget, limit=None):
    notes = set()
    question = ScoreQuestion(model, DatasetChoice(data, limit=limit), LgaConfig(token_budget=budget))
    job = bench.submit(question, "a score")
    while (view := bench.slow.wait(job, 0.05)).active:
        notes.add(view.note)
    return view, any("half the token budget" in note for note in notes)

warm, _ = done(sys.argv[4], 1, 1)  # threads and pools are there
assert warm.state == "done", warm.error
size = int(re.search(r"VmSize:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) << 10
for data in sys.argv[4:]:
    resource.setrlimit(resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
    view, noted = done(data, BUDGET)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(view.state, view.result, view.error, noted, sep="|")
bench.close()
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> ModelSource:
    """A model of little weight whose tokens take much memory on their way through it: 0.9 MiB each."""
    folder = tmp_path_factory.mktemp("wide")
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=8192,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=4096,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return ModelSource(str(folder), None, "cpu")


def written(file: Path, land: str, n: int, repeats: int = 0) -> Path:
    """A table of `n` requests of a dozen tokens, and one of about 14 tokens for each of `repeats`."""
    rows = [f"The capital of {land} number {i} is,{land},Rome,Paris" for i in range(n)]
    rows += [f"{f'{land} is a country. ' * repeats}The capital of {land} is,{land},Rome,Paris"] * (repeats > 0)
    file.write_text("prompt,subject,target_new,target_true\n" + "\n".join(rows))
    return file


@dataclass(frozen=True)
class Ended:
    """What a process said of one job."""

    data: Path
    state: str
    run_id: str
    error: str
    noted: bool


@pytest.fixture(scope="module")
def ended(wide, tmp_path_factory) -> tuple[Path, tuple[Ended, ...], str]:
    """(store, two jobs of a process with ROOM MiB of further address space, its log): of 48 short requests, and of 12
    and a long one."""
    folder = tmp_path_factory.mktemp("jobs")
    files = written(folder / "a.csv", "France", 48), written(folder / "b.csv", "Italy", 12, repeats=90)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    given = [wide.source, str(folder / "cache"), str(ROOM), *map(str, files)]
    script = CHILD.replace("BUDGET", str(BUDGET))
    done = subprocess.run([sys.executable, "-c", script, *given], env=env, timeout=900, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = [line.split("|") for line in done.stdout.splitlines()]
    jobs = (Ended(file, *parts[:3], parts[3] == "True") for file, parts in zip(files, said, strict=True))
    return folder / "cache", tuple(jobs), done.stderr


def test_a_job_that_runs_out_of_memory_goes_on_with_half_the_token_budget(wide, ended, tmp_path):
    root, (job, _), log = ended
    assert job.state == "done", job.error
    assert job.noted
    assert "Memory ran out; the work goes on with half the token budget" in log
    scores, _ = open_scores(open_workbench(root).store, job.run_id)
    question = ScoreQuestion(wide, DatasetChoice(str(job.data), limit=6))
    few, _ = layer_scores(open_workbench(tmp_path), question, Progress())
    assert scores.n_requests == 48
    np.testing.assert_allclose(scores.values[:6], few.values, rtol=1e-3)


def test_the_second_time_it_stops_and_keeps_what_it_has(wide, ended):
    root, (_, job), log = ended
    assert job.state == "failed"
    assert job.error.startswith("Memory ran out, and with half the token budget once more; what was finished is kept")
    assert log.count("the work goes on") == 2
    short = ScoreQuestion(wide, DatasetChoice(str(job.data), limit=12), LgaConfig(token_budget=BUDGET))
    scores, _ = layer_scores(open_workbench(root), short, Progress())
    assert (scores.n_requests, scores.n_computed) == (12, 0)


def test_what_says_that_memory_ran_out():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**50, dtype=torch.uint8)  # torch's own allocator, on a processor
    assert is_shortage(error.value)
    with pytest.raises(MemoryError) as of_python:
        np.zeros(2**55, dtype=np.uint8)
    assert is_shortage(of_python.value)
    assert is_shortage(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_shortage(OSError(errno.ENOMEM, "Cannot allocate memory"))
    unknown = RuntimeError("could not create a primitive descriptor for the matmul primitive")
    shapes = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    for other in (unknown, shapes, OSError(errno.ENOSPC, "No space")):
        assert not is_shortage(other)


def test_what_a_linear_map_says_that_finds_no_memory_for_its_code():
    """oneDNN compiles one for each shape; an address space that is full has no room for the code."""
    script = """
import re, resource
from pathlib import Path
import torch
from goldenlayers_core.errors import is_shortage

torch.set_num_threads(1)
torch.nn.functional.linear(torch.ones(8, 8), torch.ones(8, 8))
told = []
for n in range(1, 40):
    size = int(re.search(r"VmSize:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) << 10
    inputs, weight = torch.ones(n, 129), torch.ones(70 + n, 129)
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    try:
        torch.nn.functional.linear(inputs, weight)
    except (RuntimeError, MemoryError) as error:
        told.append(error)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print([str(error) for error in told if not is_shortage(error)], len(told))
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=env, timeout=300, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[] "), done.stdout  # where another library multiplies, nothing is told at all


def test_budgets_are_halved_once_and_only_inside():
    seen: list[int] = []

    def work(_progress: Progress) -> str:
        seen.append(spared(96))
        if len(seen) == 1:
            torch.empty(2**50, dtype=torch.uint8)
        return "found"

    assert sparing(work, Progress()) == "found"
    assert (seen, spared(96), spared(1)) == ([96, 48], 96, 1)


def test_work_within_work_is_tried_again_as_a_whole_and_other_errors_pass():
    tries: list[int] = []

    def inner(_progress: Progress) -> None:
        tries.append(spared(64))
        torch.empty(2**50, dtype=torch.uint8)

    with pytest.raises(MemoryShortError, match="kept in the store"):
        sparing(partial(sparing, inner), Progress())
    assert tries == [64, 32]

    def wrong(_progress: Progress) -> None:
        raise ConfigError("no")

    with pytest.raises(ConfigError):
        sparing(wrong, Progress())
