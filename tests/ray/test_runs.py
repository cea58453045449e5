"""Runs on a real cluster equal those of a single process, also where a worker is killed, and others are refused."""

import dataclasses
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from goldenlayers_core.errors import EngineError
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.engines import Crew, Piece
from goldenlayers_core.tasks import DatasetChoice, Workbench, crew, open_workbench
from goldenlayers_core.tasks.crew import PlanWorker, merged, shared, sources
from goldenlayers_core.tasks.engine_choice import EngineChoice, choose_engine, engine_choice
from goldenlayers_core.tasks.plans import make_plan
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.sweep import sweep_result
from tests.ray.conftest import Ground
from tests.ray.shot import ShotOnce, shot
from tests.runtime.helpers import ROOT
from tests.tiny import save_tiny

PLACES = ("France", "Italy", "Japan", "Spain", "Norway", "Brazil", "Peru", "Chile", "Kenya", "Egypt", "India", "China")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as every worker has: equal to the last bit
    yield
    torch.set_num_threads(before)


@pytest.fixture
def home(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, in which nothing is computed yet."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "models").symlink_to(cache_root() / "models")
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(folder))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(ground.token))
    return folder


@pytest.fixture
def one_is_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the workers of a plan is killed in the middle of a piece."""
    monkeypatch.setattr(crew, "PlanWorker", ShotOnce)


def tiny_question(folder: Path, steps: int = 150) -> SweepQuestion:
    save_tiny(folder / "tiny")
    rows = [f"The {what} of {place} is,{place},Rome,Paris" for what in ("capital", "song") for place in PLACES]
    (folder / "facts.csv").write_text("\n".join(["prompt,subject,target_new,target_true", *rows]))
    choice = DatasetChoice(str(folder / "facts.csv"))
    return SweepQuestion(ModelSource(str(folder / "tiny")), choice, settings={"steps": steps, "n_templates": 0})


def alone(question: SweepQuestion, folder: Path) -> np.ndarray:
    """What a single process measures, in a store of its own."""
    return sweep_result(open_workbench(folder), question, Progress()).values


def test_a_job_of_the_app_on_a_cluster_with_a_worker_killed_equals_the_local_one(ground, home, one_is_shot, tmp_path):
    question = tiny_question(tmp_path)
    bench = open_workbench()
    choose_engine(bench.store, bench.mode, EngineChoice("ray", ground.address, workers=2))
    assert engine_choice(bench.store).engine == "ray"
    notes = set[str]()
    job = bench.submit(question, "A sweep")
    while (view := bench.job(job)).active:
        notes.add(view.note)
        time.sleep(0.1)
    bench.close()
    assert (view.state, view.error) == ("done", None)
    assert shot().exists()
    assert any("worker" in note for note in notes), notes
    found = open_sweep(bench.store, view.result)
    np.testing.assert_array_equal(found.values, alone(question, tmp_path / "other"))
    assert found.n_computed >= found.values.shape[0] * found.values.shape[1]  # by the workers, not read again


def test_the_bundled_model_swept_on_a_cluster_with_a_worker_killed_equals_the_local_sweep(
    ground, home, one_is_shot, tmp_path
):
    question = SweepQuestion(ModelSource("bundled"), DatasetChoice("bundled", limit=2), layers=(3, 20))
    bench = open_workbench()
    plan, outcome = shared(bench, question, ground.engine(), Progress(), 2)
    assert shot().exists()
    assert outcome.notes
    found = merged(bench, plan, Progress())
    other = tmp_path / "other"
    other.mkdir()
    (other / "models").symlink_to(cache_root() / "models")
    np.testing.assert_array_equal(found.values, alone(question, other))
    assert all(0 < seen.pss < seen.rss for seen in outcome.workers)  # the weights are shared, mapped from one file


def test_a_worker_with_other_source_code_is_refused_and_the_run_goes_on_where_there_is_another(ground, home, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(
        ROOT / "goldenlayers_core", copy / "goldenlayers_core", ignore=shutil.ignore_patterns("__pycache__")
    )
    with (copy / "goldenlayers_core" / "subject.py").open("a") as file:
        file.write("\n# another version\n")
    question, bench = tiny_question(tmp_path, steps=3), open_workbench()
    ground.break_node("node-2")
    ground.mend({"PYTHONPATH": str(copy)})
    ground.break_node("node-1")
    try:
        with pytest.raises(EngineError, match="A worker was refused: The run is by source code"):
            shared(bench, question, ground.engine(workers=1), Progress(), 1)
    finally:
        ground.break_node("node-2")
    ground.mend()
    plan, _ = shared(bench, question, ground.engine(), Progress(), 2)
    np.testing.assert_array_equal(merged(bench, plan, Progress()).values, alone(question, tmp_path / "other"))


def test_workers_with_other_weights_are_refused_by_their_fingerprint(ground, home, tmp_path):
    bench: Workbench = open_workbench()
    question = tiny_question(tmp_path)
    plan, _ = make_plan(bench, bench.kind_of(question), question, Progress())
    revised = dataclasses.replace(plan, fingerprint="0" * len(plan.fingerprint))
    name = f"{PlanWorker.__module__}:{PlanWorker.__name__}"
    pieces = tuple(Piece([plain(part)], part.cost) for part in revised.parts)
    with pytest.raises(EngineError, match="The plan is for weights 00000000"):
        ground.engine().run(Crew(name, {"plan": plain(revised), "sources": sources()}, pieces, "Editing"), Progress())


def test_work_without_parts_stays_in_the_app_whatever_the_engine(home, tmp_path):
    from goldenlayers_core.tasks.questions import KnowledgeQuestion

    question = tiny_question(tmp_path)
    bench = open_workbench()
    choose_engine(bench.store, bench.mode, EngineChoice("ray", "127.0.0.1:1"))  # nobody is there
    view = bench.slow.wait(bench.submit(KnowledgeQuestion(question.model, question.choice), "What it knows"), 60)
    bench.close()
    assert (view.state, view.error) == ("done", None)
    bench = open_workbench()
    view = bench.slow.wait(bench.submit(question, "A sweep"), 60)
    bench.close()
    assert "No Ray cluster at '127.0.0.1:1'" in str(view.error)  # while work with parts asks for it
