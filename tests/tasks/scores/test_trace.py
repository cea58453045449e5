"""A causal trace from question to stored run: computed once, resumed after a cancel and after a kill."""

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

from goldenlayers_core.errors import Cancelled, ConfigError, RequestError, StoreError
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import TraceConfig
from goldenlayers_core.results import POSITIONS, class_means, position_class
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, TokenTraceQuestion, TraceQuestion, open_workbench
from goldenlayers_core.tasks.scores.stored_trace import open_token_trace, open_trace
from goldenlayers_core.tasks.scores.trace import trace, trace_request, trace_result
from goldenlayers_core.tasks.serial import plain

TABLE = "prompt,subject,target_new,target_true\n" + "\n".join(
    f"{before}{country}{after},{country},{new},{true}"
    for before, country, after, new, true in (
        ("The capital of ", "France", " is", "Rome", "Paris"),
        ("The capital of ", "Italy", " is", "Paris", "Rome"),
        ("", "Japan", " is a country whose capital is", "Oslo", "Tokyo"),
        ("The capital of ", "Brazil", " is", "Lima", "Brasilia"),
        ("Madrid is in ", "Spain", "", "Lisbon", "Madrid"),
        ("The capital of ", "Norway", " is", "Cairo", ""),
    )
)
QUICK = TraceConfig(n_samples=2, token_budget=40)


@pytest.fixture
def table(tmp_path) -> Path:
    file = tmp_path / "capitals.csv"
    file.write_text(TABLE)
    return file


def test_only_new_requests_are_traced_and_the_noise_is_the_datasets(bench, tiny, table):
    few, config = trace_result(bench, TraceQuestion(tiny, DatasetChoice(str(table), limit=3), QUICK), Progress())
    assert (few.n_computed, few.n_requests, few.n_layers) == (3, 3, 3)
    assert few.seconds > 0
    more, same = trace_result(bench, TraceQuestion(tiny, DatasetChoice(str(table)), QUICK), Progress())
    assert (more.n_computed, more.n_requests) == (3, 6)
    assert same == config
    np.testing.assert_array_equal(more.effects[:3], few.effects)
    other = dataclasses.replace(QUICK, seed=1)
    assert trace_result(bench, TraceQuestion(tiny, DatasetChoice(str(table)), other), Progress())[0].n_computed == 6
    wide = dataclasses.replace(QUICK, token_budget=999)
    assert trace_result(bench, TraceQuestion(tiny, DatasetChoice(str(table)), wide), Progress())[0].n_computed == 0


def test_a_run_opens_as_it_was(bench, tiny, table):
    config = dataclasses.replace(QUICK, kind="attention", answer="dataset")
    question = TraceQuestion(tiny, DatasetChoice(str(table)), config)
    result, _ = trace_result(bench, question, Progress())
    assert [case for case, _ in result.skipped] == ["6"]  # no true answer
    assert result.answers == ("Paris", "Rome", "Tokyo", "Brasilia", "Madrid")
    run_id = trace(bench, question, Progress())
    opened = open_trace(bench.store, run_id)
    for field in dataclasses.fields(result):
        here, there = getattr(result, field.name), getattr(opened, field.name)
        if isinstance(here, np.ndarray):
            np.testing.assert_array_equal(here, there)
        elif field.name != "n_computed":
            assert here == there, field.name
    assert opened.golden_layer == result.golden_layer
    assert trace(bench, question, Progress()) == run_id
    (manifest,) = bench.store.runs()
    assert dict(manifest.summary)["golden layer"] == str(result.golden_layer)
    with pytest.raises(StoreError, match="trace-0"):
        open_trace(bench.store, "trace-0")


def test_the_classes_of_tokens():
    classes = [position_class(t, (1, 3), 7) for t in range(7)]
    assert classes == ["", *POSITIONS[:3], *POSITIONS[3:]]
    assert [position_class(t, (1, 1), 3) for t in range(3)] == ["", "last subject token", "last token"]
    assert position_class(2, (1, 2), 3) == "last subject token"  # the subject ends the prompt
    effects = np.arange(7.0)[:, None] * np.ones(2)
    np.testing.assert_array_equal(class_means(effects, (1, 3))[:, 0], [1, 2, 3, 4, 5, 6])
    means = class_means(effects, (0, 3))[:, 0]
    np.testing.assert_array_equal(means, [0, 1.5, 3, 4, 5, 6])
    assert np.isnan(class_means(effects, (0, 6))[3:]).all()


