"""A plan whose shards run on machines that share nothing but a bucket."""

import dataclasses
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenlayers_core.runtime import Progress, store_at
from goldenlayers_core.tasks.plan_file import write_plan
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.sweep import open_bed, sweep
from tests.runtime.buckets import URL, Gate, server, surroundings
from tests.runtime.helpers import Program
from tests.tasks.test_plans import (
    DIES,
    bench_in,
    check_same_sweep,
    ended,
    folder,
    merged,
    planned,
    process,
    question,
)

__all__ = ["folder"]  # a fixture


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    with server(tmp_path / "buckets") as port:
        found = Gate(port)
        for name, value in surroundings(found.port).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GOLDENLAYERS_STORE", f"{URL}/{uuid.uuid4().hex}")
        yield found
        found.close()


def asked_of(folder: Path) -> SweepQuestion:
    whole = question(folder)
    return dataclasses.replace(whole, choice=dataclasses.replace(whole.choice, limit=20))


def test_shards_with_caches_of_their_own_make_the_run_of_a_single_process(
    folder: Path, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = os.environ.pop("GOLDENLAYERS_STORE")
    alone = bench_in(tmp_path / "alone")
    run_id = sweep(alone, asked_of(folder), Progress())
    monkeypatch.setenv("GOLDENLAYERS_STORE", here)
    plan = planned(bench_in(tmp_path / "plans"), asked_of(folder))
    file = tmp_path / "plan.json"
    write_plan(plan, file)

    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "0"))
    with Program(DIES.replace('"4"', '"2"'), file) as dying:
        dying.process.communicate(timeout=300)
        assert dying.process.returncode == -signal.SIGKILL
    half = store_at(tmp_path / "another").read_rows("sweep", f"{plan.key}-t2")
    assert len(half) > 0  # what it had finished is everybody's
    ended(*(process(tmp_path / f"{index}", "shard", file, "--index", index, "--of", 2) for index in range(2)))

    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "merging"))
    told = merged(file, capsys)
    assert told["run"] == run_id
    assert told["n_computed"] > 0
    late = bench_in(tmp_path / "late")
    check_same_sweep(alone, late, run_id, asked_of(folder))
    assert not (tmp_path / "late" / "tables").exists()


def test_a_sweep_whose_bucket_goes_away_keeps_what_it_computed(
    folder: Path, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_in(tmp_path / "a")
    bed = open_bed(bench, asked_of(folder), Progress())
    bed.rows()
    gate.status = 503
    bed.measure(bed.requests[:4], [0], Progress())
    assert len(bed.rows()) == 8  # of each request before, and after an edit
    gate.status = 0
    other = open_bed(bench_in(tmp_path / "b"), asked_of(folder), Progress())
    assert len(other.rows()) == 0
    bench.store.place.far._away = (0.0, "")  # type: ignore[attr-defined]  # its rest is over
    bench.store.runs()
    assert len(open_bed(bench_in(tmp_path / "c"), asked_of(folder), Progress()).rows()) == 8
