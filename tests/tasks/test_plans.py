"""A run in parts: dealt out evenly, done by several processes, killed and done twice, and equal to the single one."""

import dataclasses
import inspect
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import typer.main

from goldenlayers_core.__main__ import app, main
from goldenlayers_core.commands.engines import engine_question
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import LgaConfig, ModelSource, TraceConfig
from goldenlayers_core.results import METRICS
from goldenlayers_core.runtime import Progress, RunManifest, Store
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, TraceQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.covariance import estimated
from goldenlayers_core.tasks.edit.many_edits import many_edits
from goldenlayers_core.tasks.parts import Part, deal
from goldenlayers_core.tasks.plan_cost import TABLE, Work, parts_key, rate_of, stated
from goldenlayers_core.tasks.plan_file import Plan, read_plan, write_plan
from goldenlayers_core.tasks.plans import check_whole, make_plan, open_work, run_shard
from goldenlayers_core.tasks.questions import CovarianceQuestion, ManyEditsQuestion, SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.trace import trace
from goldenlayers_core.tasks.stored_covariance import open_layer
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.sweep import open_bed, sweep
from tests.runtime.helpers import ROOT, Program
from tests.tiny import LAYERS, save_tiny

PLACES = ("France", "Italy", "Japan", "Spain", "Norway", "Brazil", "Peru", "Chile", "Kenya", "Egypt", "India", "China")
THINGS = ("capital", "river by the mountain", "king in the year 1900", "language in the Alps", "song", "anthem", "town")
SETTINGS = {"steps": 3, "n_templates": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny model, and facts enough for several batches of every kind of work."""
    made = tmp_path_factory.mktemp("plans")
    save_tiny(made / "tiny")
    rows = [f"The {what} of {place} is,{place},Rome,Paris" for what in THINGS for place in PLACES]
    (made / "facts.csv").write_text("\n".join(["prompt,subject,target_new,target_true", *rows]))
    return made


def question(folder: Path, **more: object) -> SweepQuestion:
    return SweepQuestion(
        ModelSource(str(folder / "tiny")), DatasetChoice(str(folder / "facts.csv")), settings=SETTINGS, **more
    )  # type: ignore[arg-type]


def bench_in(folder: Path) -> Workbench:
    return open_workbench(folder)


def planned(bench: Workbench, asked: object) -> Plan:
    return make_plan(bench, bench.kind_of(asked), asked, Progress())[0]


# ---- dealing


def parts(n: int, layers: int = 4, seconds: float = 1.0) -> list[Part]:
    return [Part(i, (i,), tuple(range(layers)), 10, 0.1, (seconds,) * layers) for i in range(n)]


def pairs(shards: tuple[tuple[Part, ...], ...]) -> list[tuple[int, int]]:
    return [(part.index, layer) for shard in shards for part in shard for layer in part.layers]


@pytest.mark.parametrize(("n_parts", "n_shards"), [(1, 1), (1, 4), (3, 2), (7, 3), (40, 8), (2, 11)])
def test_every_layer_of_every_part_is_dealt_once_and_the_same_to_everybody(n_parts, n_shards):
    shards = deal(parts(n_parts), n_shards)
    assert len(shards) == n_shards
    assert sorted(pairs(shards)) == [(part, layer) for part in range(n_parts) for layer in range(4)]
    assert shards == deal(parts(n_parts), n_shards)
    assert all(len({part.index for part in shard}) == len(shard) for shard in shards)


def test_parts_stay_whole_where_that_is_even_and_are_cut_by_layers_where_it_is_not():
    assert all(len(part.layers) == 4 for shard in deal(parts(8), 4) for part in shard)
    cut = deal(parts(3), 2)  # whole parts would leave one shard with twice the other's work
    load = [sum(part.cost for part in shard) for shard in cut]
    assert max(load) < 1.1 * min(load)
    assert all(shard for shard in deal(parts(1), 4))
    assert [len(shard) for shard in deal([Part(0, (0,), (), 10, 0.0, (5.0,))], 2)] == [1, 0]  # nothing to cut


def test_shards_take_about_equal_time_where_layers_cost_more_the_deeper_they_reach():
    costly = [Part(i, (i,), tuple(range(30)), 10, 1.0, tuple(float(30 - at) for at in range(30))) for i in range(5)]
    load = [sum(part.cost for part in shard) for shard in deal(costly, 8)]
    assert max(load) < 1.06 * sum(load) / 8


# ---- a sweep by processes


def process(cache: Path, *args: object) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "GOLDENLAYERS_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-m", "goldenlayers_core", *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*running: "subprocess.Popen[str]") -> None:
    told = [one.communicate(timeout=300)[1] for one in running]
    assert [one.returncode for one in running] == [0] * len(running), told


def merged(file: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `merge` prints, in this process."""
    capsys.readouterr()
    assert main(["merge", str(file), "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


DIES = """
    import os, signal, sys
    from goldenlayers_core.runtime import row_writer
    from goldenlayers_core.runtime.store import Store

    row_writer._FLUSH_SECONDS = 0.0
    append, count = Store.append_rows, [0]

    def append_then_die(self, table, *args):
        append(self, table, *args)
        count[0] += table == "sweep"
        if count[0] == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.append_rows = append_then_die
    from goldenlayers_core.__main__ import app, main
    main(["shard", sys.argv[1], "--index", "0", "--of", "4"])
    """


def without_times(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=[name for name in ("seconds",) if name in rows]).sort_index()


def content(manifest: RunManifest, killed: bool = False) -> dict[str, object]:
    """What a manifest says, but for when and how fast; where a shard was killed, its work is not counted either."""
    said = {name: value for name, value in vars(manifest).items() if name not in ("created", "seconds", "summary")}
    open_ = ("seconds per edit", "computed now") if killed else ("seconds per edit",)
    return said | {"summary": [entry for entry in manifest.summary if entry[0] not in open_]}


def check_same_sweep(one: Workbench, other: Workbench, run_id: str, asked: SweepQuestion) -> None:
    """The rows, the run and its manifest in two stores are equal to the last bit, a shard of `other` having been
    killed."""
    rows = [without_times(open_bed(bench, asked, Progress()).rows()) for bench in (one, other)]
    pd.testing.assert_frame_equal(rows[0], rows[1], check_exact=True)
    mine, theirs = open_sweep(one.store, run_id), open_sweep(other.store, run_id)
    np.testing.assert_array_equal(mine.values, theirs.values)
    assert mine.texts == theirs.texts
    assert content(one.store.manifest(run_id), True) == content(other.store.manifest(run_id), True)


def test_four_processes_one_killed_and_one_twice_make_the_run_of_a_single_one(folder, tmp_path, monkeypatch, capsys):
    alone = bench_in(tmp_path / "alone")
    run_id = sweep(alone, question(folder), Progress())
    cache = tmp_path / "shards"
    file, shared = tmp_path / "plan.json", bench_in(cache)
    plan = planned(shared, question(folder))
    assert len(plan.parts) > 1  # else nothing is shown about batches
    write_plan(plan, file)

    with pytest.raises(ConfigError, match=r"parts of this sweep are not in the store yet \(part 0"):
        check_whole(plan, open_work(shared, shared.kind_of(question(folder)), plan, Progress()))
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(cache))
    assert main(["merge", str(file)]) == 2
    assert "run the shards again" in capsys.readouterr().err
    with Program(DIES, file) as dying:
        dying.process.communicate(timeout=300)
        assert dying.process.returncode == -signal.SIGKILL
    half = Store(cache).read_rows("sweep", f"{plan.key}-t2")
    assert 0 < len(half) < len(plan.requests) * (LAYERS + 1)
    ended(*(process(cache, "shard", file, "--index", index, "--of", 4) for index in (0, 1, 2, 3, 0)))
    again = run_shard(shared, shared.kind_of(question(folder)), plan, 2, 4, Progress())
    assert again.n_parts > 0
    assert again.n_computed == 0

    told = merged(file, capsys)
    assert told["run"] == run_id
    assert 0 < told["n_computed"] <= len(plan.requests) * LAYERS
    assert told["seconds"] > 0
    check_same_sweep(alone, shared, run_id, question(folder))
    alone.close()
    shared.close()


# ---- every kind, in this process

MODEL = "tiny"


def kinds(folder: Path) -> dict[str, tuple[object, object]]:
    model, choice = ModelSource(str(folder / MODEL)), DatasetChoice(str(folder / "facts.csv"))
    few = dataclasses.replace(choice, limit=20)
    return {
        "lga": (ScoreQuestion(model, choice, LgaConfig()), score),
        "edit-aware": (ScoreQuestion(model, choice, method="edit-aware"), score),
        "line-check": (ScoreQuestion(model, choice, method="line-check"), score),
        "damage": (ScoreQuestion(model, choice, method="damage"), score),
        "trace": (TraceQuestion(model, few, TraceConfig(n_samples=2, answer="dataset")), trace),
        "sweep": (question(folder, layers=(0, 2)), sweep),
        "edits": (ManyEditsQuestion(model, few, layer=1, settings=SETTINGS), many_edits),
    }


@pytest.mark.parametrize("kind", ["lga", "edit-aware", "line-check", "damage", "trace", "sweep", "edits"])
def test_the_merged_run_is_that_of_a_single_process_to_the_last_bit(kind, folder, tmp_path, monkeypatch, capsys):
    asked, work = kinds(folder)[kind]
    alone, shared = bench_in(tmp_path / "alone"), bench_in(tmp_path / "shards")
    run_id = work(alone, asked, Progress())  # type: ignore[operator]
    plan = planned(shared, asked)
    assert len(plan.parts) > 1
    done = [run_shard(shared, shared.kind_of(asked), plan, index, 3, Progress()) for index in (2, 0, 1)]
    assert all(one.n_computed for one in done)
    assert run_shard(shared, shared.kind_of(asked), plan, 0, 3, Progress()).n_computed == 0
    write_plan(plan, tmp_path / "plan.json")
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "shards"))
    assert merged(tmp_path / "plan.json", capsys)["run"] == run_id
    one, other = alone.store.load_run(run_id), shared.store.load_run(run_id)
    assert content(one.manifest) == content(other.manifest)
    assert set(one.frames) == set(other.frames)
    for name in one.frames:
        pd.testing.assert_frame_equal(
            without_times(one.frames[name]), without_times(other.frames[name]), check_exact=True
        )
    alone.close()
    shared.close()