def test_averages_leave_out_requests_without_a_token_of_the_class(bench, tiny, table):
    result, _ = trace_result(bench, TraceQuestion(tiny, DatasetChoice(str(table)), QUICK), Progress())
    for place, (count, mean) in enumerate(zip(result.counts(), result.means(), strict=True)):
        column = result.effects[:, place]
        real = column[~np.isnan(column[:, 0])]
        assert count == len(real)
        np.testing.assert_allclose(mean, real.mean(axis=0) if len(real) else np.nan)
    assert result.counts()[POSITIONS.index("last subject token")] == 6
    low, high = result.interval(500, 1)
    middle = result.at_subject.mean(axis=0)
    assert ((low <= middle) & (middle <= high)).all()
    assert (low < high).all()
    assert result.pick_share().sum() == pytest.approx(1)


def test_a_cancelled_trace_keeps_what_was_finished(bench, tiny, table):
    question = TraceQuestion(tiny, DatasetChoice(str(table)), dataclasses.replace(QUICK, token_budget=1))
    bench.model(tiny)  # reading it is counted, too
    seen: list[int] = []
    progress = Progress(lambda done, _t, _n: seen.append(done), lambda: bool(seen) and seen[-1] >= 2)
    with pytest.raises(Cancelled):
        trace_result(bench, question, progress)
    assert hooks_on(bench.model(tiny).model) == 0
    result, _ = trace_result(bench, question, Progress())
    assert result.n_requests == 6
    assert 0 < result.n_computed <= 4  # two requests' worth of work are two short requests at least


def test_a_killed_trace_resumes_without_tracing_anything_twice(tmp_path, tiny, table):
    root = tmp_path / "cache"
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from goldenlayers_core.records import ModelSource, TraceConfig
        from goldenlayers_core.tasks import DatasetChoice, TraceQuestion, open_workbench
        import goldenlayers_core.runtime.row_writer as rows
        rows._FLUSH_SECONDS = 0.0
        bench = open_workbench(Path({str(root)!r}))
        config = TraceConfig(n_samples=2, token_budget=1)
        question = TraceQuestion(ModelSource({tiny.source!r}), DatasetChoice({str(table)!r}), config)
        job = bench.submit(question, "killed in the middle")
        append = bench.store.append_rows
        def append_then_die(*args, count=[0]):
            append(*args)
            count[0] += 1
            if count[0] == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        bench.store.append_rows = append_then_die
        bench.slow.wait(job, 100)
        """
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], env=env, timeout=300, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    bench = open_workbench(root)
    (job,) = bench.jobs()
    assert job.state == "interrupted"
    bench.queue_of(job.job_id).resume(job.job_id)
    ended = bench.queue_of(job.job_id).wait(job.job_id, 120)
    assert ended.state == "done", ended.error
    result = open_trace(bench.store, ended.result)
    assert result.n_requests == 6
    assert 0 < result.n_computed <= 4  # two requests' worth of work are two short requests at least
    bench.close()


def test_one_request_token_by_token_shares_the_datasets_rows(bench, tiny, table):
    choice = DatasetChoice(str(table))
    result, _ = trace_result(bench, TraceQuestion(tiny, choice, QUICK), Progress())
    request = bench.dataset(str(table)).requests[0]
    calls: list[str] = []
    question = TokenTraceQuestion(tiny, plain(request), choice, QUICK)
    found = trace_request(bench, question, Progress(lambda _d, _t, note: calls.append(note)))
    assert "1 of 1 requests were in the store" in calls
    assert (found.noise, found.window) == (result.noise, result.window)
    np.testing.assert_array_equal(class_means(found.effects, found.subject), result.effects[0])
    job = bench.submit(question, "one request")
    ended = bench.quick.wait(job, 120)
    assert ended.state == "done", ended.error
    opened = open_token_trace(bench.store, ended.result)
    np.testing.assert_array_equal(opened.effects, found.effects)
    for field in dataclasses.fields(found):
        if field.name != "effects":
            assert getattr(opened, field.name) == getattr(found, field.name), field.name


def test_questions_survive_json():
    question = TraceQuestion(choice=DatasetChoice("bundled", "proxy", 3), config=TraceConfig("hidden", 2))
    assert TraceQuestion.from_params(json.loads(json.dumps(question.to_params()))) == question
    one = TokenTraceQuestion(request={"prompt": "x"}, config=TraceConfig("attention", seed=3))
    assert TokenTraceQuestion.from_params(json.loads(json.dumps(one.to_params()))) == one
    with pytest.raises(ConfigError):
        TraceQuestion.from_params({"config": {"colour": "red"}})


def test_a_dataset_that_cannot_be_traced_says_why(bench, tiny, tmp_path):
    file = tmp_path / "untraceable.csv"
    file.write_text("prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,\n")
    question = TraceQuestion(tiny, DatasetChoice(str(file)), dataclasses.replace(QUICK, answer="dataset"))
    with pytest.raises(RequestError, match=r"None of the 1 requests can be traced\. The dataset gives no true answer"):
        trace_result(bench, question, Progress())
