"""Health that can be ill: a folder that refuses, a queue that stands; and diagnostics without secrets."""

import dataclasses
import json
import os
import threading
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import JobQueue, Store
from goldenlayers_core.tasks import diagnostics, health, open_workbench
from goldenlayers_core.tasks.health import look, look_at
from goldenlayers_core.tasks.mode import Mode
from tests.lending import lend_models
from tests.test_cli import run

MARK = "the-prompt-of-a-person"


def finding(found: health.Health, name: str) -> health.Finding:
    return next(each for each in found.findings if each.name == name)


def test_an_empty_folder_is_well_and_stays_empty(tmp_path: Path) -> None:
    found = look(tmp_path / "new")
    assert found.well
    assert found.resident_bytes > 2**20
    assert (found.queued, found.running, found.longest_still_seconds) == (0, 0, 0.0)
    assert not list((tmp_path / "new").iterdir())


def test_a_store_that_cannot_be_written_or_is_newer_is_not_well(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert not finding(look(blocked / "store"), "store").well
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "store.json").write_text('{"format": "golden-layers-store", "version": 999}')
    found = look(newer)
    assert not found.well
    assert "999" in finding(found, "store").says


def test_a_queue_moves_until_its_job_gives_no_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go, began = threading.Event(), threading.Event()

    def work(params, progress) -> str:
        began.set()
        go.wait(60)
        return "done"

    queue = JobQueue(tmp_path / "jobs" / "slow", {"score": work})
    try:
        running, waiting = (queue.submit("score", MARK, {"n": n}) for n in (1, 2))
        assert began.wait(60)
        found = look(tmp_path)
        assert (found.queued, found.running, found.well) == (1, 1, True)
        record = tmp_path / "jobs" / "slow" / f"{running}.json"
        long_ago = time.time() - health.STILL - 60
        os.utime(record, (long_ago, long_ago))
        found = look(tmp_path)
        assert not found.well
        assert not finding(found, "slow queue").well
        assert finding(found, "quick queue").well
        assert found.longest_still_seconds > health.STILL
    finally:
        go.set()
        queue.wait(waiting, 60)
        queue.close()
    assert look(tmp_path).well


def test_a_server_tells_what_it_holds_and_what_its_jobs_came_to(tmp_path: Path) -> None:
    with closing(open_workbench(lend_models(tmp_path), Mode(demo=True))) as bench:
        job_id = bench.submit(ModelSource("bundled"), MARK)
        assert bench.quick.wait(job_id, 120).state == "done"
        bench.model(ModelSource("bundled"))
        found = look_at(bench)
        served = found.served
    assert served is not None
    (model,) = served.models
    assert model.weight_bytes > 2**28
    assert (model.device, served.models_loaded, served.models_reused) == ("cpu", 1, 1)
    ((kind, done),) = ((row.kind, row.done) for row in served.jobs)
    assert (kind, done) == ("load", 1)
    assert MARK not in json.dumps(dataclasses.asdict(found))


def test_a_demo_s_queues_are_where_its_visitors_work(tmp_path: Path) -> None:
    go, began = threading.Event(), threading.Event()

    def work(params, progress) -> str:
        began.set()
        go.wait(60)
        return "done"

    with closing(open_workbench(tmp_path, Mode(demo=True))) as bench:
        queue = JobQueue(bench.home / "jobs" / "slow", {"score": work})
        try:
            queue.submit("score", MARK, {})
            assert began.wait(60)
            assert look_at(bench).running == 1
        finally:
            go.set()
            queue.close()


def test_too_little_disk_or_memory_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_DISK", 2**62)
    assert not finding(look(tmp_path), "disk").well
    monkeypatch.setattr(health, "LEAST_MEMORY", 2**62)
    assert not finding(look(tmp_path), "memory").well


def test_the_command_ends_with_1_where_something_is_not_well(tmp_path: Path) -> None:
    done = run("health", "--json", cache=tmp_path)
    assert done.returncode == 0
    content = json.loads(done.stdout)
    assert content["well"] is True
    assert {each["name"] for each in content["findings"]} == {"store", "quick queue", "slow queue", "memory", "disk"}
    (tmp_path / "store.json").write_text('{"version": 999}')
    done = run("health", cache=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("NOT WELL")


def test_diagnostics_hold_no_secret_no_prompt_and_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "someone"
    cache = home / "cache"
    (cache / "logs").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(cache))
    secrets = {
        "HF_TOKEN": "hf_abcdefghijklmnop",
        "GOLDENLAYERS_COOKIE_SECRET": "cookie-secret-1",
        "STREAMLIT_AUTH_CLIENT": "client-secret-2",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOLDENLAYERS_MODE", "demo")
    Store(cache).save_json("uploads", "upload-1", {"name": MARK})
    queue = JobQueue(cache / "jobs" / "slow", {"score": lambda params, progress: "x"})
    queue.wait(queue.submit("score", MARK, {"prompt": MARK}), 60)
    queue.close()
    told = [f"{home}/facts.csv", "/home/other/x", "hf_qrstuvwxyz123456", "https://me:pass1234@proxy.example"]
    (cache / "logs" / "log.jsonl").write_text("".join(json.dumps({"message": text}) + "\n" for text in told))
    out = tmp_path / "out.zip"
    done = run("diagnostics", "--out", str(out), cache=cache)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(out) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(texts) == {"versions.json", "settings.json", "store.json", "health.json", "log.jsonl"}
    everything = "".join(texts.values())
    for word in (*secrets.values(), MARK, str(home), "/home/other", "hf_qrst", "pass1234"):
        assert word not in everything, word
    assert json.loads(texts["settings.json"])["GOLDENLAYERS_MODE"] == "demo"
    assert json.loads(texts["settings.json"])["GOLDENLAYERS_CACHE"] == "~/cache"
    store = json.loads(texts["store.json"])
    assert store["jobs"] == {"score done": 1}
    assert {entry["kind"] for entry in store["usage"]} >= {"uploads"}
    assert json.loads(texts["versions.json"])["packages"]["streamlit"]
    assert len(texts["log.jsonl"].splitlines()) == 4


def test_diagnostics_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(diagnostics.ConfigError, match="cannot be written"):
        diagnostics.write_diagnostics(tmp_path, tmp_path / "no-folder" / "out.zip")
