"""Several processes with caches of their own on one bucket: at once, killed, and with the bucket away."""

import uuid
from pathlib import Path

import pytest

from goldenlayers_core.runtime import Store, store_at
from tests.runtime.buckets import URL, Gate
from tests.runtime.helpers import Program, manifest, rows, until

WRITE = """
    import sys
    import pandas as pd
    from pathlib import Path
    from goldenlayers_core.runtime import store_at, tables
    from tests.runtime.helpers import manifest
    tables.MAX_SHARDS = 3
    store, name = store_at(Path(sys.argv[1])), sys.argv[2]
    for step in range(int(sys.argv[3])):
        store.append_rows("scores", "k", pd.DataFrame({"request": [f"{name}-{step}"], "value": [float(step)]}))
        mark = f"{name}-{step}"
        frame = pd.DataFrame({"mark": [mark] * 50})
        store.save_run(manifest("both", title=mark), {"a": frame, "b": frame}, {"t": mark})
        store.change_json("cards", "one", lambda before: [*(before or []), mark])
        print(step, flush=True)
"""


@pytest.fixture
def place(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setenv("GOLDENLAYERS_STORE", f"{URL}/{uuid.uuid4().hex}")
    return gate


def marks(store: Store) -> list[str]:
    return sorted(store.read_rows("scores", "k")["request"])


def whole(store: Store) -> str:
    """The mark of the one run, all of whose parts are of one writing."""
    run = store.load_run("both")
    found = {run.manifest.title, run.texts["t"], *run.frames["a"]["mark"], *run.frames["b"]["mark"]}
    assert len(found) == 1
    return found.pop()


def test_two_processes_write_at_once_and_nothing_is_lost_or_mixed(place: Gate, tmp_path: Path) -> None:
    reader, seen = store_at(tmp_path / "reader"), set[str]()
    with Program(WRITE, tmp_path / "a", "a", 4) as a, Program(WRITE, tmp_path / "b", "b", 4) as b:
        while a.process.poll() is None or b.process.poll() is None:
            found = set(reader.read_rows("scores", "k").get("request", []))
            assert seen <= found  # what a reader saw once is there ever after
            seen = found
            if reader.runs():
                whole(reader)
        a.output()
        b.output()
    every = sorted(f"{name}-{step}" for name in "ab" for step in range(4))
    for store in (reader, store_at(tmp_path / "late")):
        assert marks(store) == every
        assert sorted(store.load_json("cards", "one")) == every
        until(
            lambda one=store: whole(one) in ("a-3", "b-3"), "the run, whose newest version is believed for two seconds"
        )
        assert store.problems() == ()


def test_a_writer_killed_in_the_middle_leaves_whole_things_and_its_cache_sends_the_rest(
    place: Gate, tmp_path: Path
) -> None:
    place.seconds = 0.02
    with Program(WRITE, tmp_path / "a", "a", 500) as dying, Program(WRITE, tmp_path / "b", "b", 4) as other:
        assert dying.process.stdout
        for _ in range(3):
            dying.process.stdout.readline()
        dying.kill()
        other.output()
    place.seconds = 0.0
    for name in ("reader", "a"):
        store = store_at(tmp_path / name)
        found = marks(store)
        assert {f"a-{n}" for n in range(3)} | {f"b-{n}" for n in range(4)} <= set(found)
        whole(store)
        assert set(store.load_json("cards", "one")) >= {f"b-{n}" for n in range(4)}
        assert store.problems() == ()
    assert [path for path in (tmp_path / "a").rglob("outbox/**/*") if path.is_file()] == []


def test_a_process_that_worked_without_the_bucket_is_heard_of_once_it_is_back(place: Gate, tmp_path: Path) -> None:
    before = store_at(tmp_path / "b")
    before.append_rows("scores", "k", rows("first"))
    place.status = 503
    source = WRITE.replace("tables.MAX_SHARDS = 3", QUICK)
    with Program(source, tmp_path / "a", "a", 2) as alone:
        alone.output()
    asked = len(place.asked)
    assert asked < 12  # one round of tries, and then it is left alone
    place.status = 0
    assert marks(before) == ["first"]
    store_at(tmp_path / "a").runs()  # the next start on that cache
    assert marks(before) == ["a-0", "a-1", "first"]
    assert whole(store_at(tmp_path / "c")) == "a-1"
    assert store_at(tmp_path / "c").load_json("cards", "one") == ["a-0", "a-1"]


QUICK = """
    from goldenlayers_core.runtime import opened, shared
    from goldenlayers_core.runtime.reaching import Patience
    opened.Shared = lambda root, location: shared.Shared(root, location, Patience(3, 0.01, 60.0))
"""


def test_a_bucket_that_refuses_connections_is_told_in_one_sentence_by_the_command_line(
    place: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "cache"))
    place.close()
    with Program("from goldenlayers_core.__main__ import main; raise SystemExit(main(['cache', 'list']))") as command:
        out, err = command.process.communicate(timeout=120)
    assert command.process.returncode == 2
    assert "could not be read (6 tries in" in err
    assert "no answer: connect" in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_rows_that_one_process_wrote_are_there_for_the_other_at_once(place: Gate, tmp_path: Path) -> None:
    a, b = store_at(tmp_path / "a"), store_at(tmp_path / "b")
    b.read_rows("scores", "k")
    a.append_rows("scores", "k", rows("x"))
    assert marks(b) == ["x"]
    a.save_run(manifest("r"), {})
    until(lambda: [m.run_id for m in b.runs()] == ["r"], "the list of runs, which is believed for two seconds")
