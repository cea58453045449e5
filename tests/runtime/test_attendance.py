"""Work of desks whose pages are closed: it yields to others, or is stopped where strangers are served."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goldenlayers_core.runtime import Claim, JobQueue, Progress
from goldenlayers_core.runtime.attendance import Attendance
from tests.runtime.helpers import PATIENCE, until

MINUTES = 600.0  # seconds


class Room:
    """A queue, a clock that is set by hand, and long work that counts its steps and remembers them, as ours does."""

    def __init__(self, folder: Path, seconds: float, ends: bool) -> None:
        self.now, self.steps, self.begun = 0.0, 0, 0
        self.end = threading.Event()
        self.attendance = Attendance(seconds, ends, lambda: self.now)
        self.queue = JobQueue(
            folder, {"long": self._long, "short": lambda _params, _progress: "short"}, attendance=self.attendance
        )

    def _long(self, params: dict[str, Any], progress: Progress) -> str:
        self.begun += 1
        while not self.end.is_set():
            self.steps += 1
            progress.update(self.steps, 10**6)
            time.sleep(0.001)
        return "long"

    def running(self, desk: str) -> str:
        """Long work of a desk, under way."""
        job = self.queue.submit("long", "Long work", {}, Claim(desk))
        until(lambda: self.queue.view(job).state == "running", "the long work to begin")
        return job

    def stays(self, job: str) -> bool:
        """Whether a job goes on running for a while: longer than the queue takes to look."""
        before = self.steps
        time.sleep(0.8)
        return self.queue.view(job).state == "running" and self.steps > before


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    rooms: list[Room] = []

    def made(seconds: float = MINUTES, ends: bool = False) -> Room:
        rooms.append(Room(tmp_path / str(len(rooms)), seconds, ends))
        return rooms[-1]

    yield made
    for room in rooms:
        room.end.set()
        room.queue.close(PATIENCE)


def test_work_of_a_desk_that_is_away_yields_to_others_and_goes_on_after_them(make: Any) -> None:
    room = make()
    long = room.running("ann")
    room.now += MINUTES + 1
    assert room.stays(long)  # nobody else waits
    short = room.queue.submit("short", "Short work", {}, Claim("bob"))
    assert room.queue.wait(short, PATIENCE).state == "done"
    until(lambda: room.begun == 2 and room.queue.view(long).state == "running", "the long work to go on")
    room.end.set()
    assert room.queue.wait(long, PATIENCE).state == "done"


def test_it_keeps_its_turn_while_its_page_is_open(make: Any) -> None:
    room = make()
    long = room.running("ann")
    room.now += MINUTES + 1
    room.attendance.seen("ann")
    short = room.queue.submit("short", "Short work", {}, Claim("bob"))
    assert room.stays(long)
    assert room.queue.view(short).state == "queued"


def test_of_several_who_asked_one_who_is_here_is_enough(make: Any) -> None:
    room = make(ends=True)
    long = room.running("ann")
    room.queue.submit("long", "The same", {}, Claim("bob"))
    room.now += MINUTES + 1
    room.attendance.seen("bob")
    assert room.stays(long)


def test_where_strangers_are_served_it_is_stopped_says_why_and_can_be_resumed(make: Any) -> None:
    room = make(ends=True)
    long = room.running("ann")
    waiting = room.queue.submit("short", "Short work", {}, Claim("ann"))
    room.now += MINUTES + 1
    for job in (long, waiting):
        view = room.queue.wait(job, PATIENCE)
        assert view.state == "interrupted"
        assert view.error is not None
        assert view.error.startswith("No page of those who asked was open for 10 minutes, so this work was stopped")
    again = room.queue.resume(long, Claim("ann"))
    until(lambda: room.queue.view(again).state == "running", "the resumed work to begin")
    assert room.stays(again)


def test_a_cancel_is_a_cancel_also_for_one_who_is_away(make: Any) -> None:
    room = make()
    long = room.running("ann")
    room.now += MINUTES + 1
    room.queue.cancel(long)
    assert room.queue.wait(long, PATIENCE).state == "cancelled"


def test_zero_turns_it_off_and_a_program_is_never_away(make: Any) -> None:
    off, on = make(0.0, ends=True), make(ends=True)
    jobs = [off.running("ann"), on.queue.submit("long", "A program's", {})]
    until(lambda: on.steps > 0, "the program's work to begin")
    for room, job in zip((off, on), jobs, strict=True):
        room.now += 100 * MINUTES
        room.queue.submit("short", "Short work", {}, Claim("bob"))
        assert room.stays(job)


def test_of_those_who_wait_the_one_who_is_here_comes_first(make: Any) -> None:
    room = make()
    long = room.running("cid")
    first = room.queue.submit("short", "Of one who goes", {"n": 1}, Claim("ann"))
    room.now += MINUTES + 1
    room.attendance.seen("cid")
    second = room.queue.submit("short", "Of one who is here", {"n": 2}, Claim("bob"))
    assert [room.queue.view(job).before for job in (long, second, first)] == [0, 1, 2]


def test_the_desk_seen_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.runtime.attendance._MOST", 2)
    there = Attendance(60)
    for desk in ("ann", "bob", "ann", "cid"):
        there.seen(desk)
    assert [there.away([desk]) for desk in ("ann", "bob", "cid")] == [False, True, False]
