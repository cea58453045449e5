"""Long work gives way to short work of another queue between two of its steps."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import Claim, JobQueue, Progress, turns
from tests.runtime.helpers import PATIENCE, until


class Two:
    """A long queue that gives way to a short one; the long job counts its steps."""

    def __init__(self, folder: Path) -> None:
        self.steps = 0
        self.end_long, self.end_short = threading.Event(), threading.Event()
        self.short = JobQueue(folder / "short", {"short": self._short})
        self.long = JobQueue(folder / "long", {"long": self._long}, lambda: self.short.busy)

    def _long(self, params: dict[str, Any], progress: Progress) -> str:
        while not self.end_long.is_set():
            self.steps += 1
            progress.update(self.steps, 10**6)
            time.sleep(0.001)
        return "long"

    def _short(self, params: dict[str, Any], progress: Progress) -> str:
        while not self.end_short.is_set():
            progress.check()
            time.sleep(0.001)
        return "short"

    def started(self) -> tuple[str, str]:
        """The long job at work, then the short one."""
        long = self.long.submit("long", "t", {})
        until(lambda: self.steps > 3, "the long job to move")
        short = self.short.submit("short", "t", {})
        until(lambda: self.short.view(short).state == "running", "the short job to run")
        return long, short

    def stands(self) -> bool:
        """Whether the long job stands still; a step that was begun may end."""
        time.sleep(0.1)
        before = self.steps
        time.sleep(0.3)
        return self.steps == before


@pytest.fixture
def two(tmp_path: Path) -> Any:
    two = Two(tmp_path)
    yield two
    two.end_long.set()
    two.end_short.set()
    two.long.close(PATIENCE)
    two.short.close(PATIENCE)


def test_long_work_stands_while_short_work_is_done_and_goes_on_after_it(two: Two) -> None:
    long, short = two.started()
    assert two.stands()
    assert two.long.view(long).state == "running"
    two.end_short.set()
    assert two.short.wait(short, PATIENCE).state == "done"
    before = two.steps
    until(lambda: two.steps > before + 3, "the long job to go on")
    two.end_long.set()
    assert two.long.wait(long, PATIENCE).state == "done"


def test_work_that_gives_way_can_be_cancelled(two: Two) -> None:
    long, _ = two.started()
    assert two.stands()
    two.long.cancel(long)
    assert two.long.wait(long, PATIENCE).state == "cancelled"


def test_short_work_without_an_end_does_not_stop_the_long(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.2)
    _, short = two.started()
    before = two.steps
    until(lambda: two.steps > before + 20, "the long job to have its share")
    assert two.short.view(short).state == "running"


def test_a_disk_that_does_not_tell_whose_work_waits_ends_no_thread(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def first(params: dict[str, Any], progress: Progress) -> str:
        begun.set()
        go_on.wait(PATIENCE)
        return "first"

    queue = JobQueue(tmp_path, {"first": first, "next": lambda params, progress: "next"})
    one = queue.submit("first", "t", {}, Claim("ann"))
    assert begun.wait(PATIENCE)
    two = queue.submit("next", "t", {"n": 2}, Claim("bob"))
    path = tmp_path / f"{two}.claims"
    path.unlink()
    path.symlink_to(path)  # no reader comes to an end of it: the disk refuses
    with pytest.raises(StoreError):
        queue.claims(two)
    go_on.set()
    assert queue.wait(one, PATIENCE).state == "done"
    assert queue.wait(two, PATIENCE).state == "done"
    path.unlink()
    queue.close(PATIENCE)
