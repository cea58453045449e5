"""Many facts at one layer: alone, together, one after another; stored, resumed, and the same as one by one."""

from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.editing import Supplies, get_method, methods, overlay
from goldenlayers_core.errors import Cancelled, ConfigError, EditError, RequestError, StoreError
from goldenlayers_core.evaluation.evaluate import evaluate_edit
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.edit.stack import left_behind
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench
from goldenlayers_core.tasks.edit.many_edits import many_edits, many_result, weight_change
from goldenlayers_core.tasks.edit.one_edit import edit, method_settings, open_edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.stored_many import open_many
from goldenlayers_core.tasks.questions import ManyEditsQuestion
from goldenlayers_core.tasks.serial import plain
from tests.tasks.truth.test_sweep import FACTS

SETTINGS = {"steps": 3, "n_templates": 0}
REPHRASED = "prompt,subject,target_new,target_true,rephrase\n" + "\n".join(
    f"The capital of {country} is,{country},{new},{true},The capital city of {country} is"
    for country, new, true in (("France", "Rome", "Paris"), ("Italy", "Paris", "Rome"), ("Japan", "Oslo", "Tokyo"))
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "capitals.csv"
    file.write_text(FACTS)
    return file


def question(model: ModelSource, table: Path, **more: object) -> ManyEditsQuestion:
    limit = more.pop("limit", None)
    more = {"method": "rome", "layer": 1, "settings": SETTINGS, **more}
    return ManyEditsQuestion(model, DatasetChoice(str(table), limit=limit), **more)  # type: ignore[arg-type]


def test_each_alone_is_what_one_by_one_would_be(bench: Workbench, tiny: ModelSource, table: Path) -> None:
    handle = bench.model(tiny)
    digest = weights_digest(handle.model)
    found = many_result(bench, question(tiny, table, limit=3), Progress())
    assert (found.mode, found.method, found.layer, found.layers) == ("alone", "rome", 1, (1,))
    assert (found.n_requests, found.n_computed, found.skipped) == (3, 3, ())
    requests = bench.dataset(str(table)).requests[:3]
    for request, report in zip(requests, found.reports, strict=True):
        single = EditQuestion(tiny, plain(request), "rome", 1, SETTINGS)
        alone = open_report(bench.store, edit(bench, single, Progress()))
        assert (report.verdict, report.after.answer, report.took) == (alone.verdict, alone.after.answer, alone.took)
        assert report.weight_change == pytest.approx(alone.weight_change, rel=1e-3)
        assert report.after.target_new_probability == pytest.approx(alone.after.target_new_probability, rel=1e-2)
    assert found.weight_change == pytest.approx(np.mean([r.weight_change for r in found.reports]))
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0


def test_what_is_stored_is_not_computed_again_and_comes_back(bench: Workbench, tiny: ModelSource, table: Path) -> None:
    first = many_result(bench, question(tiny, table, limit=2), Progress())
    assert first.n_computed == 2
    run_id = many_edits(bench, question(tiny, table), Progress())
    found = open_many(bench.store, run_id)
    assert (found.n_requests, found.n_computed) == (6, 4)
    assert [r.after.answer for r in found.reports[:2]] == [r.after.answer for r in first.reports]
    assert many_edits(bench, question(tiny, table), Progress()) == run_id
    assert open_many(bench.store, run_id).n_computed == 4  # what it cost is kept
    other = many_result(bench, question(tiny, table, layer=2), Progress())
    assert other.n_computed == 6
    frame, probes = found.to_frame(), found.probes_frame()
    assert list(frame["case_id"]) == [r.case_id for r in bench.dataset(str(table)).requests]
    assert len(probes) == sum(len(r.outcomes) for r in found.reports)
    assert frame["rephrase"].isna().all()  # this table has none: not measured is not shown
    with pytest.raises(StoreError, match="There is no run"):
        open_many(bench.store, "many-edits-0")
    (listed,) = [m for m in bench.store.runs() if m.run_id == run_id]
    assert listed.title.startswith("6 edits of ")
    single = EditQuestion(tiny, plain(bench.dataset(str(table)).requests[0]), "rome", 1, SETTINGS)
    other_run = edit(bench, single, Progress())
    with pytest.raises(StoreError, match="holds no many edits"):
        open_many(bench.store, other_run)


def test_cancelled_work_keeps_what_was_finished(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    names = [f"Place{a}{b}" for a in "abcd" for b in "efgh"]
    file.write_text("prompt,subject,target_new\n" + "\n".join(f"The capital of {n} is,{n},Rome" for n in names))
    seen: list[int] = []

    def report(done: int, total: int, note: str) -> None:
        if total == 16:
            seen.append(done)

    with pytest.raises(Cancelled):
        many_result(bench, question(tiny, file), Progress(report, lambda: bool(seen) and seen[-1] >= 8))
    found = many_result(bench, question(tiny, file), Progress())
    assert (found.n_requests, found.n_computed) == (16, 8)


def test_one_after_another_is_the_stack_it_says(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    file = tmp_path / "rephrased.csv"
    file.write_text(REPHRASED)
    found = open_many(bench.store, many_edits(bench, question(tiny, file, mode="sequential"), Progress()))
    handle = bench.model(tiny)
    stack = [open_edit(bench, edit_id) for edit_id in found.edit_ids]
    assert len(stack) == 3
    assert found.weight_change == pytest.approx(weight_change(handle, stack))
    requests = bench.dataset(str(file)).requests
    method, config = get_method("rome"), method_settings(get_method("rome").config_class, SETTINGS)
    with handle.lock, overlay(handle, stack[:1]):  # the second is computed on top of the first
        second = method.run(handle, requests[1], 1, config, Supplies(("{}",), {}, (stack[0],)), None)
    assert second == stack[1]
    with handle.lock, overlay(handle, stack[:2]):  # and everything is asked under all three
        last = evaluate_edit(handle, stack[2], requests[2])
    assert found.reports[2].after.answer == last.after.answer
    assert [o.after.answer for o in found.reports[2].outcomes] == [o.after.answer for o in last.outcomes]
    assert [edit.below for edit in stack] == [(), found.edit_ids[:1], found.edit_ids[:2]]
    assert left_behind(stack) == "" == left_behind(stack[:2])
    assert "of 'The capital of Italy is' was computed on top of another edit" in left_behind(stack[1:2])
    assert "2 of these edits were computed on top of another edit" in left_behind(stack[1:])
    kinds = {rate.kind: rate for rate in found.rates}
    assert (kinds["rephrase"].n_probes, kinds["rephrase"].n_requests) == (3, 3)
    assert set(found.failures) == {i for i, r in enumerate(found.reports) if not all(o.success for o in r.outcomes)}


def test_a_stack_that_was_stopped_goes_on_where_it_was(bench: Workbench, tiny: ModelSource, table: Path) -> None:
    notes: list[str] = []

    def report(done: int, total: int, note: str) -> None:
        notes.append(note)

    def at_third() -> bool:
        return bool(notes) and notes[-1].startswith("Edit 3 of 3")

    asked = question(tiny, table, mode="sequential", limit=3)
    with pytest.raises(Cancelled):
        many_result(bench, asked, Progress(report, at_third))
    found = many_result(bench, asked, Progress())
    assert (found.n_requests, found.n_computed) == (3, 1)
    again = many_result(bench, asked, Progress())
    assert again.n_computed == 0
    assert again.edit_ids == found.edit_ids


def test_together_is_one_edit_where_the_method_can(bench: Workbench, tiny: ModelSource, table: Path) -> None:
    with pytest.raises(ConfigError, match="ROME writes one fact at a time; write them alone or one after another"):
        many_result(bench, question(tiny, table, mode="together"), Progress())
    able = [method for method in methods() if method.run_batch]
    assert able
    asked = question(tiny, table, mode="together", method=able[0].name, settings={"steps": 2}, limit=3)
    found = open_many(bench.store, many_edits(bench, asked, Progress()))
    (edit_id,) = found.edit_ids
    made = open_edit(bench, edit_id)
    assert [fact.subject for fact in made.facts] == ["France", "Italy", "Japan"]
    assert found.weight_change == pytest.approx(made.weight_change, rel=1e-3)
    assert {report.edit_id for report in found.reports} == {edit_id}
    alone = evaluate_edit(bench.model(tiny), made, bench.dataset(str(table)).requests[1])
    assert found.reports[1].verdict == alone.verdict


def test_mistakes_are_one_sentence(bench: Workbench, tiny: ModelSource, table: Path, tmp_path: Path) -> None:
    with pytest.raises(EditError, match="Layer 7 was asked for"):
        many_result(bench, question(tiny, table, layer=7), Progress())
    with pytest.raises(ConfigError, match="choose one of alone, together, sequential"):
        question(tiny, table, mode="somehow")
    long = tmp_path / "long.csv"
    long.write_text(f"prompt,subject,target_new\nFrance {'and more ' * 300} is,France,Rome\n")
    with pytest.raises(RequestError, match="None of the 1 requests can be edited"):
        many_result(bench, question(tiny, long), Progress())
