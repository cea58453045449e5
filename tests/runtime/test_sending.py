"""A cache's store sent to a location: whole, once, by one who is killed, by two at once, and past what is there."""

import json
import re
import threading
import uuid
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.runtime import Progress, Store, store_at, tables
from goldenlayers_core.runtime.locations import open_location
from goldenlayers_core.runtime.opened import shared_home
from goldenlayers_core.runtime.parcels import lacking
from goldenlayers_core.runtime.reaching import AwayError, Patience
from goldenlayers_core.runtime.sending import Listing, Sender
from tests.runtime.buckets import URL, Gate
from tests.runtime.helpers import Program, manifest, rows
from tests.test_cli import Done, run

QUICK = Patience(tries=2, first=0.01, rest=0.0)


@pytest.fixture
def url(gate: Gate) -> str:
    return f"{URL}/{uuid.uuid4().hex}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of rows, runs, results and words, beside which models, jobs and logs lie."""
    root = tmp_path / "cache"
    store = Store(root)
    for n in range(3):
        store.append_rows("scores", f"k{n}", rows("x", "y", value=float(n)))
        store.save_run(manifest(f"r{n}"), {"f": rows("x", value=float(n))}, {"t": f"text {n}"})
    for layer in (0, 1, 1):
        store.append_rows("sweep", "k", pd.DataFrame({"request": ["x"], "layer": [layer], "value": [1.5 * layer]}))
    for step in (1, 1, 2):
        store.append_rows("steps", "k", pd.DataFrame({"step": [step], "edit": ["e"]}))
    store.rename_run("r1", "a title of mine")
    store.save_json("cards", "c@1 +=", {"n": [1, 2]})
    store.save_arrays("edits", "e", {"w": np.arange(6.0).reshape(2, 3)}, {"m": "meta"})
    store.owned.say("desk", "r0", title="mine")
    for name in ("models/bundled/model.safetensors", "jobs/slow/1.json", "logs/log.jsonl"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    return root


def sent(cache: Path, url: str, **asked: bool) -> tuple[Listing, int]:
    sender = Sender(cache, url, open_location(url), patience=QUICK, **asked)
    found = sender.listed(Progress())
    return found, 0 if asked.get("look_only") else sender.send(found.parcels, Progress())


def at(url: str, name: Path) -> Store:
    """The store at the location, on another machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLDENLAYERS_STORE", url)
        return store_at(name)


def content(store: Store) -> dict[str, object]:
    """All that a store holds, and how often."""
    found: dict[str, object] = {
        f"{table}/{key}": store.read_rows(table, key).to_dict("list")
        for table in store.place.folders(store.root / "tables")
        for key in store.place.folders(store.root / "tables" / table)
    }
    for told in store.runs():
        of = store.load_run(told.run_id)
        found[told.run_id] = (of.manifest, {n: f.to_dict("list") for n, f in of.frames.items()}, of.texts)
    for desk in store.place.under(store.root / "desks"):
        found[desk] = store.owned.said(*desk.removesuffix(".json").split("/"))
    found["cards"] = {name: store.load_json("cards", name) for name in store.names("cards")}
    for name in store.names("edits"):
        arrays, meta = store.load_arrays("edits", name)
        found[f"edits/{name}"] = ({key: array.tolist() for key, array in arrays.items()}, meta)
    return found


def command(cache: Path, *more: str) -> Done:
    return run("store", "send", *more, cache=cache)


def test_all_that_a_cache_holds_is_there_and_the_second_time_nothing_is_sent(
    gate: Gate, bucket: tuple[int, Path], url: str, cache: Path, tmp_path: Path
) -> None:
    listing, objects = sent(cache, url)
    assert {(p.kind, p.name) for p in listing.parcels} == {
        *(("tables", f"scores/k{n}") for n in range(3)),
        *(("tables", f"{name}/k") for name in ("sweep", "steps")),
        *(("runs", f"r{n}") for n in range(3)),
        ("objects", "cards/c@1 +=.json"),
        ("objects", "edits/e.safetensors"),
        ("desks", "desk/r0.json"),
    }
    assert objects == sum(p.n_objects for p in listing.parcels) == 5 + 3 * 3 + 3
    assert {p.name: p.n_rows for p in listing.parcels if p.kind == "tables"}["steps/k"] == 3
    mine = content(Store(cache))
    assert content(at(url, tmp_path / "other")) == mine
    there = {path.relative_to(bucket[1]).as_posix().split("/")[2] for path in bucket[1].rglob("*") if path.is_file()}
    assert there == {"store.json", "tables", "runs", "manifests", "objects", "desks"}
    gate.asked.clear()
    again, objects = sent(cache, url)
    assert (again.parcels, objects) == ((), 0)
    assert {passed.why for passed in again.passed} == {"there"}
    assert [call for call in gate.asked if call.startswith(("PUT", "DELETE"))] == []
    assert content(Store(cache)) == mine  # what was sent stays here, too


def test_what_was_merged_there_is_not_sent_again_and_what_is_new_alone_is(
    url: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_SHARDS", 3)
    sent(cache, url)
    other = at(url, tmp_path / "other")
    for n in range(4):
        other.append_rows("scores", "k0", rows(f"o{n}"))
        other.append_rows("steps", "k", pd.DataFrame({"step": [10 + n], "edit": ["o"]}))
    assert any("merged-" in name for name in other.place.names(other.root / "tables/scores/k0"))
    assert sent(cache, url)[0].parcels == ()
    Store(cache).append_rows("scores", "k0", rows("new", "o1", value=9.0))
    Store(cache).append_rows("steps", "k", pd.DataFrame({"step": [2, 3], "edit": ["e", "e"]}))
    listing, _ = sent(cache, url)
    assert {p.name: p.n_rows for p in listing.parcels} == {"scores/k0": 1, "steps/k": 2}
    found = dict(other.read_rows("scores", "k0").itertuples(index=False))
    assert found == {"x": 0.0, "y": 0.0, "o0": 1.0, "o1": 1.0, "o2": 1.0, "o3": 1.0, "new": 9.0}
    assert sorted(other.read_rows("steps", "k")["step"]) == [1, 1, 2, 2, 3, 10, 11, 12, 13]


def test_a_listing_writes_nothing_anywhere_there(gate: Gate, bucket: tuple[int, Path], url: str, cache: Path) -> None:
    done = command(cache, "--to", url, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"tables +5 +11 rows, 5 objects, 0\.0 MiB", done.stdout)
    assert re.search(r"runs +3 +9 objects", done.stdout)
    assert "nothing was sent" in done.stdout
    assert [call for call in gate.asked if not call.startswith("GET")] == []
    sent(cache, url)
    gate.asked.clear()
    told = json.loads(command(cache, "--to", url, "--dry-run", "--json").stdout)
    assert (told["parcels"], told["there"], told["sent"]) == ([], 11, 0)
    assert [call for call in gate.asked if not call.startswith("GET")] == []


SEND = """
    import sys
    from pathlib import Path
    from goldenlayers_core.runtime import Progress
    from goldenlayers_core.runtime.locations import open_location
    from goldenlayers_core.runtime.sending import Sender
    def told(done, total, note):
        print(done, total, note, flush=True)
    sender = Sender(Path(sys.argv[1]), sys.argv[2], open_location(sys.argv[2]))
    sender.send(sender.listed(Progress(told)).parcels, Progress(told))
"""


@pytest.mark.parametrize("after", [1, 4, 7, 10])
def test_a_sender_that_is_killed_is_gone_on_with(gate: Gate, url: str, cache: Path, tmp_path: Path, after: int) -> None:
    gate.seconds = 0.03
    with Program(SEND, cache, url) as dying:
        assert dying.process.stdout
        for line in dying.process.stdout:
            if f"Sending {after + 1} of 11" in line:
                break
        dying.kill()
    gate.seconds = 0.0
    there = at(url, tmp_path / "early")
    for told in there.runs():
        there.load_run(told.run_id)  # what is listed is whole
    assert there.problems() == ()
    listing, objects = sent(cache, url)
    assert 0 < len(listing.parcels) <= 11 - after
    assert objects <= sum(p.n_objects for p in listing.parcels)
    assert content(at(url, tmp_path / "other")) == content(Store(cache))
    assert sent(cache, url)[0].parcels == ()


def test_two_who_send_at_once_make_one_store(gate: Gate, url: str, cache: Path, tmp_path: Path) -> None:
    senders = [Sender(cache, url, open_location(url), patience=QUICK) for _ in range(2)]
    listings = [sender.listed(Progress()) for sender in senders]
    both = threading.Barrier(2, timeout=60)

    def send(sender: Sender, listing: Listing) -> None:
        for parcel in listing.parcels:
            both.wait()
            sender.send([parcel], Progress())

    work = [threading.Thread(target=send, args=each) for each in zip(senders, listings, strict=True)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    mine, there = content(Store(cache)), content(at(url, tmp_path / "other"))
    assert there == mine
    with Program(SEND, cache, url) as a, Program(SEND, cache, url) as b:
        a.output()
        b.output()
    assert content(at(url, tmp_path / "third")) == mine


def test_rows_that_two_add_without_seeing_each_others_are_there_once(url: str, tmp_path: Path) -> None:
    one, other, steps = at(url, tmp_path / "one"), at(url, tmp_path / "two"), pd.DataFrame({"step": [1, 1, 2]})

    def meanwhile(there: pd.DataFrame) -> pd.DataFrame:
        assert there.empty
        one.add_rows("steps", "k", lambda _there: steps)
        return steps

    other.add_rows("steps", "k", meanwhile)
    for store in (one, other, at(url, tmp_path / "three")):
        assert store.read_rows("steps", "k")["step"].tolist() == [1, 1, 2]


def test_what_is_there_stays_and_what_a_person_said_here_joins_it(url: str, cache: Path, tmp_path: Path) -> None:
    other = at(url, tmp_path / "other")
    other.save_run(manifest("r0", seconds=9.0), {"f": rows("theirs")}, {})
    other.save_run(manifest("r1", title="their title"), {"f": rows("theirs")}, {})
    other.rename_run("r0", "theirs")
    other.save_json("cards", "c@1 +=", {"n": [9], "more": 1})
    other.owned.say("desk", "r0", note="their note")
    Store(cache).annotate_run("r0", note="my note", starred=True)
    Store(cache).rename_run("r0", "mine")
    Store(cache).change_json("cards", "c@1 +=", lambda before: {**before, "own": 7})
    sent(cache, url)
    late = at(url, tmp_path / "late")
    run = late.load_run("r0")
    assert (run.manifest.title, run.manifest.note, run.manifest.starred) == ("theirs", "my note", True)
    assert (run.manifest.seconds, list(run.frames["f"]["request"])) == (9.0, ["theirs"])
    assert late.manifest("r1").title == "a title of mine"
    assert late.load_json("cards", "c@1 +=") == {"n": [9], "more": 1, "own": 7}
    said = late.owned.said("desk", "r0")
    assert (said.title, said.note) == ("mine", "their note")
    assert sent(cache, url)[0].parcels == ()


def test_what_was_deleted_there_comes_back_for_who_asks_for_it_alone(url: str, cache: Path, tmp_path: Path) -> None:
    sent(cache, url)
    other = at(url, tmp_path / "other")
    other.delete_run("r1")
    other.delete("cards", "c@1 +=")
    listing, objects = sent(cache, url)
    assert (listing.parcels, objects) == ((), 0)
    assert {p.name for p in listing.passed if p.why == "deleted"} == {"r1", "cards/c@1 +=.json"}
    done = command(cache, "--to", url)
    assert "2 were deleted there and were not sent" in done.stdout
    assert command(cache, "--to", url, "--deleted-too").returncode == 0
    assert content(at(url, tmp_path / "late")) == content(Store(cache))


def test_what_is_damaged_here_is_named_and_stops_nothing(url: str, cache: Path, tmp_path: Path) -> None:
    frame = next((cache / "runs/r1").rglob("f.parquet"))
    frame.write_bytes(b"cut")
    (cache / "objects/edits/e.safetensors").write_bytes(b"cut")
    done = command(cache, "--to", url)
    assert done.returncode == 0
    assert "2 are damaged here and were not sent: objects/edits/e.safetensors, runs/r1." in done.stdout
    found = content(at(url, tmp_path / "other"))
    assert {"r0", "r2", "sweep/k", "desk/r0.json"} <= set(found)
    assert not {"r1", "edits/e"} & set(found)


def test_a_location_that_goes_away_is_one_sentence_and_nothing_waits(
    gate: Gate, url: str, cache: Path, tmp_path: Path
) -> None:
    sender = Sender(cache, url, open_location(url), patience=QUICK)
    listing = sender.listed(Progress())
    sender.send(listing.parcels[:3], Progress())
    gate.status = 503
    with pytest.raises(AwayError, match="what was not sent is still here, and the same command goes on with it"):
        sender.send(listing.parcels, Progress())
    assert not list((shared_home(cache, url) / "outbox").rglob("*-*-*"))
    gate.status = 0
    assert len(sent(cache, url)[0].parcels) == 8
    assert content(at(url, tmp_path / "other")) == content(Store(cache))


def test_progress_is_of_what_there_is_to_send(url: str, cache: Path) -> None:
    Store(cache).save_arrays("edits", "large", {"w": np.zeros(2**18)}, {})
    sender, told = Sender(cache, url, open_location(url)), list[tuple[int, int, str]]()
    listing = sender.listed(Progress(lambda *each: told.append(each)))
    assert told[-1][:2] == (12, 12)
    told.clear()
    sender.send(listing.parcels, Progress(lambda *each: told.append(each)))
    kib = sum(-(-p.n_bytes // 1024) for p in listing.parcels)
    assert kib > 2**11
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert {total for _, total, _ in told} == {kib}
    assert told[-1][0] == kib
    jump = max(after[0] - before[0] for before, after in pairwise(told))
    assert jump > 0.9 * kib  # the large one is most of the work


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "There is no location to send to; give --to"),
        (("--to", "nowhere"), "--to is 'nowhere'; give a location such as"),
    ],
)
def test_no_location_is_one_sentence(
    cache: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.delenv("GOLDENLAYERS_STORE", raising=False)
    done = command(cache, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_store_is_not_sent_into_itself(cache: Path) -> None:
    done = command(cache, "--to", f"file://{cache}")
    assert done.returncode == 2
    assert "is not ours" in done.stderr


def test_status_is_what_health_says(url: str, cache: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOLDENLAYERS_STORE", raising=False)
    done = run("store", "status", cache=cache)
    assert (done.returncode, "alone" in done.stdout) == (0, True)
    monkeypatch.setenv("GOLDENLAYERS_STORE", url)
    assert f"{url} answered in" in run("store", "status", cache=cache).stdout
    gate.status = 503
    done = run("store", "status", "--json", cache=cache)
    assert done.returncode == 1
    assert json.loads(done.stdout)["location"]["answers"] is False


def test_rows_are_compared_by_what_they_say() -> None:
    mine = pd.DataFrame({"request": ["a", "a", "b"], "layer": [0, 1, 0], "value": [1.0, 2.0, 3.0]})
    theirs = pd.DataFrame({"request": ["a", "c"], "layer": [1.0, np.nan], "value": [9.0, 9.0]})
    assert lacking(mine, theirs)[["request", "layer"]].values.tolist() == [["a", 0], ["b", 0]]
    steps = pd.DataFrame({"step": [1, 1, 2], "of": [[1, 2], [1, 2], [3]]})
    assert lacking(steps, steps.iloc[[0]])["step"].tolist() == [1, 2]
    assert lacking(steps, steps).empty
    assert lacking(steps, steps.assign(more="x"))["step"].tolist() == [1, 1, 2]
