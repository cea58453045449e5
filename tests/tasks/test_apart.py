"""Where desks are apart: each sees, renames, notes and deletes its own runs and uploads, and nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenlayers_core.errors import ConfigError, DatasetError, StoreError
from goldenlayers_core.runtime import Claim
from goldenlayers_core.tasks.apart import DeskBench, desks_apart
from goldenlayers_core.tasks.kinds import Kind
from goldenlayers_core.tasks.questions import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.seat import Seat
from goldenlayers_core.tasks.workbench import Workbench
from tests.runtime.helpers import PATIENCE, manifest

TABLE = b"prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,Paris\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    bench = Workbench(tmp_path, (Kind("score", "slow", ScoreQuestion, "nowhere:nothing"),))
    yield bench
    bench.close()


def made_by(bench: Workbench, run_id: str, *desks: str) -> None:
    """A run that a job makes for these desks, and another it makes on the way; each is told."""

    def work(params: object, progress: object) -> str:
        bench.store.save_run(manifest(f"{run_id}-part"), {})
        bench.store.save_run(manifest(run_id), {}, {"said": "Paris"})
        return run_id

    bench.slow._workers["score"] = work
    question = ScoreQuestion(choice=DatasetChoice(limit=len(run_id)))
    for desk in desks:
        seat = Seat(DeskBench(bench, desk), desk, "tab", apart=True)
        job_id = seat.submit("score", question, "t")
        assert bench.slow.wait(job_id, PATIENCE).result == run_id
        assert seat.accept(job_id, "score") == run_id
        assert seat.settle(job_id, "score")
        assert seat.accept(job_id, "score") is None


def seen(bench: Workbench, desk: str) -> set[str]:
    return {m.run_id for m in DeskBench(bench, desk).store.runs()}


def test_runs_are_their_desks_also_those_made_on_the_way(bench: Workbench) -> None:
    made_by(bench, "anns", "ann")
    made_by(bench, "of-both", "ann", "bob")
    assert seen(bench, "ann") == {"anns", "anns-part", "of-both", "of-both-part"}
    assert seen(bench, "bob") == {"of-both", "of-both-part"}
    assert seen(bench, "cleo") == set()
    assert len(bench.store.runs()) == 4  # the machine's own view
    bob = DeskBench(bench, "bob").store
    for act in (
        bob.manifest, bob.load_run, bob.delete_run, lambda run: bob.read_run(run, str),
        lambda run: bob.rename_run(run, "mine"), lambda run: bob.annotate_run(run, "mine"),
    ):  # fmt: skip
        with pytest.raises(StoreError, match="at this desk"):
            act("anns")
    assert bob.load_run("of-both").texts == {"said": "Paris"}


def test_titles_stars_and_notes_are_ones_own(bench: Workbench) -> None:
    made_by(bench, "of-both", "ann", "bob")
    bench.store.annotate_run("of-both", "said before desks were apart")
    ann, bob = (DeskBench(bench, desk).store for desk in ("ann", "bob"))
    ann.annotate_run("of-both", " for Friday ", True)
    ann.rename_run("of-both", "Ann's")
    assert [(m.title, m.note, m.starred) for s in (ann, bob) for m in s.runs() if m.run_id == "of-both"] == [
        ("Ann's", "for Friday", True),
        ("LGA, 32 requests", "", False),
    ]
    assert ann.load_run("of-both").manifest.note == "for Friday"
    with pytest.raises(StoreError, match=r"4,001 letters"):
        ann.annotate_run("of-both", "x" * 4001)


def test_a_deleted_run_goes_with_its_last_desk(bench: Workbench) -> None:
    made_by(bench, "of-both", "ann", "bob")
    DeskBench(bench, "ann").store.delete_run("of-both")
    assert "of-both" not in seen(bench, "ann")
    assert "of-both" in seen(bench, "bob")
    DeskBench(bench, "bob").store.delete_run("of-both")
    assert "of-both" not in {m.run_id for m in bench.store.runs()}


def test_uploads_are_their_desks(bench: Workbench) -> None:
    ann, bob = DeskBench(bench, "ann"), DeskBench(bench, "bob")
    reference, found = ann.upload(TABLE, "mine.csv")
    assert ann.uploads() == (reference,)
    assert [card.name for card in ann.upload_cards()] == ["mine.csv"]
    assert ann.dataset(reference) == found
    assert (bob.uploads(), bob.upload_cards(), bob.is_open(reference)) == ((), (), False)
    question = ScoreQuestion(choice=DatasetChoice(reference))
    for act in (lambda: bob.dataset(reference), lambda: bob.submit(question, "t", Claim("bob", "tab", "score"))):
        with pytest.raises(DatasetError, match="not at this desk"):
            act()
    assert bob.upload(TABLE, "mine.csv")[0] == reference
    assert bob.dataset(reference).requests == found.requests


def test_nobody_clears_what_is_everybodys(bench: Workbench) -> None:
    made_by(bench, "anns", "ann")
    store = DeskBench(bench, "ann").store
    for act in (store.clear, lambda: store.clear("runs"), lambda: store.delete("edits", "x")):
        with pytest.raises(StoreError, match="share this store"):
            act()
    assert store.problems() == ()
    assert bench.store.runs()


@pytest.mark.parametrize(
    ("address", "wish", "apart"),
    [
        ("127.0.0.1", "", False), ("localhost", "", False), ("::1", "", False), ("0.0.0.0", "", True), ("", "", True),
        (None, "", True), ("192.168.1.4", "", True), ("127.0.0.1", "apart", True), ("0.0.0.0", "together", False),
    ],
)  # fmt: skip
def test_desks_are_apart_where_others_can_reach_them(address: str | None, wish: str, apart: bool) -> None:
    assert desks_apart(address, wish) is apart


def test_another_wish_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match="set it to apart or together"):
        desks_apart("127.0.0.1", "yes")