def test_other_batches_and_other_threads_agree_within_the_stated_tolerance(folder, tmp_path):
    asked = question(folder)
    asked = dataclasses.replace(asked, choice=dataclasses.replace(asked.choice, limit=12))
    alone, other = (
        open_bed(bench_in(tmp_path / "a"), asked, Progress()),
        open_bed(bench_in(tmp_path / "b"), asked, Progress()),
    )
    threads = torch.get_num_threads()
    alone.measure(alone.requests, range(LAYERS), Progress())
    try:
        torch.set_num_threads(threads + 1)
        for request in other.requests:  # batches of one
            other.measure([request], range(LAYERS), Progress())
    finally:
        torch.set_num_threads(threads)
    values = [bed.rows()[[m.name for m in METRICS]].to_numpy(float) for bed in (alone, other)]
    np.testing.assert_allclose(values[0], values[1], atol=1e-4)  # as docs/scaling.md says


def test_a_covariance_is_shared_by_layers(folder, tmp_path):
    asked = CovarianceQuestion(ModelSource(str(folder / MODEL)), tokens=128)
    alone, shared = bench_in(tmp_path / "alone"), bench_in(tmp_path / "shards")
    card = estimated(alone, asked, Progress())
    plan = planned(shared, asked)
    for index in range(LAYERS):
        run_shard(shared, shared.kind_of(asked), plan, index, LAYERS, Progress())
    check_whole(plan, open_work(shared, shared.kind_of(asked), plan, Progress()))
    found = estimated(shared, asked, Progress())
    assert found.layers == card.layers == tuple(range(LAYERS))
    assert found.conditions == card.conditions
    for layer in card.layers:
        np.testing.assert_array_equal(
            open_layer(shared.store, found.key, layer), open_layer(alone.store, card.key, layer)
        )
    alone.close()
    shared.close()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (SearchQuestion(), "A search chooses its next edits by those before, so it has no parts"),
        (ManyEditsQuestion(mode="sequential"), "lies on top of those before it"),
        (ManyEditsQuestion(mode="together"), "are one edit, which has no parts"),
    ],
    ids=["search", "sequential", "together"],
)
def test_what_has_no_parts_says_why_and_what_to_do(asked, sentence, bench):
    with pytest.raises(ConfigError, match=sentence):
        planned(bench, asked)


