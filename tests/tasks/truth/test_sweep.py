"""Sweeps and searches from question to stored run: each pair computed once, whatever stopped the work in between."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import Cancelled, ConfigError, EditError, GoldenLayersError, StoreError
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import METRICS
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, Workbench
from goldenlayers_core.tasks.questions import SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.truth.search import _Part, search
from goldenlayers_core.tasks.truth.stored_search import open_search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.sweep import open_bed, sweep, sweep_result
from tests.tiny import LAYERS

FACTS = "prompt,subject,target_new,target_true\n" + "\n".join(
    f"The capital of {country} is,{country},{new},{true}"
    for country, new, true in (
        ("France", "Rome", "Paris"),
        ("Italy", "Paris", "Rome"),
        ("Japan", "Oslo", "Tokyo"),
        ("Spain", "Lisbon", "Madrid"),
        ("Norway", "Cairo", "Oslo"),
        ("Brazil", "Lima", "Brasilia"),
    )
)
SETTINGS = {"steps": 3, "n_templates": 0}


@pytest.fixture
def table(tmp_path) -> Path:
    file = tmp_path / "capitals.csv"
    file.write_text(FACTS)
    return file


def question(model: ModelSource, table: Path, limit: int | None = None, **more: object) -> SweepQuestion:
    return SweepQuestion(model, DatasetChoice(str(table), limit=limit), settings=SETTINGS, **more)  # type: ignore[arg-type]


def stored(bench: Workbench, asked: SweepQuestion) -> pd.DataFrame:
    return open_bed(bench, asked, Progress()).rows()


def test_a_sweep_is_stored_and_comes_back_as_it_was(bench, tiny, table):
    asked = question(tiny, table)
    found = sweep_result(bench, asked, Progress())
    assert found.n_computed == 6 * LAYERS
    assert found.layers == tuple(range(LAYERS))
    assert found.seconds_per_edit > 0
    handle = bench.model(tiny)
    assert hooks_on(handle.model) == 0
    run_id = sweep(bench, asked, Progress())
    again = open_sweep(bench.store, run_id)
    np.testing.assert_array_equal(again.values, found.values)
    np.testing.assert_array_equal(again.before, found.before)
    assert again.answers == found.answers
    assert again.answers_before == found.answers_before
    assert again.prompts == found.prompts
    assert again.config == found.config
    assert again.golden_layer == found.golden_layer
    assert again.n_layers == LAYERS
    assert list(again.to_frame().columns[-1:]) == ["answer"]
    assert not np.isnan(found.of("rewrite")).any()
    assert np.isnan(found.of("rephrase")).all()  # this table has none: not measured is not shown
    advice = recommend(bench.store, handle.fingerprint)
    assert advice is not None
    assert advice.layer == found.golden_layer
    assert "sweep" in advice.evidence


def test_only_new_requests_and_new_layers_are_computed(bench, tiny, table):
    first = sweep_result(bench, question(tiny, table, limit=2, layers=(0, 2)), Progress())
    assert first.n_computed == 4
    more = sweep_result(bench, question(tiny, table, limit=4), Progress())
    assert more.n_computed == 4 * LAYERS - 4
    np.testing.assert_array_equal(more.values[:2, [0, 2]], first.values)
    assert sweep_result(bench, question(tiny, table, limit=4), Progress()).n_computed == 0
    other = SweepQuestion(tiny, DatasetChoice(str(table), limit=2), settings={**SETTINGS, "steps": 2})
    assert sweep_result(bench, other, Progress()).n_computed == 2 * LAYERS  # other settings, other edits


def test_a_cancelled_sweep_goes_on_where_it_stopped(bench, tiny, table):
    seen: list[int] = []

    def report(done: int, total: int, note: str) -> None:
        if total == 6 * LAYERS:
            seen.append(done)

    with pytest.raises(Cancelled):
        sweep_result(bench, question(tiny, table), Progress(report, lambda: bool(seen) and seen[-1] >= 5))
    kept = stored(bench, question(tiny, table))
    pairs = int((kept.index.get_level_values("layer") >= 0).sum())
    assert 5 <= pairs < 6 * LAYERS
    found = sweep_result(bench, question(tiny, table), Progress())
    assert found.n_computed == 6 * LAYERS - pairs
    after = stored(bench, question(tiny, table)).loc[kept.index]
    pd.testing.assert_series_equal(after["seconds"], kept["seconds"])  # as they were measured the first time


def test_what_is_measured_of_a_batch_is_stored_together(bench, tiny, table, monkeypatch):
    monkeypatch.setattr("goldenlayers_core.runtime.row_writer._FLUSH_SECONDS", 0.0)
    written: list[pd.DataFrame] = []
    append = bench.store.append_rows

    def seen(name: str, key: str, rows: pd.DataFrame) -> None:
        written.append(rows)
        append(name, key, rows)

    monkeypatch.setattr(bench.store, "append_rows", seen)
    sweep_result(bench, question(tiny, table), Progress())
    batches = [rows for rows in written if "layer" in rows]
    assert len(batches) == LAYERS + 1  # a kill between two of them leaves whole batches to be done
    assert all(len(rows) == 6 and rows["layer"].nunique() == 1 for rows in batches)


def test_a_killed_sweep_resumes_without_computing_a_finished_pair_again(bench, tiny, table):
    script = textwrap.dedent(
        f"""
        import os, signal
        from goldenlayers_core.records import ModelSource
        from goldenlayers_core.runtime import Progress, row_writer
        from goldenlayers_core.tasks import DatasetChoice, Workbench, open_workbench
        from goldenlayers_core.tasks.questions import SweepQuestion
        from goldenlayers_core.tasks.truth import sweep

        row_writer._FLUSH_SECONDS = 0.0
        bench = open_workbench()
        append = bench.store.append_rows

        def append_then_die(*args, count=[0]):
            append(*args)
            count[0] += 1
            if count[0] == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        bench.store.append_rows = append_then_die
        asked = SweepQuestion(ModelSource({tiny.source!r}), DatasetChoice({str(table)!r}), settings={SETTINGS!r})
        sweep.sweep(bench, asked, Progress())
        """
    )
    env = {**os.environ, "GOLDENLAYERS_CACHE": str(bench.root), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], env=env, timeout=300, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = stored(bench, question(tiny, table))
    pairs = int((kept.index.get_level_values("layer") >= 0).sum())
    assert 0 < pairs < 6 * LAYERS
    found = sweep_result(bench, question(tiny, table), Progress())
    assert found.n_computed == 6 * LAYERS - pairs
    after = stored(bench, question(tiny, table)).loc[kept.index]
    pd.testing.assert_frame_equal(after, kept)
    assert not bench.store.problems()


def test_bad_questions_get_one_sentence(bench, tiny, table, tmp_path):
    with pytest.raises(EditError, match=f"Layer {LAYERS}"):
        sweep_result(bench, question(tiny, table, layers=(0, LAYERS)), Progress())
    with pytest.raises(ConfigError, match="frome"):
        sweep_result(bench, SweepQuestion(tiny, DatasetChoice(str(table)), method="frome"), Progress())
    with pytest.raises(ConfigError, match="no setting"):
        sweep_result(bench, SweepQuestion(tiny, DatasetChoice(str(table)), settings={"stepz": 1}), Progress())
    lost = tmp_path / "lost.csv"
    lost.write_text("prompt,subject,target_new,target_true\nThe capital is,France,Rome,Paris\n")
    with pytest.raises(GoldenLayersError, match="No request"):
        sweep_result(bench, SweepQuestion(tiny, DatasetChoice(str(lost))), Progress())
    run_id = search(bench, SearchQuestion(tiny, DatasetChoice(str(table)), settings=SETTINGS), Progress())
    with pytest.raises(StoreError, match="no sweep"):
        open_sweep(bench.store, run_id)


def test_a_search_races_the_layers_and_leaves_its_pairs_to_a_sweep(bench, tiny, table):
    asked = SearchQuestion(tiny, DatasetChoice(str(table)), settings=SETTINGS, seconds=600.0, seed=1)
    digest = weights_digest(bench.model(tiny).model)
    run_id = search(bench, asked, Progress())
    found = open_search(bench.store, run_id)
    assert found.golden_layer in range(LAYERS)
    assert found.finished
    assert found.rounds[0].layers == tuple(range(LAYERS))
    assert found.rounds[-1].kept[0] == found.golden_layer
    assert found.n_pairs == sum(
        len(one.layers) * (one.n_requests - before)
        for one, before in zip(found.rounds, [0, *(r.n_requests for r in found.rounds)], strict=False)
    )
    assert 0 < found.share_of_sweep <= 1
    assert found.prior == "edit-aware analysis of 6 of the requests"  # cheap beside ten minutes
    assert 0 < found.estimating < found.seconds
    full = sweep_result(bench, question(tiny, table), Progress())
    assert full.n_computed == 6 * LAYERS - found.n_pairs
    assert weights_digest(bench.model(tiny).model) == digest


def test_a_search_without_time_still_names_a_layer(bench, tiny, table):
    asked = SearchQuestion(tiny, DatasetChoice(str(table)), settings=SETTINGS, seconds=0.0)
    found = open_search(bench.store, search(bench, asked, Progress()))
    assert len(found.rounds) == 1
    assert not found.finished
    assert (found.n_requests, found.n_pairs, found.n_computed) == (1, 1, 1)  # one edit is the least
    assert found.prior.startswith("none")


def test_jobs_of_both_kinds_run_in_the_background(bench, tiny, table):
    for asked, kind in (
        (question(tiny, table, limit=2), "sweep"),
        (SearchQuestion(tiny, DatasetChoice(str(table), limit=2), settings=SETTINGS), "search"),
    ):
        job = bench.submit(asked, kind)
        view = bench.slow.wait(job, 120)
        assert view.state == "done", view
        assert any(m.run_id == view.result and m.kind == kind for m in bench.store.runs())


def test_metrics_are_named_once():
    names = [m.name for m in METRICS]
    assert len(set(names)) == len(names)
    assert all(m.definition.endswith(".") and m.title and m.unit for m in METRICS)


def test_a_search_is_as_far_as_its_time_or_its_work_whichever_is_further():
    told: list[float] = []

    class Whole(Progress):
        def update(self, done: float, total: int, note: str = "") -> None:
            told.append(done / total)

    begun = time.monotonic()
    part = _Part(Whole(), 1, 4, begun, 1e6)
    part.update(5, 10)
    assert told.pop() == pytest.approx(1.5 / 4, abs=1e-3)  # half of the second round's work, no time to speak of
    part = _Part(Whole(), 1, 4, begun - 30.0, 40.0)
    part.update(5, 10)
    assert told.pop() == pytest.approx(0.75, abs=0.01)
    _Part(Whole(), 1, 4, begun - 30.0, 0.0).update(5, 10)
    assert told.pop() == 1.0
