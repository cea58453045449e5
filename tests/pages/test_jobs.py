"""Whose work a page shows: this tab's and nobody else's, from the moment it is asked for; also after a reload."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.present.stored_tour import TourQuestion
from goldenlayers_core.tasks.seat import Seat
from pages._shared import cached, session
from pages._shared.desk import public
from tests.pages.driving import PATIENCE, SOME, go, healthy, opened, press, start, stored_scores, texts

MORE = DatasetChoice("bundled", "proxy", 5)


class Held:
    """Workers of the pages' own queues that work until they are let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        bench = cached.workbench()
        for queue in (bench.slow, bench.quick):
            for kind in queue._workers:
                queue._workers[kind] = self._work
        self.result = stored_scores()

    def _work(self, params: dict[str, Any], progress: Progress) -> str:
        while not self.go.is_set():
            progress.check()
            time.sleep(0.005)
        return self.result

    def end(self) -> None:
        """Everything comes to its end."""
        self.go.set()
        bench = cached.workbench()
        for job in bench.jobs():
            assert not bench.queue_of(job.job_id).wait(job.job_id, PATIENCE).active


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.go.set()


def is_working(app: AppTest, words: str) -> bool:
    """Whether the page shows progress under this title."""
    return any(words in bar.proto.text.replace("\\", "") for bar in healthy(app.run()).get("progress"))


def seat_of(app: AppTest) -> Seat:
    state = app.session_state
    return Seat(cached.workbench(), public(state["desk"]), state["desk-tab"])


@pytest.mark.parametrize(
    "question",
    [ScoreQuestion(choice=MORE), ModelSource("/some/other/model"), TourQuestion()],
    ids=lambda q: type(q).__name__,
)
def test_work_that_no_tab_follows_yet_is_shown_in_none(held: Held, question: Any) -> None:
    app = start("home")
    cached.workbench().submit(question, "Somebody else's")  # and before it is written down that a tab follows it
    assert not is_working(app, "Somebody else's")
    held.end()
    app.run()
    state = app.session_state
    assert [name for name in ("score_run", "tour_run", "chosen_model") if name in state] == []


def test_work_is_its_tabs_before_the_page_has_written_it_down(held: Held) -> None:
    mine, other = start("home"), start("home")
    seat_of(mine).submit("score", ScoreQuestion(choice=MORE), "Scoring five")  # then the run of the page breaks off
    assert not is_working(other, "Scoring five")
    assert is_working(mine, "Scoring five")
    held.end()
    for app in (other, mine):
        app.run()
    assert mine.session_state["score_run"] == held.result
    assert "score_run" not in other.session_state


def test_the_same_question_is_told_to_both_and_cancelled_by_one(held: Held) -> None:
    cached.workbench().model(ModelSource(), Progress())
    mine, other = (start("home", chosen_dataset=SOME) for _ in range(2))
    for app in (mine, other):
        press(app, "do-score")
    (job,) = cached.workbench().jobs()
    press(mine, "cancel-score")
    assert is_working(other, "Scoring")
    mine.run()
    assert "was cancelled" in mine.warning[0].value
    held.end()
    for app in (mine, other):
        healthy(app.run())
    assert other.session_state["score_run"] == held.result
    assert "score_run" not in mine.session_state
    press(mine, "resume-score")
    assert mine.session_state["score_run"] == held.result
    assert cached.workbench().jobs()[0].job_id == job.job_id