@pytest.mark.parametrize("name", ["sweep", "score", "trace", "covariance", "edit-many"])
def test_a_plan_takes_the_options_of_its_command(name):
    group = typer.main.get_command(app)
    command, made = group.commands[name], group.commands["plan"].commands[name]  # type: ignore[attr-defined]
    options = [{option.name: option.default for option in one.params} for one in (command, made)]
    options[0].pop("estimates", None)  # not of the question: what is printed beside a sweep, which merge does, too
    options[0].pop("layer_by_layer", None)  # nor this: where the weights lie while it is done
    for name in inspect.signature(engine_question).parameters:  # where it is done; of a plan, any shell says that
        assert options[0].pop(name) is not None
    assert {**options[0], "out": None, "estimate": False} == options[1]


def test_an_estimate_says_what_it_stands_on(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path))
    options = ("--model", str(folder / MODEL), "--dataset", str(folder / "facts.csv"), "--json")
    assert main(["plan", "sweep", *options]) == 2
    assert "give --out FILE for the plan, or --estimate" in capsys.readouterr().err
    assert main(["plan", "sweep", *options, "--estimate"]) == 0
    told = json.loads(capsys.readouterr().out)
    shards = told["estimate"]["shards"]
    assert [row["shards"] for row in shards][:3] == [1, 2, 4]
    assert all(one["seconds"] > other["seconds"] > 0 for one, other in pairwise(shards[:3]))
    assert told["estimate"]["bytes_in_memory"] > 2**20
    assert any("stated" in sentence for sentence in told["estimate"]["assumptions"])


