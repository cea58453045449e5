"""A plan on an engine: what its workers are given, whom they refuse, and the run that is made of it. No Ray here."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.__main__ import main
from goldenlayers_core.errors import ConfigError, NoPartsError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.engines import Local, OnRay, Outcome, Resources
from goldenlayers_core.tasks import DatasetChoice, open_workbench
from goldenlayers_core.tasks.crew import PlanWorker, merged, pieces, run_plan, shared, sources
from goldenlayers_core.tasks.engine_choice import EngineChoice, choose_engine, engine_of
from goldenlayers_core.tasks.mode import Mode
from goldenlayers_core.tasks.plan_file import write_plan
from goldenlayers_core.tasks.plans import make_plan
from goldenlayers_core.tasks.questions import ManyEditsQuestion, SweepQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.sweep import sweep_result
from tests.tiny import save_tiny


@pytest.fixture
def question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepQuestion:
    save_tiny(tmp_path / "tiny")
    rows = [f"The capital of {place} is,{place},Rome,Paris" for place in ("France", "Italy", "Japan", "Spain")]
    (tmp_path / "facts.csv").write_text("\n".join(["prompt,subject,target_new,target_true", *rows]))
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "cache"))
    choice = DatasetChoice(str(tmp_path / "facts.csv"))
    return SweepQuestion(ModelSource(str(tmp_path / "tiny")), choice, settings={"steps": 3, "n_templates": 0})


def test_the_workers_of_an_engine_make_the_run_of_a_single_process(question, tmp_path, capsys):
    bench = open_workbench()
    told = list[str]()
    plan, outcome = shared(bench, question, Local(), Progress(lambda _done, _total, note: told.append(note)), 2)
    assert outcome.computed > 0
    assert outcome.workers[0].pieces == len(pieces(plan, 2)) == 2  # one batch, cut by its layers
    assert "Editing" in told
    found = merged(bench, plan, Progress())
    assert found.n_computed == outcome.computed  # what the workers spent, not what reading it took
    np.testing.assert_array_equal(
        found.values, sweep_result(open_workbench(tmp_path / "x"), question, Progress()).values
    )
    again = run_plan(bench, bench.kind_of(question), plan, Refusing(), Progress())
    assert again.computed == 0  # everything is there: nobody is asked

    write_plan(plan, tmp_path / "plan.json")
    assert main(["merge", str(tmp_path / "plan.json"), "--no-estimates"]) == 0
    assert "--no-estimates" in capsys.readouterr().out  # as `sweep --no-estimates` says


class Refusing:
    """An engine that must not be asked."""

    def run(self, crew: object, progress: Progress) -> Outcome:
        raise AssertionError(crew)


def test_a_worker_of_other_sources_or_weights_refuses_itself(question):
    bench = open_workbench()
    plan, _ = make_plan(bench, bench.kind_of(question), question, Progress())
    with pytest.raises(ConfigError, match="The run is by source code 00000000 and this worker has"):
        PlanWorker({"plan": plain(plan), "sources": "0" * 64}, 0)
    other = dataclasses.replace(plan, fingerprint="1" * len(plan.fingerprint))
    with pytest.raises(ConfigError, match="The plan is for weights 11111111"):
        PlanWorker({"plan": plain(other), "sources": sources()}, 0)


def test_work_that_has_no_parts_says_so_before_any_worker_is_asked(question):
    together = ManyEditsQuestion(question.model, question.choice, method="memit", mode="together", layer=1)
    with pytest.raises(NoPartsError, match="are one edit, which has no parts"):
        shared(open_workbench(), together, Refusing(), Progress())


def test_settings_of_an_engine_are_checked(question):
    assert engine_of(EngineChoice("ray", " auto ", 2, 4, 1)).resources == Resources(2, 4, 1)  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="The engine 'slurm' is not known; give local or ray"):
        EngineChoice("slurm")
    with pytest.raises(ConfigError, match="give at least one CPU each"):
        EngineChoice("ray", cpus=0)
    with pytest.raises(ConfigError, match="not theirs to choose"):
        choose_engine(open_workbench().store, Mode(demo=True), EngineChoice("ray"))


def test_without_ray_one_sentence_says_how_to_get_it(question, monkeypatch, capsys):
    monkeypatch.setattr("goldenlayers_core.runtime.engines.surroundings.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match="Ray is not installed; run `make ray`"):
        shared(open_workbench(), question, OnRay(), Progress())
    assert main(["cluster", "up"]) == 2
    assert "make ray" in capsys.readouterr().err
