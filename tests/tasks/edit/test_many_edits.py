"""Many facts at one layer: alone, together, one after another; stored, resumed, and the same as one by one."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.commands.answers_many import many_answer, many_lines
from goldenlayers_core.editing import Supplies, get_method, methods, overlay
from goldenlayers_core.errors import Cancelled, ConfigError, EditError, RequestError, StoreError
from goldenlayers_core.evaluation.answers import same_answer
from goldenlayers_core.evaluation.evaluate import evaluate_edit, read_probes
from goldenlayers_core.figures import rate_bars
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import ModelSource
from goldenlayers_core.reports import csv_text
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
    long.write_text(f"prompt,subject,target_new\nFrance {'and more ' * 200} is,France,Rome\n")
    with pytest.raises(RequestError, match="None of the 1 requests can be edited"):
        many_result(bench, question(tiny, long), Progress())


NEIGHBOURS = "prompt,subject,target_new,target_true,locality_prompt,locality_answer\n" + "\n".join(
    f"The capital of {country} is,{country},{new},{true},The river of {country} is,Po"
    for country, new, true in (("France", "Rome", "Paris"), ("Italy", "Paris", "Rome"), ("Japan", "Oslo", "Tokyo"))
)
FIRM = {"steps": 8, "n_templates": 0, "clamp_factor": 20.0}


def test_a_stack_is_compared_with_the_unedited_model_whatever_it_lies_on(
    bench: Workbench, tiny: ModelSource, tmp_path: Path
) -> None:
    file = tmp_path / "neighbours.csv"
    file.write_text(NEIGHBOURS)
    requests, handle = bench.dataset(str(file)).requests, bench.model(tiny)
    assert [len(r.locality) for r in requests] == [1, 1, 1]
    under = open_report(bench.store, edit(bench, EditQuestion(tiny, plain(requests[0]), "rome", 0, FIRM), Progress()))
    assert under.before.answer != under.after.answer  # what lies below changes answers
    asked = question(tiny, file, mode="sequential", settings=FIRM, earlier=(under.edit_id,))
    found = open_many(bench.store, many_edits(bench, asked, Progress()))
    assert (found.baseline, found.n_requests) == ("unedited", 3)
    stack = [open_edit(bench, edit_id) for edit_id in (under.edit_id, *found.edit_ids)]
    for i, (report, own) in enumerate(zip(found.reports, found.own_reports, strict=True)):
        plain_model = read_probes(handle, requests[i])
        with handle.lock, overlay(handle, stack[: i + 2]):  # its own edit is the last
            then = read_probes(handle, requests[i])
        with handle.lock, overlay(handle, stack):
            last = read_probes(handle, requests[i])
        assert [o.before.answer for o in report.outcomes] == [r.view.answer for r in plain_model]
        assert [o.after.answer for o in report.outcomes] == [r.view.answer for r in last]
        assert [o.before.answer for o in own.outcomes] == [r.view.answer for r in plain_model]
        assert [o.after.answer for o in own.outcomes] == [r.view.answer for r in then]
        probe = requests[i].probes[1]
        assert report.outcomes[1].success == same_answer(plain_model[1].view.answer, last[1].view.answer, probe.answers)
    assert [o.after.answer for r in found.reports for o in r.outcomes] != [
        o.after.answer for r in found.own_reports for o in r.outcomes
    ]
    assert {r.kind: r.n_probes for r in found.own_rates} == {"rewrite": 3, "locality": 3}
    told = many_answer(found, "neighbours", "run")
    assert [rate["kind"] for rate in told["rates_at_own_time"]] == ["rewrite", "locality"]
    assert "what the unedited model says. Rates are over all 3 facts written" in told["definition"]
    assert set(found.to_frame()["compared_with"]) == {"the unedited model"}
    assert "locality_at_own_time" in found.to_frame()
    alone = many_result(bench, question(tiny, file, settings=FIRM, earlier=(under.edit_id,), limit=1), Progress())
    assert (alone.baseline, alone.own_reports) == ("below", ())
    assert "says. Rates" in alone.definition
    assert "the model with the edits below these" in alone.definition


def test_runs_stored_before_open_as_what_they_are(bench: Workbench, tiny: ModelSource, table: Path) -> None:
    below = open_report(
        bench.store,
        edit(bench, EditQuestion(tiny, plain(bench.dataset(str(table)).requests[4]), "rome", 0, SETTINGS), Progress()),
    )
    for earlier, baseline in (((), "unedited"), ((below.edit_id,), "below")):
        asked = question(tiny, table, mode="sequential", limit=2, earlier=earlier)
        run = bench.store.load_run(many_edits(bench, asked, Progress()))
        rest = json.loads(run.texts["rest"])
        del rest["baseline"]
        texts = {"rest": json.dumps(rest), "reports": run.texts["reports"]}  # as many-1 wrote them
        manifest = dataclasses.replace(run.manifest, run_id=f"many-edits-old{len(earlier)}", code_version="many-1")
        bench.store.save_run(manifest, run.frames, texts)
        found = open_many(bench.store, manifest.run_id)
        assert (found.baseline, found.own_rates) == (baseline, ())
        assert found.definition.endswith("At its own time: not asked when this run was made.")


def test_kinds_that_nobody_has_are_not_asked_everywhere(bench: Workbench, tiny: ModelSource, table: Path) -> None:
    run_id = many_edits(bench, question(tiny, table, limit=2), Progress())
    found = open_many(bench.store, run_id)
    assert found.not_asked == ("rephrase", "locality", "portability")
    told = many_answer(found, "capitals", run_id)
    assert told["not_asked"] == ["rephrase", "locality", "portability"]
    assert [rate["kind"] for rate in told["rates"]] == ["rewrite"]
    assert all(row[kind] is None for row in told["requests"] for kind in told["not_asked"])
    assert "NaN" not in json.dumps(told)
    lines = many_lines(told)
    assert [line.split() for line in lines if line.endswith("not asked")] == [
        [kind, "not", "asked"] for kind in ("rephrase", "locality", "portability")
    ]
    rows = list(csv.DictReader(io.StringIO(csv_text(found.to_frame()))))
    assert {row[kind] for row in rows for kind in told["not_asked"]} == {"not asked"}
    assert "nan" not in csv_text(found.probes_frame()).lower()
    assert bench.store.manifest(run_id).told["locality"] == "not asked"
    figure = rate_bars(found)
    assert list(figure.data[0].y) == ["rewrite"]
    assert "Not asked: rephrase, locality, portability." in figure.layout.meta["subtitle"]


TWO_TARGETS = (
    "The capital of France is,France,Rome\nThe capital of Italy is,Italy,Oslo\nThe capital of France is,France,"
)
ONE_KEY = "France has the capital,France,Rome\nFrance has the currency,France,Yen\nFrance lies in,France,Asia"


@pytest.mark.parametrize(
    ("rows", "mode", "words"),
    [
        (TWO_TARGETS + "Lima", "together", r"→ 'Rome' \(.*\) and 'The capital of France is' → 'Lima' .* two targets"),
        (TWO_TARGETS + "Lima", "sequential", "contradict each other, one prompt with two targets; leave one out"),
        (ONE_KEY, "together", r"'France has the currency' → 'Yen' .* have one key, .* \(1 more such row\)"),
    ],
)
def test_contradictions_are_named_before_anything_is_computed(
    bench: Workbench, tiny: ModelSource, tmp_path: Path, rows: str, mode: str, words: str
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"prompt,subject,target_new\n{rows}\n")
    seen: list[str] = []
    progress = Progress(lambda _done, _total, note: seen.append(note))
    bench.model(tiny)
    with pytest.raises(RequestError, match=words):
        many_result(bench, question(tiny, file, mode=mode, method="memit", settings={"steps": 2}), progress)
    assert seen == []
    assert bench.store.names("covariances") == () == tuple(bench.store.names("edits"))


def test_rows_that_agree_are_written(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"prompt,subject,target_new\n{TWO_TARGETS}Rome\n")  # the same fact twice is one
    assert many_result(bench, question(tiny, file, mode="sequential"), Progress()).n_requests == 2
    file.write_text(f"prompt,subject,target_new\n{ONE_KEY}\n")  # on top of each other one value may serve them all
    assert many_result(bench, question(tiny, file, mode="sequential"), Progress()).n_requests == 3
    file.write_text(f"prompt,subject,target_new\n{TWO_TARGETS}Lima\n")
    assert many_result(bench, question(tiny, file), Progress()).n_requests == 3