def parts_table(store: Store, *rows: tuple[str, str, float]) -> None:
    """Measured parts of a sweep: (model, data, times the stated rate)."""
    base = stated("cpu")
    for i, (model, data, times) in enumerate(rows):
        row = {"request": f"{i}", "model": model, "data": data, "gflop": 100.0, "calls": 10.0}
        seconds = times * (100 * base.gflop + 10 * base.call)
        store.append_rows(TABLE, parts_key("sweep", "cpu"), pd.DataFrame([{**row, "seconds": seconds}]))


@pytest.mark.parametrize(
    ("rows", "times", "words"),
    [
        ((), 1.0, "stated"),
        ((("a", "hard", 2.0), *3 * (("a", "easy", 1.2),)), 2.0, "on 1 part of this model on this data"),
        (3 * (("a", "easy", 1.2),), 1.2, "on 3 parts of this model in"),
        (2 * (("a", "easy", 1.2),), 1.0, "stated"),
        ((("a", "easy", 1.2), *3 * (("b", "hard", 3.0),)), (1.2 + 9) / 4, "on 4 parts of other models"),
    ],
    ids=["nothing", "same data", "other data", "too few", "other models"],
)
def test_seconds_are_by_parts_of_the_same_data_first(rows, times, words, tmp_path):
    store = Store(tmp_path)
    parts_table(store, *rows)
    rate = rate_of(store, "sweep", "a", "cpu", 1, "hard")
    assert words in rate.source
    assert rate.seconds(Work(gflop=1.0)) == pytest.approx(times * stated("cpu").gflop)


def test_a_part_remembers_which_data_it_is_of(folder, bench):
    asked = question(folder)
    plan = planned(bench, asked)
    run_shard(bench, bench.kind_of(asked), plan, 0, 1, Progress())
    rows = bench.store.read_rows(TABLE, parts_key("sweep", "cpu"))
    assert set(rows["data"]) == {asked.choice.dataset}
    again = dataclasses.replace(asked, choice=dataclasses.replace(asked.choice, limit=2), layers=(1,))
    _, rate = make_plan(bench, bench.kind_of(again), again, Progress())
    assert "of this model on this data" in rate.source


