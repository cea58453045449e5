"""Whose the work is: random lives of desks, tabs, reloads, cancels and restarts on real queues; the rule in words."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime import JobQueue, JobView, Progress
from goldenlayers_core.tasks.kinds import Kind
from goldenlayers_core.tasks.questions import DatasetChoice, EditQuestion, ScoreQuestion
from goldenlayers_core.tasks.seat import Seat
from goldenlayers_core.tasks.workbench import Workbench
from pages._shared.desk import Desk
from tests.runtime.helpers import PATIENCE, until

KINDS: Final = (
    Kind("score", "slow", ScoreQuestion, "nowhere:nothing"),  # the workers below do the work
    Kind("edit", "quick", EditQuestion, "nowhere:nothing"),
)
SLOTS: Final = {"score": ("score", "truth-lga"), "edit": ("edit", "lesson-edit")}
NAMES: Final = ("ann", "bob", "cleo")


def question(kind: str, number: int) -> ScoreQuestion | EditQuestion:
    """Equal for equal numbers, whoever asks."""
    choice = DatasetChoice("bundled", "proxy", number + 1)
    return ScoreQuestion(choice=choice) if kind == "score" else EditQuestion(layer=number)


class Held:
    """Workers that work until they are let go; a result says what was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.free = threading.Event()  # everything may end
        self.let_go: set[tuple[str, int]] = set()
        self.bench = self.opened()

    def opened(self) -> Workbench:
        bench = Workbench(self.root, KINDS)
        bench.slow._workers["score"] = lambda p, progress: self._work(("score", p["choice"]["limit"] - 1), progress)
        bench.quick._workers["edit"] = lambda p, progress: self._work(("edit", p["layer"]), progress)
        return bench

    def _work(self, asked: tuple[str, int], progress: Progress) -> str:
        while not (self.free.is_set() or asked in self.let_go):
            progress.check()
            time.sleep(0.001)
        return f"{asked[0]} {asked[1]}"

    def end(self, queue: JobQueue) -> None:
        """Let the job that runs come to its end."""
        running = [job for job in queue.jobs() if job.state == "running"]
        for job in running:
            asked = (
                ("score", job.params["choice"]["limit"] - 1) if job.kind == "score" else ("edit", job.params["layer"])
            )
            self.let_go.add(asked)
            assert not queue.wait(job.job_id, PATIENCE).active
            self.let_go.discard(asked)


@dataclass(eq=False)
class Session:
    """A browser's page: it ends with a reload, its tab does not."""

    desk: str
    tab: str
    id: str


