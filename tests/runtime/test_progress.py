"""Time left: unknown at first, within a factor 2 after a fifth of steady work, and not fooled by jumps."""

import random
from collections.abc import Iterable

import pytest

from goldenlayers_core.errors import Cancelled
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.progress import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def estimates(steps: Iterable[float], total: int, *, announce: bool) -> list[tuple[int, float | None]]:
    """(units done, estimate) after each of `steps`, which last so many seconds."""
    clock = Clock()
    pace = Pace(clock)
    if announce:
        pace.add(0, total)
    found = []
    for done, seconds in enumerate(steps, start=1):
        clock.now += seconds
        pace.add(done, total)
        found.append((done, pace.seconds_left()))
    return found


def jitter(total: int, seconds: float) -> list[float]:
    draw = random.Random(0)
    return [seconds * draw.uniform(0.7, 1.3) for _ in range(total)]


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize(
    "steps",
    [
        [10.0] * 5,
        jitter(40, 3.0),
        jitter(2000, 0.002),
        jitter(1000, 0.05),
        [1.0, 9.0] * 30,  # two kinds of batches in turn
        [0.5, 0.5, 0.5, 4.5] * 25,
    ],
)
def test_steady_work_is_estimated_within_a_factor_of_two(steps: list[float], announce: bool) -> None:
    total = len(steps)
    for done, left in estimates(steps, total, announce=announce):
        if total // 5 <= done < total and sum(steps[:done]) >= 1.0:
            true = sum(steps[done:])
            assert left is not None
            slack = max(steps[-4:]) * 2 + 0.2  # near the end the true time is a step or two
            assert true / 2 - slack <= left <= true * 2 + slack


def test_a_jump_over_stored_results_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 0.3
    pace.add(500, 1000)
    assert pace.seconds_left() is None
    for step in range(1, 4):
        clock.now += 2.0
        pace.add(500 + step, 1000)
        assert pace.seconds_left() == pytest.approx(2.0 * (500 - step))


def test_one_jump_in_the_middle_moves_the_estimate_little() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.add(0, 1000)
    done = 0
    for _ in range(20):
        clock.now, done = clock.now + 1.0, done + 1
        pace.add(done, 1000)
    clock.now, done = clock.now + 1.0, done + 400
    pace.add(done, 1000)
    left = pace.seconds_left()
    assert left is not None
    assert (1000 - done) * 0.8 < left < (1000 - done) * 1.2


def test_work_that_slows_down_is_followed() -> None:
    steps = [0.5] * 50 + [5.0] * 50
    left = dict(estimates(steps, 100, announce=True))[75]
    assert left is not None
    assert 25 * 5.0 / 2 < left < 25 * 5.0 * 2


def test_time_left_counts_down_but_a_stall_does_not_end_it() -> None:
    clock = Clock()
    pace = Pace(clock)
    for done in range(11):
        pace.add(done, 20)
        clock.now += 1.0
    assert pace.seconds_left() == pytest.approx(9.0)
    clock.now += 3600.0
    assert pace.seconds_left() == pytest.approx(9.0)


def test_what_cannot_be_known_is_none() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.seconds_left() is None
    pace.add(0, 0)
    clock.now += 5
    pace.add(3, 0)
    assert pace.seconds_left() is None
    pace = Pace(clock)
    pace.add(0, 10)
    clock.now += 60
    assert pace.seconds_left() is None


def test_a_new_phase_starts_afresh_and_the_end_is_zero() -> None:
    clock = Clock()
    pace = Pace(clock)
    for done in range(11):
        pace.add(done, 10)
        clock.now += 10.0
    assert pace.seconds_left() == 0.0
    pace.add(0, 100)
    assert pace.seconds_left() is None
    for done in range(1, 5):
        clock.now += 1.0
        pace.add(done, 100)
    assert pace.seconds_left() == pytest.approx(96.0)


def test_progress_reports_then_raises_when_cancelled() -> None:
    seen: list[tuple[int, int, str]] = []
    wish: list[bool] = []
    progress = Progress(lambda *step: seen.append(step), lambda: bool(wish))
    progress.update(1, 4, "first")
    progress.check()
    wish.append(True)
    with pytest.raises(Cancelled, match="what was finished is kept"):
        progress.update(2, 4)
    with pytest.raises(Cancelled):
        progress.check()
    assert seen == [(1, 4, "first"), (2, 4, "")]


def test_part_of_a_unit_moves_the_time_left_and_whole_units_are_reported() -> None:
    clock = Clock()
    pace = Pace(clock)
    for tenth in range(11):
        pace.add(tenth / 10, 4)
        clock.now += 1.0
    assert pace.seconds_left() == pytest.approx(29.0)  # 10 s a unit, 3 units and the last second to go
    seen: list[int] = []
    progress = Progress(lambda done, _total, _note: seen.append(done))
    for done in (0, 0.7, 0.1 + 0.2 + 0.7, 1.9999999, 4):
        progress.update(done, 4)
    assert seen == [0, 0, 1, 2, 4]


def test_progress_without_listeners_is_silent() -> None:
    progress = Progress()
    progress.update(1, 2, "anything")
    progress.check()
    assert progress.seconds_left() is None