class Browser:
    """One browser's cookies and connections, which the app's test client has none of."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.cookies: dict[str, str] = {}
        self.open: set[str] = set()
        self.now = ""
        patch.setattr(session, "cookie", lambda name: self.cookies.get(name, ""))
        patch.setattr(session, "is_open", lambda name: name in self.open)
        patch.setattr(session, "_session_id", lambda: self.now)

    def visit(self, name: str, page: str = "home", leaving: str = "") -> AppTest:
        """A new session; `leaving`: the tab that the browser said is being left."""
        self.open.add(name)
        self.cookies[session.TAB_COOKIE] = leaving
        self.now = name
        app = start(page)
        self.cookies[session.COOKIE] = app.session_state["desk"]
        return app

    def again(self, name: str, app: AppTest, page: str = "home") -> AppTest:
        self.now = name
        return go(app, page)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(monkeypatch)


def test_a_reload_finds_its_work_and_the_other_tab_does_not(held: Held, browser: Browser) -> None:
    first, second = browser.visit("one"), browser.visit("two")
    assert first.session_state["desk"] == second.session_state["desk"]
    browser.now = "one"
    seat_of(first).submit("score", ScoreQuestion(choice=MORE), "Scoring five")
    browser.again("one", first)
    browser.now = "two"
    assert not is_working(second, "Scoring five")
    browser.open.discard("one")
    third = browser.visit("three", leaving=first.session_state["desk-tab"])
    assert is_working(third, "Scoring five")
    held.end()
    assert "score_run" not in browser.again("two", second).session_state
    assert browser.again("three", third).session_state["score_run"] == held.result


def test_a_tab_whose_browser_was_killed_is_taken_up_by_the_next_of_its_desk(held: Held, browser: Browser) -> None:
    first, second = browser.visit("one"), browser.visit("two")
    browser.now = "one"
    seat_of(first).submit("score", ScoreQuestion(choice=MORE), "Scoring five")
    browser.open.discard("one")
    browser.now = "two"
    assert not is_working(second, "Scoring five")  # it sits in its own tab
    third, fourth = browser.visit("three"), browser.visit("four")
    browser.now = "three"
    assert is_working(third, "Scoring five")
    browser.now = "four"
    assert not is_working(fourth, "Scoring five")
    browser.now, browser.cookies = "five", {}
    assert not is_working(browser.visit("five"), "Scoring five")  # another browser


def test_a_name_that_belongs_to_another_open_tab_is_not_given(held: Held, browser: Browser) -> None:
    first = browser.visit("one")
    second = browser.visit("two", leaving=first.session_state["desk-tab"])
    assert second.session_state["desk-tab"] != first.session_state["desk-tab"]


def test_a_tab_that_lost_its_connection_gives_way_to_the_one_that_took_it_up(held: Held, browser: Browser) -> None:
    first = browser.visit("one")
    seat_of(first).submit("score", ScoreQuestion(choice=MORE), "Scoring five")
    assert is_working(browser.again("one", first), "Scoring five")
    browser.open.discard("one")
    second = browser.visit("two")
    assert is_working(second, "Scoring five")
    browser.open.add("one")  # it is back
    browser.now = "one"
    assert not is_working(first, "Scoring five")
    held.end()
    assert browser.again("two", second).session_state["score_run"] == held.result
    assert "score_run" not in browser.again("one", first).session_state


def test_choices_are_the_tabs_and_a_new_tab_begins_with_the_last(browser: Browser) -> None:
    runs = [stored_scores(seed=seed) for seed in (1, 2)]
    first, second = browser.visit("one", "runs"), browser.visit("two", "runs")
    for name, app, run_id in (("one", first, runs[0]), ("two", second, runs[1])):
        browser.now = name
        press(app, f"open-runs-{run_id}")
    browser.open.clear()
    for app, run_id in ((first, runs[0]), (second, runs[1])):
        again = browser.visit(f"again-{run_id}", leaving=app.session_state["desk-tab"])
        assert again.session_state["score_run"] == run_id
    assert browser.visit("new").session_state["score_run"] == runs[1]


def test_desks_apart_see_their_own_runs_and_work_alone(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENLAYERS_DESKS", "apart")
    mine, other = start("runs"), start("runs")
    seat_of(mine).submit("score", ScoreQuestion(choice=MORE), "Scoring five")
    assert is_working(mine, "Scoring five")
    assert not is_working(other, "Scoring five")
    assert "more at work" not in texts(other)
    held.end()
    press(go(mine, "home"), f"open-home-{held.result}")
    assert f"open-runs-{held.result}" in [b.key for b in go(mine, "runs").button]
    assert "No run is stored yet" in go(other, "runs").info[0].value
    assert "score_run" not in other.session_state
    stranger = opened("layer_scores", run=held.result)
    assert "is not in this store" in texts(stranger).replace("\\", "")
