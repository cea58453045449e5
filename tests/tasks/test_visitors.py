"""The demo mode: what a visitor may ask for is decided in tasks, two visitors are apart, and old things are deleted."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import ConfigError, DatasetError, GoldenLayersError, ModelError
from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.runtime import Claim
from goldenlayers_core.runtime.visits import Visits
from goldenlayers_core.tasks.apart import DeskBench
from goldenlayers_core.tasks.corpus import keep_text
from goldenlayers_core.tasks.mode import Limits, Mode
from goldenlayers_core.tasks.questions import (
    CovarianceQuestion,
    DatasetChoice,
    EditQuestion,
    ExportQuestion,
    PileQuestion,
    ScoreQuestion,
    SearchQuestion,
    SweepQuestion,
)
from goldenlayers_core.tasks.seat import Seat
from goldenlayers_core.tasks.visitors import expire, visit
from goldenlayers_core.tasks.wings import KINDS
from goldenlayers_core.tasks.workbench import Workbench
from tests.runtime.helpers import PATIENCE, manifest

TABLE = b"prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,Paris\n"
DAY = 24 * 3600.0
SMALL = DatasetChoice("bundled", "proxy", 4)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    bench = Workbench(tmp_path / "kept", KINDS, Mode(demo=True, limits=Limits(uploads=2, jobs=2, upload_mib=1)))
    yield bench
    bench.close()


def at(bench: Workbench, desk: str) -> Seat:
    return Seat(DeskBench(bench, desk), desk, "tab", apart=True)


def busy(bench: Workbench) -> threading.Event:
    """Work that waits until it is told."""
    free = threading.Event()

    def work(params: object, progress: Any) -> str:
        while not free.wait(0.05):
            progress.check()
        bench.store.save_run(manifest("a-run"), {})
        return "a-run"

    bench.slow._workers |= {"score": work, "sweep": work}
    return free


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (ModelSource("/etc/passwd"), "only the models"),
        (ModelSource("Qwen/Qwen3-0.6B"), "only the models"),
        (ModelSource("weights.gguf"), "only the models"),
        (ScoreQuestion(ModelSource("/etc"), SMALL), "only the models"),
        (ScoreQuestion(choice=DatasetChoice("/etc/hosts")), "only the datasets"),
        (ScoreQuestion(choice=DatasetChoice("counterfact")), "only the datasets"),
        (ScoreQuestion(choice=DatasetChoice("upload-00ff")), "not at this desk"),
        (ScoreQuestion(choice=SMALL, config=LgaConfig(token_budget=10**9)), "token_budget"),
        (SweepQuestion(choice=DatasetChoice("bundled", "proxy", 65)), "65 requests"),
        (SweepQuestion(choice=DatasetChoice("bundled")), "751 requests"),
        (SweepQuestion(choice=SMALL, settings={"steps": 501}), "steps is 501"),
        (SweepQuestion(choice=SMALL, settings={"covariance": "/etc/hosts"}), "takes no files"),
        (SearchQuestion(choice=SMALL, seconds=1e9), "seconds"),
        (SearchQuestion(choice=SMALL, seconds=float("nan")), "seconds"),
        (PileQuestion(choice=SMALL, layers=(0,), sizes=(0, 5000)), "5,012 requests"),
        (CovarianceQuestion(source="/etc/passwd"), "own samples or a text"),
        (CovarianceQuestion(source="hub:owner/name/file.txt"), "own samples or a text"),
        (CovarianceQuestion(source="pasted-0011"), "own samples or a text"),
        (CovarianceQuestion(tokens=10**7), "tokens"),
        (ExportQuestion(edit_ids=("e",), out="/tmp/there"), "writes no folder"),
        (EditQuestion(request={"prompt": "x" * 30_000}), "letters"),
        (EditQuestion(earlier=("e",) * 33), "33 earlier"),
    ],
)
def test_what_a_visitor_may_not_ask(bench: Workbench, question: Any, sentence: str) -> None:
    with pytest.raises(GoldenLayersError, match=sentence) as refused:
        at(bench, "ann").submit("slot", question, "t")
    assert "/" not in str(refused.value)
    assert bench.jobs() == ()


def test_a_foreign_path_is_refused_alike_whether_it_is_there_or_not(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_bytes(TABLE)
    ann = DeskBench(bench, "ann")
    for act in (ann.dataset, lambda name: ann.model(ModelSource(name)), lambda name: bench.model(ModelSource(name))):
        said = set()
        for name in ("there.csv", "not-there.csv"):
            with pytest.raises(GoldenLayersError) as refused:
                act(str(tmp_path / name))
            said.add(str(refused.value))
        assert len(said) == 1
        assert str(tmp_path) not in said.pop()
    assert "there.csv" not in {model.source for model in ann.models_here()}


def test_work_in_the_background_is_held_to_the_lists_too(bench: Workbench) -> None:
    job = bench.slow.submit("score", "t", ScoreQuestion(ModelSource("/etc")).to_params(), Claim("ann", "tab", "score"))
    assert "only the models" in (bench.slow.wait(job, PATIENCE).error or "")


def test_uploads_of_a_visitor_are_few_and_small(bench: Workbench) -> None:
    ann, bob = DeskBench(bench, "ann"), DeskBench(bench, "bob")
    with pytest.raises(DatasetError, match="exceed the 1 MiB"):
        ann.upload(TABLE + TABLE.splitlines(keepends=True)[1] * 8_000, "large.csv")
    for name in (b"Rome", b"Oslo"):
        ann.upload(TABLE.replace(b"Rome", name), "mine.csv")
    with pytest.raises(DatasetError, match="2 files, and this demo takes 2"):
        ann.upload(TABLE.replace(b"Rome", b"Bonn"), "mine.csv")
    assert bob.uploads() == ()
    bob.upload(TABLE, "his.csv")
    assert len(bob.uploads()) == 1


def test_work_of_a_visitor_is_little_at_a_time(bench: Workbench) -> None:
    free = busy(bench)
    ann, bob = at(bench, "ann"), at(bench, "bob")
    first = [ann.submit(f"s{n}", ScoreQuestion(choice=DatasetChoice("bundled", limit=n)), "t") for n in (1, 2)]
    with pytest.raises(ConfigError, match="2 pieces of your work"):
        ann.submit("s3", ScoreQuestion(choice=DatasetChoice("bundled", limit=3)), "t")
    bob.submit("s1", ScoreQuestion(choice=DatasetChoice("bundled", limit=4)), "t")
    assert {job.job_id for job in ann.jobs()} == set(first)
    assert len(bob.jobs()) == 1
    free.set()
    for job in bench.jobs():
        bench.slow.wait(job.job_id, PATIENCE)
    ann.submit("s3", ScoreQuestion(choice=DatasetChoice("bundled", limit=3)), "t")


def test_a_full_desk_gets_no_more_work(bench: Workbench) -> None:
    ann, bob = DeskBench(bench, "ann"), DeskBench(bench, "bob")
    ann.store.save_arrays("edits", "an-edit", {"left": np.zeros(15 * 2**20, dtype=np.float32)})
    for act in (
        lambda: ann.store.save_arrays("edits", "e", {"left": np.zeros(2**20, dtype=np.float64)}),
        lambda: keep_text(ann.store, "x" * 5 * 2**20),
    ):
        with pytest.raises(ConfigError, match="reach the 64 MiB"):
            act()
    bench.store.save_json("texts", "more", "x" * 5 * 2**20)
    bench.store.owned.mark("ann", "more")  # as of work that ended meanwhile
    with pytest.raises(ConfigError, match="reach the 64 MiB"):
        ann.submit(ScoreQuestion(choice=SMALL), "t", Claim("ann", "tab", "score"))
    keep_text(bob.store, "x")


def test_a_pasted_text_is_its_desks(bench: Workbench) -> None:
    ann, bob = at(bench, "ann"), at(bench, "bob")
    name = keep_text(ann.bench.store, "some pages")
    with pytest.raises(ConfigError, match="own samples or a text"):
        bob.submit("covariance", CovarianceQuestion(source=name), "t")
    bench.slow._workers["covariance"] = lambda params, progress: "done"
    assert ann.submit("covariance", CovarianceQuestion(source=name), "t")


def test_errors_of_work_name_no_folder(bench: Workbench) -> None:
    def work(params: object, progress: object) -> str:
        raise ModelError(f"{bench.home}/objects/x could not be read, nor /srv/models/secret.")

    bench.slow._workers["score"] = work
    ann = at(bench, "ann")
    job = ann.submit("score", ScoreQuestion(choice=SMALL), "t")
    assert str(bench.home) in (bench.slow.wait(job, PATIENCE).error or "")
    told = [view.error for view in (ann.view(job, "score"), *ann.jobs())]
    assert told == ["this machine could not be read, nor a place on this machine."] * 2


def left_behind(bench: Workbench) -> str:
    files = [path for path in bench.home.rglob("*") if path.is_file()]
    return "\n".join(f"{path}: {path.read_bytes()!r}" for path in files)


def test_everything_of_a_visitor_is_deleted_a_day_after_the_last_visit(bench: Workbench, tmp_path: Path) -> None:
    free = busy(bench)
    free.set()
    own = Workbench(tmp_path / "kept", KINDS)  # of the person whose machine it is
    own.upload(TABLE, "own.csv")
    own.store.save_run(manifest("own-run"), {})
    for desk in ("ann", "bob"):
        visit(bench, desk)
    ann, bob = at(bench, "ann"), at(bench, "bob")
    reference, _ = ann.bench.upload(TABLE.replace(b"France", b"Atlantis"), "anns.csv")
    kept, _ = bob.bench.upload(TABLE, "bobs.csv")
    keep_text(ann.bench.store, "Atlantis sank")
    job = ann.submit("score", ScoreQuestion(choice=DatasetChoice(reference)), "Atlantis")
    bench.slow.wait(job, PATIENCE)
    bench.store.append_rows("knowledge", "k", pd.DataFrame({"request": ["r"], "said": ["Atlantis"]}))
    assert "Atlantis" in left_behind(bench)
    expire(bench, time.time() + DAY - 60)
    assert "Atlantis" in left_behind(bench)
    later = time.time() + DAY + 60
    os.utime(bench.home / "visits" / "bob", (later, later))
    for path in bench.home.rglob("*.*"):  # also what bob made is a day old
        os.utime(path)
    expire(bench, later)
    assert "Atlantis" not in left_behind(bench)
    assert ann.jobs() == ()
    assert bench.store.runs() == ()
    assert bob.bench.uploads() == (kept,)
    with pytest.raises(DatasetError):
        ann.bench.dataset(reference)
    assert own.uploads()
    assert own.store.runs()
    own.close()


def test_a_visit_now_and_then_looks_for_what_is_old(bench: Workbench) -> None:
    visit(bench, "ann")
    DeskBench(bench, "ann").upload(TABLE, "anns.csv")
    visits, old = bench.home / "visits", time.time() - DAY - 60
    os.utime(visits / "ann", (old, old))
    visit(bench, "bob")
    assert bench.store.owned.names("ann")  # it looked a moment ago
    os.utime(visits / ".swept", (old, old))
    visit(bench, "bob")
    assert not bench.store.owned.names("ann")
    assert Visits(bench.home).gone(time.time() + 60) == ("bob",)


def test_on_a_persons_own_machine_nothing_is_refused_counted_or_deleted(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, KINDS)
    busy(bench).set()
    ann = at(bench, "ann")
    for n in range(6):
        ann.bench.upload(TABLE.replace(b"Rome", b"Rome%d" % n), "mine.csv")
        ann.submit(f"s{n}", SweepQuestion(choice=DatasetChoice("bundled", limit=100 + n)), "t")
    visit(bench, "ann")
    assert not (tmp_path / "visits").exists()
    with pytest.raises(ConfigError, match="Only the demo mode"):
        expire(bench, time.time() + 9 * DAY)
    assert json.loads((tmp_path / "store.json").read_text())["version"]
    assert len(ann.bench.uploads()) == 6
    bench.close()
