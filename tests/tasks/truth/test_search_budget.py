"""A search keeps its time: what it spends, what it says is left, and what counts as the search's time."""

import time

import pytest

from goldenlayers_core.errors import Cancelled
from goldenlayers_core.records import EditAwareConfig
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.questions import SearchQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.truth.clock import Clock, TimeUp, Within
from goldenlayers_core.tasks.truth.prior import made_prior
from goldenlayers_core.tasks.truth.search import _Part, search, search_result
from goldenlayers_core.tasks.truth.stored_search import open_search
from goldenlayers_core.tasks.truth.sweep import open_bed
from tests.tasks.truth.test_sweep import FACTS, SETTINGS
from tests.tiny import LAYERS

SLOW = {
    "steps": 60,
    "n_templates": 8,
    "stop_loss": 0.0,
    "patience": 0,
    "direct_steps": False,
}  # slow
BUDGET = 0.8  # seconds: two or three of them


@pytest.fixture
def choice(tmp_path) -> DatasetChoice:
    file = tmp_path / "capitals.csv"
    file.write_text(FACTS)
    return DatasetChoice(str(file))


def test_slow_edits_stop_with_the_time_and_say_truly_what_is_left(bench, tiny, choice):
    told: list[tuple[float, float | None]] = []

    class Told(Progress):
        def update(self, done: float, total: int, note: str = "") -> None:
            super().update(done, total, note)
            if note.startswith("Round"):
                told.append((time.monotonic(), self.seconds_left()))

    bench.model(tiny)
    asked = SearchQuestion(tiny, choice, settings=SLOW, seconds=BUDGET)
    found = open_search(bench.store, search(bench, asked, Told()))
    end = time.monotonic()
    slowest = float(open_bed(bench, asked, Progress()).rows()["seconds"].max())
    allowed = max(0.1 * BUDGET, 1.5 * slowest) + 0.3  # the machine may be busy
    assert found.seconds <= BUDGET + allowed
    assert found.over == max(found.seconds - BUDGET, 0.0)
    assert not found.finished
    assert found.n_pairs < 2 * LAYERS
    for at, left in told:
        if left is not None and left < 0.05:
            assert end - at <= allowed


def test_the_model_is_made_ready_before_the_time_begins_to_run(bench, tiny, choice):
    asked = SearchQuestion(tiny, choice, settings=SETTINGS, seconds=600.0)
    began = time.monotonic()
    found = search_result(bench, asked, Progress())
    assert found.loading > 0
    assert found.loading + found.seconds == pytest.approx(time.monotonic() - began, abs=0.3)
    again = search_result(bench, asked, Progress())
    assert again.n_computed == 0
    assert again.golden_layer == found.golden_layer


def test_an_estimate_at_hand_is_the_prior_and_one_that_is_not_cheap_is_none(bench, tiny, choice):
    few = SearchQuestion(tiny, choice, settings=SETTINGS, seconds=10.0)
    layers = tuple(range(LAYERS))
    assert made_prior(bench, few, layers, 1.0, Progress()).words.startswith("none: edit-aware analysis would take")
    made = made_prior(bench, SearchQuestion(tiny, choice, seconds=1000.0), layers, 1.0, Progress())
    assert made.words == "edit-aware analysis of 6 of the requests"
    assert made.values is not None
    assert made.values.shape == (LAYERS,)
    score(bench, ScoreQuestion(tiny, choice, method="edit-aware", edit_aware=EditAwareConfig()), Progress())
    found = search_result(bench, few, Progress())
    assert found.prior == f"edit-aware analysis of 6 requests of {choice.words}"
    assert found.estimating == 0


def test_work_within_a_time_ends_with_it_or_with_its_whole():
    cancelled = [False]
    whole = Progress(cancelled=lambda: cancelled[0])
    Within(whole, 60.0, "Scoring").update(1, 2)
    with pytest.raises(TimeUp, match="Scoring did not end within 0 s"):
        Within(whole, 0.0, "Scoring").update(1, 2)
    cancelled[0] = True
    with pytest.raises(Cancelled) as stopped:
        Within(whole, 0.0, "Scoring").check()
    assert not isinstance(stopped.value, TimeUp)
    clock = Clock(5.0)
    assert 0 <= clock.spent < 1
    assert 4 < clock.left <= 5


def test_a_batch_that_cannot_end_in_time_is_not_begun_and_one_under_way_may_take_a_tenth():
    now = time.monotonic()

    def part(spent: float, batch: float, measured: bool = True) -> _Part:
        made = _Part(Progress(), 0, 4, now - spent, 100.0)
        made.cost, made.batch = 1.0, batch
        made.update(0, 10)
        if measured:
            made.update(1, 10)
        return made

    part(95.0, 12.0).check()  # would be over by 7 s
    with pytest.raises(TimeUp):
        part(95.0, 20.0).check()
    with pytest.raises(TimeUp):
        part(101.0, 1.0).check()
    under_way = part(99.0, 5.0)
    under_way.check()
    under_way.start = now - 109.0
    under_way.check()
    under_way.start = now - 111.0
    with pytest.raises(TimeUp):
        under_way.check()
    first = part(111.0, 5.0, measured=False)
    first.must = True
    first.check()  # one edit there has to be