class Lives(RuleBasedStateMachine):
    """Three desks with tabs ask for equal and different work, reload, cancel, close and come back."""

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.held = Held(Path(self.folder.name))
        self.desks = {name: Desk() for name in NAMES}
        self.open: list[Session] = []
        self.made = 0
        self.owed: dict[tuple[str, str, str], tuple[str, int]] = {}  # place -> what it asked for and was not told of

    # what people do

    @rule(target=sessions, desk=st.sampled_from(NAMES))
    def open_a_tab(self, desk: str) -> Session:
        return self._arrive(desk, "")

    @rule(target=sessions, session=consumes(sessions), said=st.booleans())
    def reload(self, session: Session, said: bool) -> Session:
        """With the browser's word which tab it is, or without (it was killed)."""
        if session not in self.open:  # the program was restarted since
            return self._arrive(session.desk, "")
        self.open.remove(session)
        others = {found.tab for found in self.open if found.desk == session.desk}
        found = self._arrive(session.desk, session.tab if said else "")
        if said:
            assert found.tab == session.tab
        assert found.tab not in others
        return found

    @rule(session=consumes(sessions))
    def close(self, session: Session) -> None:
        if session in self.open:
            self.open.remove(session)

    @rule(session=sessions, kind=st.sampled_from(("score", "edit")), slot=st.integers(0, 1), number=st.integers(0, 2))
    def ask(self, session: Session, kind: str, slot: int, number: int) -> None:
        if session in self.open:
            name = SLOTS[kind][slot]
            self._seat(session).submit(name, question(kind, number), f"{session.desk}'s")
            self.owed[session.desk, session.tab, name] = (kind, number)

    @rule(session=sessions, kind=st.sampled_from(("score", "edit")), slot=st.integers(0, 1))
    def cancel(self, session: Session, kind: str, slot: int) -> None:
        seat, name = self._seat(session), SLOTS[kind][slot]
        job_id = seat.followed(name) if session in self.open else None
        if job_id is None or not seat.view(job_id, name).active:
            return
        claims = seat.bench.queue_of(job_id).claims(job_id)
        others = [c for c in claims if c.state == "open" and c.place != (seat.desk, seat.tab, name)]
        seat.cancel(job_id, name)
        assert seat.view(job_id, name).cancelling or seat.view(job_id, name).state == "cancelled"
        if others:
            assert seat.bench.job(job_id).active
            assert not seat.bench.job(job_id).cancelling
        self.owed.pop((seat.desk, seat.tab, name), None)

    @rule(session=sessions)
    def look(self, session: Session) -> None:
        if session in self.open:
            self._look(session)

    # what the machine does

    @rule(slow=st.booleans())
    def a_job_ends(self, slow: bool) -> None:
        self.held.end(self.held.bench.slow if slow else self.held.bench.quick)

    @precondition(lambda self: self.made > 3)
    @rule()
    def the_program_starts_again(self) -> None:
        """Every page connects anew, and the program remembers nothing but what is on disk."""
        self.held.bench.close()
        self.held.bench = self.held.opened()
        self.desks = {name: Desk() for name in NAMES}
        self.open = []

    @invariant()
    def nobody_sees_what_another_asked_for(self) -> None:
        for session in self.open:
            seat = self._seat(session)
            for name in (name for names in SLOTS.values() for name in names):
                if (job_id := seat.followed(name)) is not None:
                    assert seat.view(job_id, name).title == f"{session.desk}'s"
                    places = [claim.place for claim in seat.bench.queue_of(job_id).claims(job_id)]
                    assert (session.desk, session.tab, name) in places
                else:
                    assert (session.desk, session.tab, name) not in self.owed

    @invariant()
    def no_two_sessions_share_a_tab(self) -> None:
        assert len({(s.desk, s.tab) for s in self.open}) == len(self.open)

    def teardown(self) -> None:
        """Whoever was promised a result gets it: in its tab, or, where that is closed, in the desk's next ones."""
        try:
            self.held.free.set()
            for session in list(self.open):
                self._look(session, PATIENCE)
            for desk in NAMES:
                while Seat(self.held.bench, desk, "").left() and len(self.open) < 100:
                    self._look(self._arrive(desk, ""), PATIENCE, give_up=True)
            assert self.owed == {}
        finally:
            self.held.bench.close()
            self.folder.cleanup()

    def _arrive(self, desk: str, asked: str) -> Session:
        self.made += 1
        name = f"session-{self.made}"
        left = dict.fromkeys(found.tab for found in Seat(self.held.bench, desk, "").left())
        tab = self.desks[desk].sit(name, asked, left, lambda known: known in {s.id for s in self.open})
        session = Session(desk, tab, name)
        self.open.append(session)
        return session

    def _seat(self, session: Session) -> Seat:
        return Seat(self.held.bench, session.desk, session.tab)

    def _look(self, session: Session, patience: float = 0.0, give_up: bool = False) -> None:
        """As a page does: what is done is told and settled; what the program dropped is resumed."""
        seat = self._seat(session)
        for kind, name in ((kind, name) for kind, names in SLOTS.items() for name in names):
            job_id = seat.followed(name)
            if job_id is None:
                continue
            if seat.view(job_id, name).state == "interrupted":
                job_id = seat.resume(job_id, name)
            if patience:
                seat.bench.queue_of(job_id).wait(job_id, patience)
            job = seat.view(job_id, name)
            if job.state == "done":
                assert seat.is_owed(job_id, name)
                asked = self.owed.pop((session.desk, session.tab, name))  # once
                assert asked[0] == kind
                assert job.result == f"{asked[0]} {asked[1]}"
                assert seat.settle(job_id, name)
                assert not seat.settle(job_id, name)
            elif job.state == "cancelled" and give_up:
                seat.leave(job_id, name)


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a failing life is short enough to read, and shrinking it takes minutes
)


# The rule in words ----------------------------------------------------------------------------------------------------


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    held = Held(tmp_path)
    yield held
    held.free.set()
    held.bench.close()


def begun(seat: Seat, number: int = 0, slot: str = "edit") -> str:
    """An edit that runs."""
    job_id = seat.submit(slot, question("edit", number), f"{seat.desk}'s")
    until(lambda: seat.bench.job(job_id).state == "running", "the edit to run")
    return job_id


def over(held: Held, job_id: str) -> JobView:
    """The job once everything was let go."""
    held.free.set()
    return held.bench.queue_of(job_id).wait(job_id, PATIENCE)


def test_equal_questions_share_the_work_and_each_cancel_is_ones_own(held: Held) -> None:
    ann, bob, cleo = (Seat(held.bench, name, "tab") for name in NAMES)
    job_id = begun(ann)
    assert bob.submit("edit", question("edit", 0), "bob's") == job_id
    assert [seat.view(job_id, "edit").title for seat in (ann, bob)] == ["ann's", "bob's"]
    ann.cancel(job_id, "edit")
    assert ann.view(job_id, "edit").state == "cancelled"
    assert not ann.may_cancel(held.bench.job(job_id))
    ann.cancel(job_id)  # nor on the page Runs
    assert bob.view(job_id, "edit").state == "running"
    assert not bob.view(job_id, "edit").cancelling
    assert cleo.followed("edit") is None
    assert over(held, job_id).state == "done"
    assert (ann.is_owed(job_id, "edit"), bob.is_owed(job_id, "edit")) == (False, True)
    assert ann.view(job_id, "edit").state == "cancelled"
    assert ann.resume(job_id, "edit") == job_id  # bob's was made; it is ann's again
    assert ann.view(job_id, "edit").result == "edit 0"
    assert [seat.settle(job_id, "edit") for seat in (ann, bob, ann, bob, cleo)] == [True, True, False, False, False]


