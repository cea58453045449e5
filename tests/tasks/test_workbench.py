"""From question to stored answer, on the bundled model and on tiny ones."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.errors import ConfigError, DatasetError, GoldenLayersError, ModelError, RequestError
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest, LgaConfig, ModelSource, Probe, SelectionConfig
from goldenlayers_core.results.edit.sides import Decoding
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, KnowledgeQuestion, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.edit.export import export_to, open_edits
from goldenlayers_core.tasks.edit.one_edit import edit, open_edit
from goldenlayers_core.tasks.edit.sides import side_by_side
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.recommendation import by_gradients, recommend
from goldenlayers_core.tasks.scores.layer_scores import layer_scores, score
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.serial import dataset_from, plain, report_from, request_from
from tests import made_evidence
from tests.tiny import save_tiny

TABLE = "prompt,subject,target_new,target_true\n" + "\n".join(
    f"The capital of {country} is,{country},{new},{true}"
    for country, new, true in (
        ("France", "Rome", "Paris"),
        ("Italy", "Paris", "Rome"),
        ("Japan", "Oslo", "Tokyo"),
        ("Brazil", "Lima and Paris", "Brasilia"),
        ("Spain", "Lisbon", "Madrid"),
        ("Norway", "Cairo", "Oslo"),
    )
)


@pytest.fixture
def table(tmp_path) -> Path:
    file = tmp_path / "capitals.csv"
    file.write_text(TABLE)
    return file


def test_scores_are_stored_per_request_and_only_new_ones_are_computed(bench, tiny, table):
    few = ScoreQuestion(tiny, DatasetChoice(str(table), limit=4))
    scores, selection = layer_scores(bench, few, Progress())
    assert (scores.n_computed, scores.n_requests) == (4, 4)
    assert scores.n_tokens > 0
    more, _ = layer_scores(bench, dataclasses.replace(few, choice=DatasetChoice(str(table))), Progress())
    assert (more.n_computed, more.n_requests) == (2, 6)
    np.testing.assert_array_equal(more.values[:4], scores.values)
    again, same = layer_scores(bench, few, Progress())
    assert again.n_computed == 0
    np.testing.assert_array_equal(again.values, scores.values)
    assert same.golden_layer == selection.golden_layer


def test_other_settings_do_not_share_scores(bench, tiny, table):
    first, _ = layer_scores(bench, ScoreQuestion(tiny, DatasetChoice(str(table))), Progress())
    other, _ = layer_scores(
        bench, ScoreQuestion(tiny, DatasetChoice(str(table)), LgaConfig(scope="attention")), Progress()
    )
    assert other.n_computed == 6
    assert not np.allclose(first.values, other.values)
    budget = ScoreQuestion(tiny, DatasetChoice(str(table)), LgaConfig(token_budget=7))
    assert layer_scores(bench, budget, Progress())[0].n_computed == 0  # how it is batched changes nothing


def test_a_run_opens_as_it_was_and_equal_questions_share_it(bench, tiny, table):
    question = ScoreQuestion(tiny, DatasetChoice(str(table)), selection=SelectionConfig(fence=2.0))
    scores, selection = layer_scores(bench, question, Progress())
    run_id = score(bench, question, Progress())
    opened, chosen = open_scores(bench.store, run_id)
    for field in dataclasses.fields(scores):
        if field.name not in ("seconds", "n_computed", "n_tokens"):
            here, there = getattr(scores, field.name), getattr(opened, field.name)
            assert np.array_equal(here, there) if isinstance(here, np.ndarray) else here == there, field.name
    assert chosen.ranking == selection.ranking
    assert score(bench, question, Progress()) == run_id
    assert len(bench.store.runs()) == 1


def test_a_cancelled_score_keeps_what_was_finished(bench, tiny, table):
    question = ScoreQuestion(tiny, DatasetChoice(str(table)), LgaConfig(token_budget=1))

    def stop_after_two(done: int, _total: int, _note: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    handle = bench.model(tiny)  # reading it is counted, too
    with pytest.raises(KeyboardInterrupt):
        layer_scores(bench, question, Progress(stop_after_two))
    assert hooks_on(handle.model) == 0
    scores, _ = layer_scores(bench, question, Progress())
    assert (scores.n_computed, scores.n_requests) == (4, 6)


def test_a_killed_score_resumes_without_computing_anything_twice(tmp_path, tiny, table):
    root = tmp_path / "cache"
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from goldenlayers_core.records import LgaConfig, ModelSource
        from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
        import goldenlayers_core.runtime.row_writer as rows
        rows._FLUSH_SECONDS = 0.0
        bench = open_workbench(Path({str(root)!r}))
        question = ScoreQuestion(ModelSource({tiny.source!r}), DatasetChoice({str(table)!r}), LgaConfig(token_budget=1))
        job = bench.submit(question, "killed in the middle")
        append = bench.store.append_rows
        def append_then_die(*args, count=[0]):
            append(*args)
            count[0] += 1
            if count[0] == 3:
                os.kill(os.getpid(), signal.SIGKILL)
        bench.store.append_rows = append_then_die
        bench.slow.wait(job, 100)
        """
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", script], env=env, timeout=300, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    bench = open_workbench(root)
    (job,) = bench.jobs()
    assert job.state == "interrupted"
    bench.queue_of(job.job_id).resume(job.job_id)
    ended = bench.queue_of(job.job_id).wait(job.job_id, 120)
    assert ended.state == "done", ended.error
    scores, _ = open_scores(bench.store, ended.result)
    assert (scores.n_computed, scores.n_requests) == (3, 6)
    bench.close()


