"""One queue in one process: real threads, real files."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goldenlayers_core.errors import Cancelled, ConfigError, GoldenLayersError, RequestError, StoreError
from goldenlayers_core.runtime import JobQueue, JobView, Progress, digests
from goldenlayers_core.runtime.job_records import JobFolder
from tests.runtime.helpers import PATIENCE, until


class Bench:
    """Workers that can be held and watched."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun: list[Any] = []

    def hold(self, params: dict[str, Any], progress: Progress) -> str:
        self.begun.append(params)
        progress.update(0, 10, "holding")
        while not self.go.is_set():
            progress.check()
            time.sleep(0.005)
        return "held"

    def quick(self, params: dict[str, Any], progress: Progress) -> str:
        progress.update(np.int64(3), np.int64(3), "all")
        return f"run-{params.get('n', 0)}"

    def fail(self, params: dict[str, Any], progress: Progress) -> str:
        raise {"ours": RequestError("The subject is missing."), "exit": SystemExit(3), "key": KeyError("x")}[
            params["how"]
        ]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.go.set()


@pytest.fixture
def queue(bench: Bench, tmp_path: Path) -> Iterator[JobQueue]:
    queue = make(bench, tmp_path)
    yield queue
    bench.go.set()
    queue.close(PATIENCE)


def make(bench: Bench, folder: Path) -> JobQueue:
    return JobQueue(folder, {"hold": bench.hold, "quick": bench.quick, "fail": bench.fail})


def running(queue: JobQueue, job_id: str) -> None:
    until(lambda: queue.view(job_id).state == "running", "the job to run")


def finished(queue: JobQueue, job_id: str) -> JobView:
    view = queue.wait(job_id, PATIENCE)
    assert not view.active
    return view


def test_a_job_runs_and_keeps_its_result(queue: JobQueue) -> None:
    job_id = queue.submit("quick", "A title", {"n": 7, "nested": {"a": [1, None, "ü"]}})
    view = finished(queue, job_id)
    assert (view.state, view.result, view.error, view.done, view.total, view.note) == (
        "done", "run-7", None, 3, 3, "all",
    )  # fmt: skip
    assert (view.kind, view.title, view.params) == ("quick", "A title", {"n": 7, "nested": {"a": [1, None, "ü"]}})
    assert view.seconds >= 0
    assert view.seconds_left is None
    assert not view.elsewhere
    assert queue.jobs() == (view,)


def test_jobs_run_one_after_another_in_order(queue: JobQueue, bench: Bench) -> None:
    ids = [queue.submit("hold", "t", {"n": n}) for n in range(3)]
    running(queue, ids[0])
    assert [queue.view(job_id).state for job_id in ids] == ["running", "queued", "queued"]
    assert [view.job_id for view in queue.jobs()] == ids[::-1]
    bench.go.set()
    for job_id in ids:
        assert finished(queue, job_id).result == "held"
    assert bench.begun == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_the_worker_thread_is_a_named_daemon(queue: JobQueue) -> None:
    finished(queue, queue.submit("quick", "t", {}))
    (thread,) = [t for t in threading.enumerate() if t.name == "golden-layers-jobs"]
    assert thread.daemon


def test_an_equal_job_is_not_queued_twice(queue: JobQueue, bench: Bench) -> None:
    first = queue.submit("hold", "t", {"a": 1, "b": 2})
    second = queue.submit("hold", "t", {"a": 2})
    assert queue.submit("hold", "another title", {"b": 2, "a": 1}) == first
    running(queue, first)
    assert queue.submit("hold", "t", {"a": 1, "b": 2}) == first
    assert queue.submit("hold", "t", {"a": 2}) == second
    bench.go.set()
    finished(queue, first)
    again = queue.submit("hold", "t", {"a": 1, "b": 2})
    assert again != first
    finished(queue, again)


def test_a_job_being_cancelled_is_no_twin(queue: JobQueue, bench: Bench) -> None:
    stubborn = threading.Event()

    def ignore(params: dict[str, Any], progress: Progress) -> str:
        stubborn.wait(PATIENCE)
        progress.check()
        return ""

    queue._workers["ignore"] = ignore
    first = queue.submit("ignore", "t", {})
    running(queue, first)
    queue.cancel(first)
    assert queue.view(first).cancelling
    second = queue.submit("ignore", "t", {})
    assert second != first
    with pytest.raises(ConfigError, match="being cancelled"):
        queue.resume(first)
    stubborn.set()
    assert finished(queue, first).state == "cancelled"
    assert finished(queue, second).state == "done"