def test_the_last_who_cancels_stops_the_work(held: Held) -> None:
    ann, bob = (Seat(held.bench, name, "tab") for name in NAMES[:2])
    job_id = begun(ann)
    bob.submit("edit", question("edit", 0), "bob's")
    bob.cancel(job_id, "edit")
    assert held.bench.job(job_id).active
    ann.cancel(job_id, "edit")
    assert held.bench.quick.wait(job_id, PATIENCE).state == "cancelled"
    assert bob.resume(job_id, "edit") == job_id
    assert bob.view(job_id, "edit").active
    assert ann.view(job_id, "edit").state == "cancelled"


def test_an_equal_question_of_a_program_is_not_cancelled_by_a_desk(held: Held) -> None:
    job_id = held.bench.submit(question("edit", 0), "a program's")
    ann = Seat(held.bench, "ann", "tab")
    assert ann.submit("edit", question("edit", 0), "ann's") == job_id
    ann.cancel(job_id, "edit")
    assert over(held, job_id).state == "done"


def test_two_tabs_of_a_desk_have_their_own_slots(held: Held) -> None:
    here, there = (Seat(held.bench, "ann", tab) for tab in ("here", "there"))
    first = begun(here, 0)
    second = there.submit("edit", question("edit", 1), "the other tab's")
    assert (here.followed("edit"), there.followed("edit")) == (first, second)
    third = here.submit("edit", question("edit", 2), "instead")  # the first goes on, and is shown no more
    assert here.followed("edit") == third
    assert held.bench.job(first).active


def test_a_restarted_program_knows_whose_the_work_is(held: Held) -> None:
    job_id = begun(Seat(held.bench, "ann", "tab"))
    held.bench.close()
    held.bench = held.opened()
    ann, bob = (Seat(held.bench, name, "tab") for name in NAMES[:2])
    assert ann.followed("edit") == job_id
    assert ann.view(job_id, "edit").state == "interrupted"
    assert bob.followed("edit") is None
    assert ann.resume(job_id, "edit") == job_id
    over(held, job_id)
    assert ann.is_owed(job_id, "edit")


def test_desks_apart_see_and_touch_only_their_own(held: Held) -> None:
    ann, bob = (Seat(held.bench, name, "tab", apart=True) for name in NAMES[:2])
    job_id = begun(ann)
    assert ([j.job_id for j in ann.jobs()], bob.jobs()) == ([job_id], ())
    assert not bob.may_cancel(held.bench.job(job_id))
    for act in (bob.cancel, bob.forget, lambda job: bob.resume(job, "edit")):
        with pytest.raises(ConfigError, match="another desk"):
            act(job_id)
    assert held.bench.job(job_id).state == "running"
    bob.submit("edit", question("edit", 0), "bob's")
    ann.cancel(job_id)
    assert held.bench.job(job_id).state == "running"
    bob.cancel(job_id)
    assert held.bench.quick.wait(job_id, PATIENCE).state == "cancelled"
    ann.forget(job_id)
    assert (ann.jobs(), [j.job_id for j in bob.jobs()]) == ((), [job_id])
    bob.forget(job_id)
    assert held.bench.jobs() == ()


def test_on_a_persons_own_machine_everything_is_theirs(held: Held) -> None:
    ann, bob = (Seat(held.bench, name, "tab") for name in NAMES[:2])
    job_id = begun(ann)
    assert [j.job_id for j in bob.jobs()] == [job_id]
    assert bob.may_cancel(held.bench.job(job_id))
    bob.cancel(job_id)
    assert held.bench.quick.wait(job_id, PATIENCE).state == "cancelled"
    bob.forget(job_id)
    assert ann.followed("edit") is None


def test_desks_take_turns_and_know_their_place(held: Held) -> None:
    ann, bob = (Seat(held.bench, name, "tab") for name in NAMES[:2])
    begun(ann, 0)
    anns = [ann.submit(f"slot-{n}", question("edit", n), "ann's") for n in range(1, 20)]
    bobs = bob.submit("edit", question("edit", 99), "bob's")
    assert held.bench.job(bobs).before == 1  # the one that runs
    assert [held.bench.job(job_id).before for job_id in anns[:3]] == [2, 3, 4]
    assert {job.job_id: job.before for job in held.bench.jobs()}[anns[-1]] == 20
    held.end(held.bench.quick)
    until(lambda: held.bench.job(bobs).state == "running", "bob's turn")
    assert held.bench.job(anns[0]).state == "queued"


def test_a_desk_may_have_so_many_waiting_and_no_more(held: Held) -> None:
    ann, bob = (Seat(held.bench, name, "tab") for name in NAMES[:2])
    begun(ann, 0)
    for n in range(1, 21):
        ann.submit(f"slot-{n}", question("edit", n), "ann's")
    with pytest.raises(ConfigError, match="20 pieces of your work wait already"):
        ann.submit("edit", question("edit", 21), "one too many")
    assert ann.submit("edit", question("edit", 20), "shared") == ann.followed("slot-20")
    assert bob.followed("edit") is None
    bob.submit("edit", question("edit", 21), "bob's")