def test_jobs_load_score_ask_and_edit(bench):
    source = ModelSource("bundled")
    load = bench.submit(source, "load")
    assert bench.quick.wait(load, 120).state == "done"
    assert bench.loaded(source).n_layers == 30
    ask = bench.submit(KnowledgeQuestion(source, DatasetChoice("bundled", "proxy", 6)), "ask")
    points = bench.submit(ScoreQuestion(source, DatasetChoice("bundled", "proxy", 4)), "score")
    assert bench.slow.wait(ask, 300).state == "done"
    ended = bench.slow.wait(points, 300)
    assert ended.state == "done", ended.error
    found = by_gradients(bench.store, bench.model(source).fingerprint)
    assert found.run_id == ended.result
    assert "4 requests" in found.evidence
    request = bench.dataset("bundled").requests[0]
    job = bench.submit(EditQuestion(source, plain(request), "rome", 3, {"n_templates": 2, "steps": 15}), "edit")
    ended = bench.quick.wait(job, 300)
    assert ended.state == "done", ended.error
    report = open_report(bench.store, ended.result)
    assert report.layer == 3
    assert report.took
    assert len(report.outcomes) == len(request.probes)


def test_what_the_model_knows_filters_and_is_kept(bench):
    choice = DatasetChoice("bundled", "proxy", 5, known_only=True)
    asked: list[str] = []
    known = bench.requests(choice, ModelSource(), Progress(lambda _d, _t, note: asked.append(note)))
    assert 1 <= len(known.requests) <= 5
    assert "Asking the model" in asked
    whole = bench.requests(DatasetChoice("bundled", "proxy"), ModelSource()).requests
    found = bench.knowledge_counts(ModelSource(), whole)
    assert 5 <= found.n_asked < len(whole)  # asked until five were found
    assert known.requests == tuple(r for r in whole if r in known.requests)  # in the dataset's order


def test_edit_leaves_the_model_alone_and_travels_as_a_file(bench, tmp_path):
    source = ModelSource("bundled")
    handle = bench.model(source)
    before = weights_digest(handle.model)
    request = EditRequest(
        "free",
        "The capital of France is",
        "France",
        "Rome",
        "",
        locality=(Probe("Japan's capital is", (), "locality"),),
    )
    run_id = edit(bench, EditQuestion(source, plain(request), "rome", 4, {"n_templates": 2}), Progress())
    report = open_report(bench.store, run_id)
    assert report.target_true == "Paris"  # the model's own answer stands in
    assert report.after.answer.startswith("Rome")
    assert dict(report.stages).keys() >= {"templates", "keys", "before and after"}
    stacks, prompts = (("A", (report.edit_id,)),), ["The capital city of France is called"]
    unedited, edited = side_by_side(bench, source, stacks, prompts, Decoding(4)).sides
    assert unedited.texts != edited.texts
    assert weights_digest(handle.model) == before
    assert hooks_on(handle.model) == 0
    file = export_to(handle, [open_edit(bench, report.edit_id)], "safetensors", tmp_path / "france.safetensors")
    assert 0 < file.stat().st_size < 50_000
    assert [edit.edit_id for edit in open_edits(file)] == [report.edit_id]


