"""One store on a location that several machines reach: what one writes the others read, whoever was first."""

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import Cancelled, ConfigError, StoreError
from goldenlayers_core.runtime import Progress, Store, store_at, tables
from goldenlayers_core.runtime.locations import Item, UnreachedError, open_location
from goldenlayers_core.runtime.progress import FOLLOWED
from goldenlayers_core.runtime.reaching import AwayError, Patience
from goldenlayers_core.runtime.shared import Shared
from goldenlayers_core.runtime.versions import newest
from tests.runtime.buckets import URL, Gate
from tests.runtime.helpers import manifest, rows, until

QUICK = Patience(tries=3, first=0.01, rest=0.0)
Open = Callable[[str], Store]


@pytest.fixture(params=["s3", "file", "memory"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store on a machine of that name: with a cache of its own."""
    place = {"file": f"file://{tmp_path}/far", "memory": f"memory://{uuid.uuid4().hex}"}.get(request.param)
    if place is None:
        request.getfixturevalue("gate")
        place = f"{URL}/{uuid.uuid4().hex}"
    location = open_location(place)
    return lambda name: Store(tmp_path / name, Shared(tmp_path / name, location, QUICK))


@pytest.fixture
def here(gate: Gate, tmp_path: Path) -> Open:
    """Opens a store in the bucket behind the gate, on a machine of that name."""
    url = f"{URL}/{uuid.uuid4().hex}"
    return lambda name: Store(tmp_path / name, Shared(tmp_path / name, open_location(url), QUICK))


# ---- what one writes the others read


def test_everything_that_one_machine_stores_another_reads(machine: Open) -> None:
    a, b = machine("a"), machine("b")
    a.append_rows("scores", "k", rows("x", value=1.0))
    b.append_rows("scores", "k", rows("x", "y", value=2.0))
    a.save_run(manifest("r", title="first"), {"f": rows("x")}, {"t": "text"})
    a.save_json("cards", "c@1 +=", {"n": [1, 2]})
    a.save_arrays("edits", "e", {"w": np.arange(6.0).reshape(2, 3)}, {"m": "meta"})
    a.owned.say("desk", "r", title="mine")

    for store in (a, b):
        assert dict(store.read_rows("scores", "k").itertuples(index=False)) == {"x": 2.0, "y": 2.0}
        run = store.load_run("r")
        assert (run.manifest.title, run.texts["t"], list(run.frames["f"]["request"])) == ("first", "text", ["x"])
        assert [m.run_id for m in store.runs()] == ["r"]
        assert store.load_json("cards", "c@1 +=") == {"n": [1, 2]}
        arrays, meta = store.load_arrays("edits", "e")
        assert np.array_equal(arrays["w"], np.arange(6.0).reshape(2, 3))
        assert meta == {"m": "meta"}
        assert store.names("cards") == ("c@1 +=",)
        assert store.owned.names("desk") == {"r"}
        assert store.owned.owners("r") == {"desk"}
        assert store.owned.said("desk", "r").title == "mine"
        assert {u.kind for u in store.usage()} == {"runs", "scores", "cards", "edits"}
        assert store.problems() == ()


def test_changes_and_deletions_reach_the_others(machine: Open) -> None:
    a, b = machine("a"), machine("b")
    a.save_run(manifest("r"), {"f": rows("x")})
    a.save_json("cards", "c", 1)
    b.rename_run("r", "new")
    b.annotate_run("r", note="a note", starred=True)
    b.save_json("cards", "c", 2)
    fresh = machine("c")
    assert (fresh.manifest("r").title, fresh.manifest("r").note) == ("new", "a note")
    assert fresh.load_json("cards", "c") == 2

    a.save_run(manifest("r", title="computed anew"), {"f": rows("y")})
    assert (a.manifest("r").title, a.manifest("r").starred) == ("new", True)
    assert list(machine("d").load_run("r").frames["f"]["request"]) == ["y"]

    a.delete_run("r")
    a.delete("cards", "c")
    late = machine("e")
    assert late.runs() == ()
    assert late.names("cards") == ()
    with pytest.raises(StoreError, match="There is no cards 'c'"):
        late.load_json("cards", "c")
    b.save_json("cards", "c", 3)  # a name may come back
    assert machine("f").load_json("cards", "c") == 3


def test_two_who_change_one_thing_lose_nothing(machine: Open) -> None:
    def add(store: Store, name: str) -> None:
        for n in range(15):
            store.change_json("cards", "one", lambda before, n=n: [*(before or []), f"{name}-{n}"])

    stores = {name: machine(name) for name in "ab"}
    threads = [threading.Thread(target=add, args=(store, name)) for name, store in stores.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = machine("c").load_json("cards", "one")
    assert sorted(found) == sorted(f"{name}-{n}" for name in "ab" for n in range(15))


def test_shards_are_merged_for_everybody_and_stay_whole(machine: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_SHARDS", 4)
    a, b = machine("a"), machine("b")
    for n in range(10):
        (a if n % 2 else b).append_rows("scores", "k", rows(f"r{n}", value=float(n)))
        assert len(a.read_rows("scores", "k")) == n + 1
    assert [p.name.startswith("merged-") for p in sorted((a.root / "tables/scores/k").glob("*.parquet"))].count(True)
    assert len(list((a.root / "tables/scores/k").glob("*.parquet"))) <= 5  # what was merged is gone here, too
    assert dict(b.read_rows("scores", "k").itertuples(index=False)) == {f"r{n}": float(n) for n in range(10)}


def test_what_is_cleared_is_gone_for_everybody(machine: Open) -> None:
    a, b = machine("a"), machine("b")
    a.append_rows("scores", "k", rows("x"))
    a.save_json("cards", "c", 1)
    a.save_run(manifest("r"), {"f": rows("x")}, {"t": "text"})
    assert len(b.read_rows("scores", "k")) == 1
    b.clear(None)
    assert b.usage() == ()
    fresh = machine("c")
    assert fresh.read_rows("scores", "k").empty
    assert a.read_rows("scores", "k").empty
    assert fresh.runs() == ()
    assert fresh.names("cards") == ()


def test_a_copy_that_was_damaged_here_is_fetched_again(machine: Open) -> None:
    a = machine("a")
    a.append_rows("scores", "k", rows("x"))
    a.save_run(manifest("r"), {"f": rows("x")})
    a.save_json("cards", "c", {"n": 1})
    for path in [*a.root.glob("tables/**/*.parquet"), *a.root.glob("runs/**/*.parquet"), *a.root.glob("objects/*/*/*")]:
        path.write_bytes(path.read_bytes()[:-3] + b"abc")
    assert a.read_rows("scores", "k").empty  # set aside
    assert len(a.read_rows("scores", "k")) == 1
    assert list(a.load_run("r").frames["f"]["request"]) == ["x"]
    with pytest.raises(StoreError, match="damaged"):
        a.load_json("cards", "c")
    assert a.load_json("cards", "c") == {"n": 1}
    assert a.problems()


def test_what_is_damaged_over_there_stops_nothing(bucket: tuple[int, Path], here: Open) -> None:
    a = here("a")
    a.append_rows("scores", "k", rows("x"))
    a.append_rows("scores", "k", rows("y"))
    (one, _) = sorted(bucket[1].glob("**/tables/scores/k/*.parquet"), key=lambda p: p.stat().st_mtime_ns)[-2:]
    one.write_bytes(one.read_bytes()[:-3] + b"abc")
    b = here("b")
    for _ in range(3):
        assert len(b.read_rows("scores", "k")) == 1
    assert b.problems()


def test_a_copy_is_not_fetched_twice(gate: Gate, here: Open) -> None:
    a, b = here("a"), here("b")
    for n in range(5):
        a.append_rows("scores", "k", rows(f"{n}"))
        a.save_run(manifest(f"r{n}"), {"f": rows("x")})
    assert len(b.read_rows("scores", "k")) == 5
    assert len(b.runs()) == 5
    b.load_run("r1")
    gate.asked.clear()
    assert len(b.read_rows("scores", "k")) == 5
    b.load_run("r1")
    assert [asked for asked in gate.asked if "list-type" not in asked] == []


def test_the_location_keeps_no_lock_and_shows_no_half_file(machine: Open, tmp_path: Path) -> None:
    machine("a").save_arrays("edits", "e", {"w": np.zeros(1000)})
    far = [p.name for p in (tmp_path / "far").rglob("*") if p.is_file()]
    assert [name for name in far if name.endswith((".lock", ".tmp"))] == []


def test_a_place_of_another_name_has_copies_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENLAYERS_STORE", f"file://{tmp_path}/one")
    store_at(tmp_path / "cache").save_json("cards", "c", 1)
    monkeypatch.setenv("GOLDENLAYERS_STORE", f"file://{tmp_path}/two")
    assert store_at(tmp_path / "cache").names("cards") == ()
    monkeypatch.delenv("GOLDENLAYERS_STORE")
    assert store_at(tmp_path / "cache").names("cards") == ()
    assert not (tmp_path / "cache/objects").exists()


def test_a_place_that_was_emptied_by_hand_brings_no_old_copy_back(tmp_path: Path) -> None:
    location = open_location(f"file://{tmp_path}/far")
    Store(tmp_path / "a", Shared(tmp_path / "a", location)).save_json("cards", "c", "old")
    (tmp_path / "far").rename(tmp_path / "gone")
    Store(tmp_path / "b", Shared(tmp_path / "b", location)).save_json("cards", "c", "new")
    assert Store(tmp_path / "a", Shared(tmp_path / "a", location)).load_json("cards", "c") == "new"


# ---- versions


def test_the_highest_number_counts_and_one_before_it_stays() -> None:
    def at(*seconds: float) -> dict[str, Item]:
        return {f"objects/k/n.json/{n + 1:010d}": Item(5, second) for n, second in enumerate(seconds)}

    now = time.time()
    found = newest(at(1.0, 2.0, 3.0, now - 60, now))["objects/k/n.json"]
    assert (found.number, found.n_bytes, found.spent) == (5, 5, (1,))
    assert newest({"o/n/0000000002": Item(0, None), "o/n/0000000001": Item(5, None)})["o/n"].n_bytes == 0


# ---- a location that is slow, refuses or stays away


def test_a_location_that_stays_away_costs_nothing_but_time(gate: Gate, here: Open, tmp_path: Path) -> None:
    a = here("a")
    a.append_rows("scores", "k", rows("before"))
    a.save_json("cards", "c", {"before": 1})
    gate.status = 503
    a.append_rows("scores", "k", rows("meanwhile"))
    a.change_json("cards", "c", lambda content: {**content, "meanwhile": 2})
    a.save_run(manifest("r"), {"f": rows("x")}, {"t": "text"})
    a.save_arrays("edits", "e", {"w": np.zeros(3)})
    assert sorted(a.read_rows("scores", "k")["request"]) == ["before", "meanwhile"]  # as it was told, and its own
    with pytest.raises(StoreError) as told:
        a.read_rows("scores", "never asked for")
    words = str(told.value)
    assert "3 tries in 0 s" in words
    assert "503" in words
    assert str(tmp_path / "a" / "outbox") in words
    assert words.count(". ") == 0
    assert a.load_json("cards", "c") == {"before": 1, "meanwhile": 2}  # what waits is read here

    gate.status = 0
    assert sorted(a.read_rows("scores", "k")["request"]) == ["before", "meanwhile"]  # sent with the next contact
    b = here("b")
    assert sorted(b.read_rows("scores", "k")["request"]) == ["before", "meanwhile"]
    assert b.load_json("cards", "c") == {"before": 1, "meanwhile": 2}
    assert b.load_run("r").texts["t"] == "text"
    assert b.names("edits") == ("e",)
    assert [p for p in (tmp_path / "a" / "outbox").rglob("*") if p.is_file()] == []


def test_what_waited_joins_what_others_did_meanwhile(gate: Gate, here: Open) -> None:
    a, b = here("a"), here("b")
    a.save_json("cards", "c", {"rows": {"1": "a"}})
    a.save_run(manifest("r"), {"f": rows("x")})
    b.load_json("cards", "c")
    gate.status = 503
    a.change_json("cards", "c", lambda content: {"rows": {**content["rows"], "2": "a"}})
    a.save_run(manifest("r", title="anew"), {"f": rows("y")})
    gate.status = 0
    b.change_json("cards", "c", lambda content: {"rows": {**content["rows"], "3": "b"}})
    b.rename_run("r", "a person's")
    a.usage()  # the next contact
    c = here("c")
    assert c.load_json("cards", "c") == {"rows": {"1": "a", "2": "a", "3": "b"}}
    assert c.manifest("r").title == "a person's"
    assert list(c.load_run("r").frames["f"]["request"]) == ["y"]


def test_a_job_that_waits_says_so_and_can_be_cancelled(gate: Gate, here: Open) -> None:
    a, notes = here("a"), []
    gate.status = 503
    token = FOLLOWED.set(Progress(lambda done, total, note: notes.append((done, total, note))))
    with pytest.raises(AwayError):
        a.read_rows("scores", "k")
    assert [note.endswith(f"try {n} of 3") for n, (_, _, note) in zip((2, 3), notes, strict=True)] == [True, True]
    FOLLOWED.set(Progress(cancelled=lambda: True))
    with pytest.raises(Cancelled):
        a.append_rows("scores", "k", rows("x"))
    FOLLOWED.reset(token)
    gate.status = 0
    a.append_rows("scores", "k", rows("y"))
    assert list(here("b").read_rows("scores", "k")["request"]) == ["y"]


def test_a_cancel_while_bytes_are_sent_loses_no_byte(gate: Gate, here: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    a = here("a")
    a.append_rows("scores", "k", rows("x"))
    create = a.place.far._location.create  # type: ignore[attr-defined]
    stop = threading.Event()

    def shut(key: str, data: bytes) -> bool:
        if stop.is_set():
            raise UnreachedError("shut")
        return bool(create(key, data))

    monkeypatch.setattr(a.place.far._location, "create", shut)  # type: ignore[attr-defined]
    stop.set()
    token = FOLLOWED.set(Progress(cancelled=lambda: True))
    with pytest.raises(Cancelled):
        a.append_rows("scores", "k", rows("y"))
    FOLLOWED.reset(token)
    stop.clear()
    assert sorted(a.read_rows("scores", "k")["request"]) == ["x", "y"]
    assert sorted(here("b").read_rows("scores", "k")["request"]) == ["x", "y"]


def test_a_slow_location_is_waited_for(gate: Gate, here: Open) -> None:
    gate.seconds = 0.3
    a = here("a")
    a.append_rows("scores", "k", rows("x"))
    gate.seconds = 0.0
    assert list(here("b").read_rows("scores", "k")["request"]) == ["x"]


def test_many_objects_of_a_slow_location_are_read_with_progress(gate: Gate, here: Open) -> None:
    a, notes = here("a"), []
    for n in range(24):
        a.append_rows("scores", "k", rows(f"{n}"))
    gate.seconds = 0.5
    token = FOLLOWED.set(Progress(lambda _done, _total, note: notes.append(note)))
    assert len(here("b").read_rows("scores", "k")) == 24
    FOLLOWED.reset(token)
    assert any(note.startswith("Reading ") and " of 24 from s3://" in note for note in notes)


def test_keys_that_are_refused_end_at_once(
    gate: Gate, here: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate.status = 403
    with pytest.raises(AwayError, match="may not be read"):
        here("a").runs()
    assert len(gate.asked) == 1
    gate.status = 0
    other = open_location("s3://nowhere/x")
    with pytest.raises(AwayError, match="there is no such bucket"):
        Store(tmp_path / "b", Shared(tmp_path / "b", other, QUICK)).runs()


def test_a_location_that_stayed_away_is_left_alone_for_a_while(gate: Gate, tmp_path: Path) -> None:
    store = Store(tmp_path / "a", Shared(tmp_path / "a", open_location(URL), Patience(2, 0.01, rest=60.0)))
    gate.status = 503
    for _ in range(5):
        with pytest.raises(AwayError):
            store.runs()
    assert len(gate.asked) == 2


def test_a_lost_answer_is_no_conflict(gate: Gate, here: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object was written and the answer got lost: the next try finds it, and knows it as its own."""
    a = here("a")
    location = a.place.far._location  # type: ignore[attr-defined]
    create, lost = location.create, [1]

    def loses(key: str, data: bytes) -> bool:
        made = create(key, data)
        if key.startswith("objects/") and lost:
            lost.pop()
            raise UnreachedError("the answer got lost")
        return bool(made)

    monkeypatch.setattr(location, "create", loses)
    a.change_json("cards", "c", lambda before: [*(before or []), 1])
    assert here("b").load_json("cards", "c") == [1]


# ---- settings


@pytest.mark.parametrize("value", ["here", "s3://", "nothing://a/b"])
def test_a_location_that_is_none_is_refused_in_a_sentence(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENLAYERS_STORE", value)
    with pytest.raises(ConfigError, match="GOLDENLAYERS_STORE is"):
        store_at(tmp_path)


def test_a_missing_extra_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="run `make store`"):
        open_location("s3://bucket/prefix")


def test_a_place_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "store.json").write_text('{"format": "another"}')
    store = Store(tmp_path / "a", Shared(tmp_path / "a", open_location(f"file://{tmp_path}/far")))
    with pytest.raises(StoreError, match="not ours"):
        store.runs()
    (tmp_path / "far" / "store.json").write_text('{"format": "golden-layers-shared-store", "version": 9, "id": "x"}')
    with pytest.raises(StoreError, match="version 9"):
        store.runs()


def test_a_password_in_a_location_is_not_shown() -> None:
    assert "secret" not in open_location("memory://me:secret@host/x").name


def test_a_frame_without_requests_is_kept_as_it_is(machine: Open) -> None:
    machine("a").append_rows("steps", "k", pd.DataFrame({"step": [1, 1], "edit": ["x", "x"]}))
    assert len(machine("b").read_rows("steps", "k")) == 2


@pytest.mark.parametrize("column", ["request", "step"])
def test_rows_that_two_machines_merged_at_one_moment_are_read_once(
    machine: Open, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    stores, both = [machine("a"), machine("b")], threading.Barrier(2, timeout=60)
    for n in range(4):
        stores[n % 2].append_rows("steps", "k", pd.DataFrame({column: [f"s{n}", "again"], "edit": ["x", "y"]}))
    before = machine("c").read_rows("steps", "k")
    for store in stores:  # both have listed the shards before one writes, and both look before one deletes
        place = store.place
        monkeypatch.setattr(place, "bring", lambda paths, bring=place.bring: [bring(paths), both.wait()])
        monkeypatch.setattr(place, "all_there", lambda paths, there=place.all_there: [there(paths), both.wait()][0])
    merging = [
        threading.Thread(target=store._tables._compact, args=(store.root / "tables/steps/k",)) for store in stores
    ]
    for thread in merging:
        thread.start()
    for thread in merging:
        thread.join()
    reader = machine("d")
    shards = reader.place.names(reader.root / "tables/steps/k")
    assert [name.startswith("merged-") for name in shards] == [True, True]  # every row is there twice
    found = reader.read_rows("steps", "k")
    assert len(before) == (5 if column == "request" else 8)
    pd.testing.assert_frame_equal(found, before)


def test_equal_rows_of_two_appends_stay_two(machine: Open) -> None:
    a, b = machine("a"), machine("b")
    for store in (a, b, a):
        store.append_rows("steps", "k", pd.DataFrame({"step": [1], "numbers": [[1.0, float("nan")]]}))
    assert len(machine("c").read_rows("steps", "k")) == 3


def test_the_outbox_of_a_process_that_is_gone_is_sent_by_the_next(gate: Gate, here: Open) -> None:
    a = here("a")
    gate.status = 503
    a.append_rows("scores", "k", rows("x"))
    gate.status = 0
    again = here("a")  # another sender on the same cache, while the first one lives: its letters stay its own
    assert again.read_rows("scores", "k")["request"].tolist() == ["x"]  # they are read all the same
    a.place._outbox._alive.release()  # type: ignore[attr-defined]
    until(lambda: here("a").runs() == () and len(here("b").read_rows("scores", "k")) == 1, "the letter to be sent")


def test_what_waited_never_comes_after_what_was_made_on_top_of_it(gate: Gate, here: Open) -> None:
    a = here("a")
    gate.status = 503
    a.change_json("cards", "c", lambda before: [*(before or []), 1])
    gate.status = 0
    with a.place._post._sending:  # type: ignore[attr-defined]  # somebody else is about to send it
        a.change_json("cards", "c", lambda before: [*(before or []), 2])
    a.usage()
    assert here("b").load_json("cards", "c") == [1, 2]
    assert here("a").load_json("cards", "c") == [1, 2]


def test_a_letter_that_two_send_is_one(gate: Gate, here: Open) -> None:
    a = here("a")
    gate.status = 503
    a.append_rows("scores", "k", rows("x"))
    a.save_json("cards", "c", 1)
    gate.status = 0
    letters = a.place._outbox.take()  # type: ignore[attr-defined]
    for letter in letters:
        for _ in range(2):
            a.place._post._create(letter, b"1")  # type: ignore[attr-defined]
    assert len(here("b").names("cards")) == 1