def test_cancelling_a_queued_job_is_immediate(queue: JobQueue, bench: Bench) -> None:
    blocker = queue.submit("hold", "t", {})
    running(queue, blocker)
    waiting = queue.submit("hold", "t", {"n": 1})
    queue.cancel(waiting)
    assert queue.view(waiting).state == "cancelled"
    bench.go.set()
    finished(queue, blocker)
    assert bench.begun == [{}]
    queue.cancel(waiting)
    queue.cancel(blocker)
    assert queue.view(blocker).state == "done"


def test_cancelling_a_running_job(queue: JobQueue) -> None:
    job_id = queue.submit("hold", "t", {})
    running(queue, job_id)
    queue.cancel(job_id)
    view = finished(queue, job_id)
    assert (view.state, view.error, view.cancelling, view.result) == ("cancelled", None, False, None)


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_resume_runs_the_same_job_again(queue: JobQueue, bench: Bench, how: str) -> None:
    if how == "failed":
        first = queue.submit("fail", "Title", {"how": "ours"})
        finished(queue, first)
        queue._workers["fail"] = bench.quick
    else:
        first = queue.submit("hold", "Title", {"n": 1})
        running(queue, first)
        queue.cancel(first)
    before = finished(queue, first)
    assert before.state == how
    bench.go.set()
    assert queue.resume(first) == first
    after = finished(queue, first)
    assert (after.state, after.title, after.params, after.error) == ("done", "Title", before.params, None)
    with pytest.raises(ConfigError, match="is done; start a new one"):
        queue.resume(first)


def test_resume_joins_an_equal_job(queue: JobQueue) -> None:
    first = queue.submit("hold", "t", {})
    running(queue, first)
    assert queue.resume(first) == first
    queue.cancel(first)
    finished(queue, first)
    second = queue.submit("hold", "t", {})
    assert queue.resume(first) == second