def test_the_recommended_layer_is_computed_when_nothing_is_stored(bench, tiny):
    request = EditRequest("free", "The capital of France is", "France", "Rome", "Paris")
    run_id = edit(bench, EditQuestion(tiny, plain(request), "r-rome", -1, {"n_templates": 1, "steps": 2}), Progress())
    report = open_report(bench.store, run_id)
    assert report.layer_evidence.startswith("LGA on ")
    assert "bundled" in report.layer_evidence
    assert report.layer == recommend(bench.store, bench.model(tiny).fingerprint).layer


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"layer": 30}, GoldenLayersError),
        ({"method": "surgery"}, ConfigError),
        ({"settings": {"stepps": 3}}, ConfigError),
        ({"settings": {"steps": 0}}, ConfigError),
        ({"request": {"subject": "Spain"}}, RequestError),
        ({"request": {"target_new": " "}}, RequestError),
    ],
)
def test_a_bad_edit_is_one_sentence_and_changes_nothing(bench, change, error):
    source = ModelSource("bundled")
    handle = bench.model(source)
    request = {
        **plain(EditRequest("x", "The capital of France is", "France", "Rome", "Paris")),
        **change.pop("request", {}),
    }
    values = {
        "model": source,
        "request": request,
        "method": "rome",
        "layer": 3,
        "settings": {"n_templates": 1},
        **change,
    }
    with pytest.raises(error) as raised:
        edit(bench, EditQuestion(**values), Progress())
    assert "\n" not in str(raised.value)
    assert hooks_on(handle.model) == 0
    assert not bench.store.runs()


def test_a_model_that_fails_leaves_the_loaded_one(bench, tiny):
    handle = bench.model(tiny)
    with pytest.raises(ModelError):
        bench.model(ModelSource("/no/such/folder"))
    assert bench.model(tiny) is handle
    assert bench.loaded(ModelSource("/no/such/folder")) is None


def test_only_two_models_are_kept(bench, tmp_path):
    sources = [ModelSource(str(save_tiny(tmp_path / name, seed=i))) for i, name in enumerate("abc")]
    for source in sources:
        bench.model(source)
    assert [bench.loaded(s) is not None for s in sources] == [False, True, True]


def test_uploads_are_kept_and_open_in_another_workbench(bench, table):
    reference, dataset = bench.upload(table.read_bytes(), "capitals.csv")
    assert reference in bench.uploads()
    other = open_workbench(bench.root)
    assert other.dataset(reference) == dataset
    other.close()
    with pytest.raises(DatasetError, match="upload the file again"):
        bench.dataset("upload-" + "0" * 32)


def test_a_choice_that_leaves_nothing_says_so(bench, tiny, table):
    with pytest.raises(DatasetError, match="No request is left"):
        bench.requests(DatasetChoice(str(table), known_only=True), tiny)  # a random model knows nothing
    for wrong in ({"limit": 0}, {"split": "half"}):
        with pytest.raises(ConfigError):
            DatasetChoice("bundled", **wrong)


def test_records_survive_json(bench):
    dataset = bench.dataset("bundled-hard")
    again = dataset_from(json.loads(json.dumps(plain(dataset))))
    assert again == dataset
    request = dataset.requests[0]
    assert request_from(json.loads(json.dumps(plain(request)))) == request
    question = ScoreQuestion(choice=DatasetChoice("bundled", "proxy", 3), config=LgaConfig("block"))
    assert ScoreQuestion.from_params(json.loads(json.dumps(question.to_params()))) == question
    with pytest.raises(ConfigError):
        ScoreQuestion.from_params({"choice": {"colour": "red"}})
    with pytest.raises(GoldenLayersError):
        report_from({"outcomes": [{}]})


def test_importing_the_tasks_loads_no_torch():
    modules = "goldenlayers_core.tasks, goldenlayers_core.tasks.scores.stored"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=env, timeout=120).returncode == 0


def test_what_recommended_a_layer_says_how_much_it_carries(bench, tiny, tmp_path, monkeypatch):
    handle, request = bench.model(tiny), EditRequest("free", "The capital of France is", "France", "Rome", "Paris")

    def why(method: str, n: int) -> str:
        scores = made_evidence.peaked(n, handle.n_layers, 1)
        made_evidence.only(monkeypatch, tmp_path / f"{n}.parquet", made_evidence.rows(scores, handle.fingerprint))
        quick = {"n_templates": 0, "steps": 2}
        report = open_report(
            bench.store, edit(bench, EditQuestion(tiny, plain(request), method, -1, quick), Progress())
        )
        assert method != "rome" or report.layer == 1
        return report.layer_evidence

    assert why("rome", 12).startswith("a sweep of real ROME edits that come with the model")
    assert why("rome", 3).startswith("Too few to tell: layer 1 is ahead so far; a small sweep of real ROME edits")
    assert why("r-rome", 12).endswith("an estimate: no real R-ROME edits of this model were measured")
