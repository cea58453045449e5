"""Queues of several processes on one folder, and what SIGKILL leaves behind."""

import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import JobQueue, Progress, Store
from goldenlayers_core.runtime.locks import is_held, locked, try_lock
from tests.runtime.helpers import PATIENCE, Program, until

STEPS = 12


def sweep(root: Path) -> Any:
    """A worker like ours: what is in the store is not computed again; each step is stored when it is finished."""
    store = Store(root / "store")

    def work(params: dict[str, Any], progress: Progress) -> str:
        stored = store.read_rows("sweep", params["key"])
        done = set(stored["request"]) if len(stored) else set()
        for step in range(STEPS):
            name = f"r{step}"
            if name not in done:
                with (root / "computed.log").open("a") as log:
                    log.write(f"{name}\n")
                time.sleep(params["pause"])
                store.append_rows("sweep", params["key"], pd.DataFrame({"request": [name], "value": [float(step)]}))
                done.add(name)
            progress.update(len(done), STEPS, name)
        return "run-of-" + params["key"]

    return work


RUN = """
    import sys, time
    from pathlib import Path
    from goldenlayers_core.runtime import JobQueue
    from tests.runtime.test_jobs_processes import sweep
    root = Path(sys.argv[1])
    queue = JobQueue(root / "jobs", {"sweep": sweep(root)})
    ids = [queue.submit("sweep", "A sweep", {"key": key, "pause": float(sys.argv[2])}) for key in sys.argv[3:]]
    for job_id in ids:
        print(queue.wait(job_id).state)
"""


@pytest.fixture
def queue(tmp_path: Path) -> Any:
    queue = JobQueue(tmp_path / "jobs", {"sweep": sweep(tmp_path)})
    yield queue
    queue.close(PATIENCE)


def computed(root: Path) -> list[str]:
    log = root / "computed.log"
    return log.read_text().split() if log.exists() else []


def test_a_killed_job_is_interrupted_and_resumes_without_recomputing(tmp_path: Path, queue: JobQueue) -> None:
    store = Store(tmp_path / "store")
    with Program(RUN, tmp_path, 0.2, "first", "second") as program:
        until(lambda: len(store.read_rows("sweep", "first")) >= 4 or program.process.poll(), "four steps")
        by_key = {view.params["key"]: view for view in queue.jobs()}
        assert {key: (view.state, view.elsewhere) for key, view in by_key.items()} == {
            "first": ("running", True),
            "second": ("queued", True),
        }
        program.kill()
    kept = set(store.read_rows("sweep", "first")["request"])
    assert 4 <= len(kept) < STEPS
    views = {view.params["key"]: view for view in queue.jobs()}
    assert {view.state for view in views.values()} == {"interrupted"}
    assert "resume" in (views["first"].error or "")
    assert not views["first"].elsewhere
    assert queue.wait(views["first"].job_id, 0.0).state == "interrupted"

    job_id = queue.resume(views["first"].job_id)
    view = queue.wait(job_id, PATIENCE)
    assert (view.state, view.result, view.done, view.title) == ("done", "run-of-first", STEPS, "A sweep")
    log = computed(tmp_path)
    assert all(log.count(name) == 1 for name in kept)
    assert set(store.read_rows("sweep", "first")["request"]) == {f"r{step}" for step in range(STEPS)}
    assert queue.view(views["second"].job_id).state == "interrupted"
    queue.forget(views["second"].job_id)


def test_a_new_submit_after_a_crash_also_finds_what_is_stored(tmp_path: Path, queue: JobQueue) -> None:
    store = Store(tmp_path / "store")
    with Program(RUN, tmp_path, 0.2, "first") as program:
        until(lambda: len(store.read_rows("sweep", "first")) >= 2 or program.process.poll(), "two steps")
        program.kill()
    kept = set(store.read_rows("sweep", "first")["request"])
    job_id = queue.submit("sweep", "A sweep", {"key": "first", "pause": 0.2})
    assert job_id not in [view.job_id for view in queue.jobs() if view.state == "interrupted"]
    assert queue.wait(job_id, PATIENCE).state == "done"
    assert all(computed(tmp_path).count(name) == 1 for name in kept)


def test_another_process_cancels_running_and_queued_jobs(tmp_path: Path, queue: JobQueue) -> None:
    with Program(RUN, tmp_path, 0.05, *[f"key{n}" for n in range(30)]) as program:
        until(lambda: len(queue.jobs()) == 30 or program.process.poll(), "the jobs")
        views = {view.params["key"]: view for view in queue.jobs()}
        last, current = views["key29"], next(view for view in views.values() if view.state == "running")
        queue.cancel(last.job_id)
        queue.cancel(current.job_id)
        assert queue.view(last.job_id).cancelling or queue.view(last.job_id).state == "cancelled"
        assert queue.wait(last.job_id, PATIENCE).state == "cancelled"
        assert queue.wait(current.job_id, PATIENCE).state in ("cancelled", "done")
        assert program.process.poll() is None
        for view in queue.jobs():
            queue.cancel(view.job_id)
        states = program.output().split()
    assert states[29] == "cancelled"
    assert set(states) <= {"cancelled", "done"}
    assert Store(tmp_path / "store").read_rows("sweep", "key29").empty


def test_a_job_of_another_process_is_joined_and_waited_for(tmp_path: Path, queue: JobQueue) -> None:
    with Program(RUN, tmp_path, 0.1, "shared") as program:
        until(lambda: computed(tmp_path) or program.process.poll(), "a first step")
        job_id = queue.submit("sweep", "Mine", {"key": "shared", "pause": 0.1})
        assert queue.view(job_id).elsewhere
        assert queue.view(job_id).title == "A sweep"
        view = queue.wait(job_id, PATIENCE)
        assert (view.state, view.result) == ("done", "run-of-shared")
        program.output()
    assert len(computed(tmp_path)) == STEPS


def test_processes_that_submit_the_same_at_once_share_one_job(tmp_path: Path, queue: JobQueue) -> None:
    programs = [Program(RUN, tmp_path, 0.3, "same") for _ in range(3)]
    try:
        assert [program.output().split() for program in programs] == [["done"]] * 3
    finally:
        for program in programs:
            program.__exit__()
    assert computed(tmp_path) == [f"r{step}" for step in range(STEPS)]


def test_locks_of_killed_owners_are_removed(tmp_path: Path, queue: JobQueue) -> None:
    with Program(RUN, tmp_path, 0.2, "first") as program:
        until(lambda: computed(tmp_path) or program.process.poll(), "a first step")
        (owner,) = (tmp_path / "jobs" / "owners").iterdir()
        assert is_held(owner)
        program.kill()
    assert not is_held(owner)
    queue.submit("sweep", "t", {"key": "x", "pause": 0.0})
    assert not owner.exists()
    assert len(list((tmp_path / "jobs" / "owners").iterdir())) == 1


def test_a_lock_holds_between_threads_and_gives_up_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        assert try_lock(path) is None
        assert is_held(path)
        refused: list[str] = []

        def other() -> None:
            try:
                with locked(path, timeout=0.05):
                    refused.append("taken")
            except StoreError as error:
                refused.append(str(error))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(PATIENCE)
        assert len(refused) == 1
        assert "Another process has kept" in refused[0]
    assert not is_held(path)
    assert not is_held(tmp_path / "none")
