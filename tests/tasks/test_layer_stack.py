"""The layer stack holds what the store knows of a model, and nothing of another."""

import dataclasses
from pathlib import Path

import pytest

from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench
from goldenlayers_core.tasks.layer_stack import stack_of
from goldenlayers_core.tasks.questions import SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.sweep import sweep
from tests.made_up import made_search

FACTS = "prompt,subject,target_new,target_true\n" + "\n".join(
    f"The capital of {country} is,{country},{new},{true}"
    for country, new, true in (("France", "Rome", "Paris"), ("Japan", "Oslo", "Tokyo"), ("Spain", "Lisbon", "Madrid"))
)


@pytest.fixture
def choice(tmp_path: Path) -> DatasetChoice:
    (tmp_path / "capitals.csv").write_text(FACTS)
    return DatasetChoice(str(tmp_path / "capitals.csv"))


def test_flags_of_every_kind(bench: Workbench, tiny: ModelSource, choice: DatasetChoice) -> None:
    fingerprint = bench.model(tiny).fingerprint
    empty = stack_of(bench.store, "tiny", fingerprint, 3, MethodUsed())
    assert (empty.best, empty.level, empty.flags) == (None, (), ())
    for reading in ("sequence", "answer"):
        score(bench, ScoreQuestion(tiny, choice, LgaConfig(loss_on=reading)), Progress())  # type: ignore[arg-type]
    estimated = stack_of(bench.store, "tiny", fingerprint, 3, MethodUsed(), edited=(2, 2, 7))
    assert {(flag.label, flag.kind) for flag in estimated.flags} == {
        ("LGA", "estimate"),
        ("LGA on the answer", "estimate"),
        ("edited", "edited"),
    }
    assert [flag.layer for flag in estimated.flags if flag.kind == "edited"] == [2]
    assert estimated.best is None
    sweep(bench, SweepQuestion(tiny, choice, settings={"steps": 1, "n_templates": 0}), Progress())
    judged = stack_of(bench.store, "tiny", fingerprint, 3, MethodUsed())
    assert judged.best in judged.level
    assert judged.measured == (0, 1, 2)
    assert judged.headline.startswith("Too few to tell")
    assert "3 requests" in judged.evidence
    other = stack_of(bench.store, "tiny", fingerprint, 3, MethodUsed("wise"))
    assert (other.best, other.level) == (None, ())  # another method's edits are no evidence for it
    assert not stack_of(bench.store, "tiny", "another", 3, MethodUsed()).flags


def test_a_search_of_few_requests_is_an_estimate(bench: Workbench, tiny: ModelSource, choice: DatasetChoice) -> None:
    fingerprint = bench.model(tiny).fingerprint
    for n_requests, kind in ((FEW - 1, "estimate"), (FEW, "real edits")):
        found = made_search(fingerprint)
        last = dataclasses.replace(found.rounds[-1], n_requests=n_requests)
        save_search(bench.store, SearchQuestion(tiny, choice), dataclasses.replace(found, rounds=(last,)))
        (flag,) = stack_of(bench.store, "tiny", fingerprint, 8, MethodUsed()).flags
        assert (flag.label, flag.kind, flag.layer) == ("search", kind, 2)