def test_errors_are_sentences_and_the_queue_lives_on(queue: JobQueue, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        ours = finished(queue, queue.submit("fail", "The scores", {"how": "ours"}))
        assert caplog.records == []
        key = finished(queue, queue.submit("fail", "The scores", {"how": "key"}))
        leave = finished(queue, queue.submit("fail", "The scores", {"how": "exit"}))
    assert (ours.state, ours.error) == ("failed", "The subject is missing.")
    assert (key.state, key.error) == ("failed", "Something went wrong in The scores: KeyError: 'x'")
    assert (leave.state, leave.error) == ("failed", "Something went wrong in The scores: SystemExit: 3")
    assert [bool(record.exc_info) for record in caplog.records] == [True, True]
    assert finished(queue, queue.submit("quick", "t", {})).state == "done"


def test_a_worker_cannot_hide_a_cancel(queue: JobQueue) -> None:
    """Cancelled is one of our errors: a worker that survives one of them per request still stops at the next check."""
    caught = threading.Event()

    def forgiving(params: dict[str, Any], progress: Progress) -> str:
        while True:
            try:
                progress.check()
            except GoldenLayersError:
                caught.set()
                progress.check()

    queue._workers["forgiving"] = forgiving
    job_id = queue.submit("forgiving", "t", {})
    running(queue, job_id)
    queue.cancel(job_id)
    assert finished(queue, job_id).state == "cancelled"
    assert caught.is_set()


def test_a_job_that_ends_despite_a_cancel_is_done(queue: JobQueue) -> None:
    go = threading.Event()

    def deaf(params: dict[str, Any], progress: Progress) -> str:
        go.wait(PATIENCE)
        return "r"

    queue._workers["deaf"] = deaf
    job_id = queue.submit("deaf", "t", {})
    running(queue, job_id)
    queue.cancel(job_id)
    go.set()
    view = finished(queue, job_id)
    assert (view.state, view.result, view.cancelling) == ("done", "r", False)


def test_wait_gives_up_after_its_timeout(queue: JobQueue) -> None:
    job_id = queue.submit("hold", "t", {})
    assert queue.wait(job_id, 0.0).active
    assert queue.wait(job_id, 0.05).active


def test_workers_get_their_own_copy_of_the_params(queue: JobQueue) -> None:
    def spoil(params: dict[str, Any], progress: Progress) -> str:
        params["list"].append(2)
        return ""

    queue._workers["spoil"] = spoil
    given = {"list": [1]}
    view = finished(queue, queue.submit("spoil", "t", given))
    assert view.params == given == {"list": [1]}


def test_mistakes_are_sentences(queue: JobQueue) -> None:
    with pytest.raises(ConfigError, match="'nothing' are unknown; known are fail, hold, quick"):
        queue.submit("nothing", "t", {})
    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        queue.submit("quick", "t", {"x": object()})
    calls: list[Callable[[str], object]] = [queue.view, queue.cancel, queue.resume, queue.forget, queue.wait]
    for call in calls:
        with pytest.raises(StoreError, match="There is no job 'quick-0'"):
            call("quick-0")
        with pytest.raises(StoreError, match="cannot name a job"):
            call("../../etc/passwd")
    assert queue.jobs() == ()


def test_forget(queue: JobQueue, tmp_path: Path) -> None:
    done = queue.submit("quick", "t", {})
    finished(queue, done)
    queue.forget(done)
    assert queue.jobs() == ()
    held = queue.submit("hold", "t", {})
    running(queue, held)
    with pytest.raises(ConfigError, match="is running; cancel it first"):
        queue.forget(held)
    assert [path.stem for path in tmp_path.glob("*.json")] == [held]


def test_damaged_records_stop_nothing(queue: JobQueue, tmp_path: Path) -> None:
    done = queue.submit("quick", "t", {})
    finished(queue, done)
    good = (tmp_path / f"{done}.json").read_text()
    for number, text in enumerate(["", "{", "[]", '{"view": {}}', good, good.replace('"done"', '"odd"')]):
        (tmp_path / f"bad-{number}.json").write_text(text)
    assert [view.job_id for view in queue.jobs()] == [done]
    assert len(list(tmp_path.glob("*.damaged"))) == 6
    with pytest.raises(StoreError, match="There is no job"):
        queue.view("bad-0")
    assert finished(queue, queue.submit("quick", "t", {})).state == "done"


def test_a_changed_bit_in_a_record_is_no_other_record(queue: JobQueue, tmp_path: Path) -> None:
    done = queue.submit("quick", "A title", {"n": 7})
    finished(queue, done)
    whole = JobFolder(tmp_path).view(done, None)
    record = tmp_path / f"{done}.json"
    data = record.read_bytes()
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1  # "A title" becomes "@ title", 7 becomes 6
        record.write_bytes(changed)
        assert JobFolder(tmp_path).view(done, None) in (None, whole), place


def test_old_finished_jobs_are_pruned(queue: JobQueue, tmp_path: Path) -> None:
    last = finished(queue, queue.submit("quick", "t", {"n": -1}))
    template = json.dumps(digests.opened(json.loads((tmp_path / f"{last.job_id}.json").read_text())))  # no digest
    for number in range(210):
        text = template.replace(last.job_id, f"old-{number}").replace(last.created, f"2020-01-01T00:00:00.{number:06}")
        (tmp_path / f"old-{number}.json").write_text(text)
    assert len(queue.jobs()) == 211
    held = queue.submit("hold", "t", {})
    left = {view.job_id for view in queue.jobs()}
    assert left == {held, last.job_id, *(f"old-{number}" for number in range(11, 210))}


def test_close_interrupts_and_another_queue_resumes(bench: Bench, tmp_path: Path) -> None:
    first = make(bench, tmp_path)
    current, waiting = first.submit("hold", "t", {}), first.submit("hold", "t", {"n": 1})
    running(first, current)
    first.close(PATIENCE)
    second = make(bench, tmp_path)
    for queue in (first, second):
        assert [queue.view(job_id).state for job_id in (current, waiting)] == ["interrupted", "interrupted"]
        assert "resume it" in (queue.view(current).error or "")
    with pytest.raises(ConfigError, match="queue is closed"):
        first.submit("quick", "t", {})
    bench.go.set()
    assert second.resume(waiting) == waiting
    assert finished(second, waiting).state == "done"
    assert first.view(waiting).state == "done"
    second.close(PATIENCE)
    make(bench, tmp_path).close()


def test_two_queues_in_one_process_see_and_cancel_each_other(queue: JobQueue, bench: Bench, tmp_path: Path) -> None:
    other = make(bench, tmp_path)
    current = queue.submit("hold", "t", {})
    waiting = queue.submit("hold", "t", {"n": 1})
    running(queue, current)
    until(lambda: other.view(current).done == 0 and other.view(current).total == 10, "progress on disk")
    assert other.view(current).elsewhere
    assert not queue.view(current).elsewhere
    assert other.submit("hold", "t", {}) == current
    assert other.resume(waiting) == waiting
    other.cancel(waiting)
    assert finished(other, waiting).state == "cancelled"
    assert queue.view(current).state == "running"
    other.cancel(current)
    assert finished(other, current).state == "cancelled"
    assert finished(queue, current).state == "cancelled"
    assert other.resume(current) == current
    assert queue.view(current).elsewhere
    other.close(PATIENCE)


def test_progress_reaches_the_disk_at_most_four_times_a_second(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    write = JobFolder.write

    def counted(self: JobFolder, record: Any, *, durable: bool = True) -> None:
        times.append(time.monotonic())
        write(self, record, durable=durable)

    monkeypatch.setattr(JobFolder, "write", counted)

    def busy(params: dict[str, Any], progress: Progress) -> str:
        for step in range(20_000):
            progress.update(step, 20_000)
        return ""

    queue._workers["busy"] = busy
    began = time.monotonic()
    view = finished(queue, queue.submit("busy", "t", {}))
    assert view.done == 19_999
    states = 3  # queued, running, done
    assert states <= len(times) <= states + 4 * (time.monotonic() - began) + 1


def test_a_folder_that_vanishes_does_not_stop_the_work(queue: JobQueue, bench: Bench, tmp_path: Path) -> None:
    job_id = queue.submit("hold", "t", {})
    running(queue, job_id)
    record = tmp_path / f"{job_id}.json"
    record.unlink()
    record.mkdir()  # from now on its state cannot be written
    (record / "x").write_text("")
    bench.go.set()
    assert finished(queue, job_id).state == "done"
    assert queue.view(job_id).result == "held"
    assert finished(queue, queue.submit("quick", "t", {})).state == "done"


def test_many_threads_submit_cancel_and_look(bench: Bench, tmp_path: Path) -> None:
    """Eight sessions at once: every job ends, each runs at most once, nobody sees an exception."""
    ran: list[int] = []

    def count(params: dict[str, Any], progress: Progress) -> str:
        ran.append(params["n"])
        for step in range(3):
            progress.update(step, 3)
        return str(params["n"])

    queue = JobQueue(tmp_path, {"count": count})
    ids: dict[int, set[str]] = {n: set() for n in range(80)}
    failures: list[BaseException] = []

    def session(number: int) -> None:
        try:
            for n in range(number * 10, number * 10 + 10):
                for shared in (n, (n + 10) % 80):
                    job_id = queue.submit("count", "t", {"n": shared})
                    ids[shared].add(job_id)
                    queue.view(job_id)
                    if shared % 3 == 0:
                        queue.cancel(job_id)
                    queue.jobs()
                queue.wait(job_id, 0.01)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=session, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []
    every = {job_id: n for n, found in ids.items() for job_id in found}
    views = {job_id: finished(queue, job_id) for job_id in every}
    assert {view.job_id for view in queue.jobs()} == set(every)
    for job_id, n in every.items():
        assert views[job_id].state == "done" or (n % 3 == 0 and views[job_id].state == "cancelled")
        assert views[job_id].state != "done" or views[job_id].result == str(n)
    assert len(ran) <= len(every)
    assert {n for n in range(80) if n % 3} <= set(ran)
    queue.close(PATIENCE)
    assert list(tmp_path.glob("*.damaged")) == []


def test_cancelled_by_the_worker_itself(queue: JobQueue) -> None:
    def give_up(params: dict[str, Any], progress: Progress) -> str:
        raise Cancelled("enough")

    queue._workers["give-up"] = give_up
    assert finished(queue, queue.submit("give-up", "t", {})).state == "cancelled"
