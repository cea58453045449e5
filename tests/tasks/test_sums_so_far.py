"""A covariance that is stopped or killed goes on from where it was, and ends with the same bits."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from goldenlayers_core.errors import Cancelled, StoreError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import Workbench, open_workbench, sums_so_far
from goldenlayers_core.tasks.corpus import keep_text
from goldenlayers_core.tasks.covariance import estimated
from goldenlayers_core.tasks.questions import CovarianceQuestion
from goldenlayers_core.tasks.stored_covariance import cards, open_layer
from tests.tiny import save_tiny

TEXT = "The capital of France is Paris and the capital of Italy is Rome. Who wrote Hamlet? Shakespeare wrote it. " * 400
TOKENS = 10560  # 132 samples: a batch of 128, and one of 4
Expected = dict[str, tuple[int, tuple[float, ...], list[bytes]]]
STOPS = {"samples": (9, 100), "text": (10, 5)}  # by source: after how many steps

KILLED = """
import os, signal, sys
from pathlib import Path
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks import sums_so_far
from goldenlayers_core.tasks.covariance import estimated
from goldenlayers_core.tasks.questions import CovarianceQuestion

root, model, source, tokens, layers, calls = sys.argv[1:]
sums_so_far.EVERY, sums_so_far.SHARE, told = 0.0, 0, []


def report(done, total, note):
    told.extend([done] if note.startswith("Keys") else [])
    if len(told) == int(calls):
        os.kill(os.getpid(), signal.SIGKILL)


question = CovarianceQuestion(ModelSource(model), source, int(tokens), tuple(map(int, layers.split())))
estimated(open_workbench(Path(root)), question, Progress(report))
"""


def asked(bench: Workbench, tiny: ModelSource, source: str, layers: tuple[int, ...] = ()) -> CovarianceQuestion:
    """The question, of the model's own samples or of a text."""
    return CovarianceQuestion(tiny, source if source == "samples" else keep_text(bench.store, TEXT), TOKENS, layers)


def stopped(bench: Workbench, question: CovarianceQuestion, calls: int) -> list[int]:
    """The work, cancelled when it told of itself so many times; what it told of tokens done."""
    told: list[int] = []
    progress = Progress(lambda done, _total, note: told.append(done) if "Keys" in note else None)
    progress._cancelled = lambda: len(told) >= calls
    with pytest.raises(Cancelled):
        estimated(bench, question, progress)
    return told


def stored(bench: Workbench) -> tuple[int, tuple[float, ...], list[bytes]]:
    """Tokens, condition numbers and the bits of every layer of what is stored."""
    (card,) = cards(bench.store)
    return card.n_tokens, card.conditions, [open_layer(bench.store, card.key, at).tobytes() for at in card.layers]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """What comes of it in one go, by source."""
    found, tiny = {}, ModelSource(str(save_tiny(tmp_path_factory.mktemp("tiny"))))
    for source in STOPS:
        bench = open_workbench(tmp_path_factory.mktemp(source))
        estimated(bench, asked(bench, tiny, source), Progress())
        assert sums_so_far.KIND not in {usage.kind for usage in bench.store.usage()}
        found[source] = stored(bench)
        bench.close()
    return found


@pytest.mark.parametrize("source", STOPS)
def test_a_cancelled_pass_goes_on_and_ends_with_the_same_bits(
    bench: Workbench, tiny: ModelSource, source: str, expected: Expected
) -> None:
    question = asked(bench, tiny, source)
    # of the samples also in the second batch; the passes of those under way are done again, and told
    first, second = (stopped(bench, question, calls) for calls in STOPS[source])
    assert max(first[0], first[-1] - 1024) <= second[0] <= first[-1] + 512
    assert len(bench.store.names(sums_so_far.KIND)) == 1
    estimated(bench, question, Progress())
    assert stored(bench) == expected[source]
    assert bench.store.names(sums_so_far.KIND) == ()


def test_stopped_among_the_condition_numbers_nothing_is_summed_again(bench: Workbench, tiny: ModelSource) -> None:
    question, notes = asked(bench, tiny, "text"), list[str]()
    told = Progress(lambda _done, _total, note: notes.append(note), lambda: "Condition numbers" in notes)
    with pytest.raises(Cancelled):
        estimated(bench, question, told)
    assert not cards(bench.store)
    notes.clear()
    estimated(bench, question, Progress(lambda _done, _total, note: notes.append(note)))
    assert not [note for note in notes if note.startswith("Keys")]


@pytest.mark.parametrize("source", STOPS)
def test_a_killed_pass_goes_on_and_ends_with_the_same_bits(
    bench: Workbench, tiny: ModelSource, source: str, expected: Expected
) -> None:
    question = asked(bench, tiny, source)
    words = [str(bench.root), tiny.source, question.source, str(TOKENS), "", "12"]
    ended = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, check=False, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(bench.store.names(sums_so_far.KIND)) == 1
    told: list[int] = []
    estimated(bench, question, Progress(lambda done, _total, note: told.append(done) if "Keys" in note else None))
    assert told[0] >= 1024
    assert stored(bench) == expected[source]


def damaged(bench: Workbench, how: str) -> None:
    """What is kept, with a flipped bit, cut, or of another model under a right digest."""
    (name,) = bench.store.names(sums_so_far.KIND)
    path = bench.store.root / "objects" / sums_so_far.KIND / f"{name}.safetensors"
    data = bytearray(path.read_bytes())
    if how == "flipped":
        data[len(data) // 2] ^= 4
        path.write_bytes(bytes(data))
    elif how == "cut":
        path.write_bytes(bytes(data[: len(data) // 2]))
    else:
        arrays, meta = bench.store.load_arrays(sums_so_far.KIND, name)
        changes = {"of another model": {"model": "f" * 32}, "without its time": {"seconds": ""}}
        if how == "too narrow":
            arrays["sum.1"] = np.zeros((3, 3), np.float32)
        bench.store.save_arrays(sums_so_far.KIND, name, arrays, {**meta, **changes.get(how, {})})


@pytest.mark.parametrize("how", ["flipped", "cut", "of another model", "without its time", "too narrow"])
def test_damaged_sums_are_set_aside_and_the_pass_starts_anew(
    bench: Workbench, tiny: ModelSource, how: str, expected: Expected
) -> None:
    question = asked(bench, tiny, "text")
    first = stopped(bench, question, 10)
    damaged(bench, how)
    told: list[int] = []
    estimated(bench, question, Progress(lambda done, _total, note: told.append(done) if "Keys" in note else None))
    assert told[0] == first[0]
    assert len(bench.store.problems()) == 1
    assert stored(bench) == expected["text"]


def test_a_disk_that_refuses_the_sums_stops_nothing(
    bench: Workbench, tiny: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = asked(bench, tiny, "text")
    monkeypatch.setattr(sums_so_far, "EVERY", 0.0)
    tried: list[str] = []
    save = bench.store.save_arrays

    def refusing(kind: str, *given: object) -> None:
        if kind == sums_so_far.KIND:
            tried.append(kind)
            raise StoreError("The disk is full.")
        save(kind, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.store, "save_arrays", refusing)
    estimated(bench, question, Progress())
    assert tried
    assert len(cards(bench.store)) == 1