# ---- what is refused


@pytest.fixture
def made(folder, tmp_path) -> tuple[Workbench, Plan, Path]:
    """A bench, the plan of a sweep, and a folder of its own with the model and the facts."""
    own = tmp_path / "own"
    own.mkdir()
    save_tiny(own / "tiny")
    (own / "facts.csv").write_text((folder / "facts.csv").read_text())
    bench = bench_in(tmp_path / "cache")
    return bench, planned(bench, question(own)), own


def opened(bench: Workbench, plan: Plan) -> None:
    run_shard(bench, bench.kind_of(SweepQuestion()), plan, 0, 1, Progress())


def test_a_plan_for_other_weights_is_refused(made, tmp_path):
    _, plan, own = made
    save_tiny(own / "tiny", seed=1)
    with pytest.raises(ConfigError, match="The plan is for weights"):
        opened(bench_in(tmp_path / "other"), plan)


def test_a_plan_for_another_number_format_is_refused(made):
    bench, plan, _ = made
    other = dataclasses.replace(plan, result_key=plan.result_key.replace("float32", "bfloat16"))
    with pytest.raises(ConfigError, match="is for bfloat16-cpu and this machine computes in float32-cpu"):
        opened(bench, other)


def test_a_plan_for_another_tokenizer_is_refused(made, tmp_path):
    _, plan, own = made
    words = json.loads((own / "tiny" / "tokenizer.json").read_text())
    (own / "tiny" / "tokenizer.json").write_text(json.dumps({**words, "pre_tokenizer": None}))
    with pytest.raises(ConfigError, match=r"for another tokenizer than lies beside the weights"):
        opened(bench_in(tmp_path / "other"), plan)


def test_a_plan_of_another_code_is_refused(made, monkeypatch):
    bench, plan, _ = made
    monkeypatch.setattr("goldenlayers_core.tasks.truth.sweep_parts.SWEEP_VERSION", "sweep-99")
    with pytest.raises(ConfigError, match=r"The plan was made by version .*sweep-2.*sweep-99"):
        opened(bench, plan)


def test_changed_data_are_refused(made):
    bench, plan, own = made
    text = (own / "facts.csv").read_text()
    (own / "facts.csv").write_text(text.replace("The song of Peru is,Peru", "The song of Cuba is,Cuba"))
    with pytest.raises(ConfigError, match=r"The data changed since the plan was made: 1 of its 84 requests"):
        opened(bench, plan)


def test_a_plan_that_was_written_by_hand_or_is_of_a_newer_version_is_refused(made, tmp_path):
    _, plan, _ = made
    file = tmp_path / "plan.json"
    write_plan(plan, file)
    assert read_plan(file) == plan
    text = file.read_text()
    file.write_text(text.replace('"layers"', '"layer"', 1))
    with pytest.raises(ConfigError, match="is no plan, or was changed"):
        read_plan(file)
    changed = {**json.loads(text)["content"], "version": 2}
    file.write_text(json.dumps(changed))
    with pytest.raises(ConfigError, match="has version 2 and this program reads version 1"):
        read_plan(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_plan(tmp_path / "none.json")


def test_a_shard_that_there_is_not_is_refused(made):
    bench, plan, _ = made
    with pytest.raises(ConfigError, match="--index counts from 0 to 1"):
        run_shard(bench, bench.kind_of(SweepQuestion()), plan, 2, 2, Progress())
    with pytest.raises(ConfigError, match="whole number above 0"):
        deal(plan.parts, 0)


def test_the_recommended_layer_is_chosen_when_the_plan_is_made(folder, tmp_path):
    bench = bench_in(tmp_path / "cache")
    model, choice = ModelSource(str(folder / MODEL)), DatasetChoice(str(folder / "facts.csv"))
    sweep(bench, question(folder), Progress())  # the evidence that recommends one
    plan = planned(bench, ManyEditsQuestion(model, choice, settings=SETTINGS))
    assert 0 <= plan.question["layer"] < LAYERS
    bench.close()
