"""A run on a real cluster whose workers, nodes and head are lost, slow, short of memory or refused."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from goldenlayers_core.errors import Cancelled, EngineError
from goldenlayers_core.runtime import Progress
from tests.ray.conftest import Ground

KILLS = 10
PIECES = 40


def at_work(folder: Path) -> dict[int, str]:
    """process -> its piece, of the workers that live."""
    found = {int(path.name[3:]): path.read_text() for path in folder.glob("at-*")}
    return {pid: piece for pid, piece in found.items() if psutil.pid_exists(pid)}


def done(folder: Path) -> set[int]:
    return {int(path.name[5:]) for path in folder.glob("done-*")}


def meanwhile(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def until(true: Callable[[], object], seconds: float = 120.0) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def test_a_run_survives_ten_kills_of_its_workers_at_random_moments(ground: Ground, tmp_path: Path):
    draw, killed = random.Random(18), []

    def kill() -> None:
        hit: set[str] = set()  # a piece is not hit twice, so that no piece is taken for a deadly one
        while len(killed) < KILLS:
            until(lambda: [p for p in at_work(tmp_path).values() if p not in hit and int(p) not in done(tmp_path)])
            time.sleep(draw.random() * 0.4)
            for pid, piece in at_work(tmp_path).items():
                if piece not in hit and int(piece) not in done(tmp_path):
                    hit.add(piece)
                    with suppress(ProcessLookupError):  # Ray restarted it by itself
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                    break

    meanwhile(kill)
    outcome = ground.run("Plodding", PIECES, tmp_path, seconds=0.4)
    assert len(killed) == KILLS
    assert done(tmp_path) == set(range(PIECES))
    assert any("A worker was lost" in note for note in outcome.notes)
    assert outcome.computed >= PIECES - KILLS  # what a killed worker finished was not counted, and not done again


def test_a_part_that_ends_every_worker_ends_the_run_with_one_sentence_and_the_rest_is_kept(ground, tmp_path):
    with pytest.raises(EngineError, match="3 workers ended over the same part of the run"):
        ground.run("Deadly", 5, tmp_path)
    kept = done(tmp_path)
    assert 2 not in kept
    outcome = ground.run("Plodding", 5, tmp_path)  # the same pieces, by workers that survive them
    assert done(tmp_path) == set(range(5))
    assert outcome.computed == 5 - len(kept)


def test_a_worker_out_of_memory_gives_its_part_to_another(ground, tmp_path):
    outcome = ground.run("Hungry", 4, tmp_path)
    assert done(tmp_path) == set(range(4))
    assert any("ran out of memory" in note for note in outcome.notes)


def test_what_a_slow_worker_holds_up_another_does_too(ground, tmp_path):
    began = time.monotonic()
    outcome = ground.run("Uneven", 6, tmp_path)
    assert time.monotonic() - began < 55
    assert done(tmp_path) == set(range(6))
    assert sum(seen.pieces for seen in outcome.workers) == 6


def test_a_lost_node_costs_what_was_under_way_there(ground, tmp_path):
    def lose() -> None:
        until(lambda: len(at_work(tmp_path)) == 2 and len(done(tmp_path)) >= 2)
        ground.break_node("node-2")

    thread = meanwhile(lose)
    outcome = ground.run("Plodding", 16, tmp_path, seconds=0.5)
    thread.join()
    assert done(tmp_path) == set(range(16))
    assert any("A worker was lost" in note for note in outcome.notes)


def test_a_lost_head_stops_the_run_with_one_sentence_and_it_goes_on_when_the_cluster_is_back(
    ground, tmp_path, monkeypatch
):
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")  # a minute else

    def lose() -> None:
        until(lambda: len(done(tmp_path)) >= 2)
        ground.break_node("head")

    thread = meanwhile(lose)
    with pytest.raises(EngineError, match=r"The Ray cluster was lost"):
        ground.run("Plodding", 200, tmp_path, seconds=0.5)
    thread.join()
    kept = len(done(tmp_path))
    assert 2 <= kept < 200
    ground.mend()
    outcome = ground.run("Plodding", kept + 3, tmp_path, seconds=0.1)
    assert outcome.computed < kept + 3  # the rest was there
    assert set(range(kept + 3)) <= done(tmp_path)


def test_a_cancel_stops_the_workers_and_keeps_what_is_done(ground, tmp_path):
    progress = Progress(cancelled=lambda: len(done(tmp_path)) >= 3)
    with pytest.raises(Cancelled):
        ground.run("Plodding", 100, tmp_path, progress=progress)
    kept = done(tmp_path)
    time.sleep(1.0)
    assert done(tmp_path) == kept  # nobody works on
    assert 3 <= len(kept) < 20


def test_where_every_worker_is_refused_the_run_ends_with_its_reason(ground, tmp_path):
    with pytest.raises(EngineError, match="This worker has other weights; give it the same"):
        ground.run("Choosy", 2, tmp_path)


def test_workers_keep_as_many_threads_busy_as_they_declare(ground, tmp_path):
    ground.run("Plodding", 2, tmp_path, seconds=0.01)
    assert {path.read_text() for path in tmp_path.glob("opened-*")} == {"1"}


def test_nothing_listens_to_other_machines_and_nobody_comes_in_without_the_token(ground, tmp_path, monkeypatch):
    listening = [
        c.laddr.ip for p in ground.family() for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    with pytest.raises(EngineError, match="lets us in"):
        ground.run("Plodding", 1, tmp_path)
