"""The store: what goes in comes out, names cannot leave it, damage stops nothing, disks may refuse."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import Store, digests
from goldenlayers_core.runtime.atomic import disk_error, replacing
from tests.runtime.helpers import Program, manifest, rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def shards(store: Store, table: str = "scores", key: str = "k") -> list[Path]:
    return sorted((store.root / "tables" / table / key).glob("*.parquet"))


def test_rows_come_back_and_later_ones_win(store: Store) -> None:
    store.append_rows("scores", "k", rows("a", "b", value=1.0))
    store.append_rows("scores", "k", rows("b", "c", value=2.0))
    store.append_rows("scores", "other", rows("z"))
    frame = store.read_rows("scores", "k")
    assert dict(zip(frame["request"], frame["value"], strict=True)) == {"a": 1.0, "b": 2.0, "c": 2.0}
    assert list(frame.columns) == ["request", "value"]
    assert list(frame.index) == [0, 1, 2]


def test_duplicates_are_told_apart_by_layer(store: Store) -> None:
    store.append_rows("sweep", "k", pd.DataFrame({"request": ["a", "a"], "layer": [0, 1], "hit": [1.0, 2.0]}))
    store.append_rows("sweep", "k", pd.DataFrame({"request": ["a"], "layer": [1], "hit": [3.0]}))
    frame = store.read_rows("sweep", "k")
    assert frame.to_dict("list") == {"request": ["a", "a"], "layer": [0, 1], "hit": [1.0, 3.0]}


def test_rows_without_a_request_are_all_kept(store: Store) -> None:
    for _ in range(2):
        store.append_rows("log", "k", pd.DataFrame({"x": [1, 1]}))
    assert store.read_rows("log", "k")["x"].tolist() == [1, 1, 1, 1]


def test_a_table_that_is_not_there_is_empty(store: Store) -> None:
    assert store.read_rows("scores", "nobody").empty
    store.append_rows("scores", "k", rows())
    assert store.read_rows("scores", "k").empty
    assert not shards(store)


def test_arrays_missing_values_and_texts_survive(store: Store) -> None:
    first = pd.DataFrame({"request": ["é"], "values": [np.arange(3.0)], "note": [None], "rank": pd.array([1], "Int64")})
    second = pd.DataFrame({"request": ["b"], "values": [np.ones(3)], "note": ["x"], "rank": pd.array([None], "Int64")})
    store.append_rows("scores", "k", first)
    store.append_rows("scores", "k", second)
    frame = store.read_rows("scores", "k")
    np.testing.assert_array_equal(np.stack(frame["values"].tolist()), [[0, 1, 2], [1, 1, 1]])
    assert frame["request"].tolist() == ["é", "b"]
    assert frame["note"].isna().tolist() == [True, False]
    assert frame["rank"].isna().tolist() == [False, True]


def test_a_column_that_is_all_missing_in_one_shard_keeps_its_type(store: Store) -> None:
    store.append_rows("scores", "k", pd.DataFrame({"request": ["a"], "score": [None]}))
    store.append_rows("scores", "k", pd.DataFrame({"request": ["b"], "score": [0.5]}))
    assert store.read_rows("scores", "k")["score"].dtype == np.float64


def test_shards_of_different_types_are_still_read(store: Store) -> None:
    store.append_rows("scores", "k", pd.DataFrame({"request": ["a"], "x": [1]}))
    store.append_rows("scores", "k", pd.DataFrame({"request": ["b"], "x": ["text"], "more": [True]}))
    frame = store.read_rows("scores", "k")
    assert frame["x"].tolist() == [1, "text"]


def test_many_shards_become_one_and_no_row_is_lost(store: Store) -> None:
    for step in range(150):
        store.append_rows("scores", "k", rows(f"r{step % 100}", value=float(step)))
    assert len(shards(store)) <= 65
    assert sum(path.name.startswith("merged-") for path in shards(store)) == 1
    frame = store.read_rows("scores", "k").set_index("request")["value"]
    assert frame.to_dict() == {f"r{i}": float(i + 100 if i < 50 else i) for i in range(100)}


def test_a_late_shard_beats_a_merged_one_only_if_it_is_later(store: Store) -> None:
    """Order is by time of writing, not by file name: a merged shard mixes rows of many times."""
    for step in range(66):
        store.append_rows("scores", "k", rows("a", value=float(step)))
        if step == 10:
            early = shards(store)
            kept = [path.read_bytes() for path in early]
    for path, data in zip(early, kept, strict=True):
        path.write_bytes(data)  # as if another process had been slow to publish them
    assert store.read_rows("scores", "k")["value"].tolist() == [65.0]


def test_a_failing_merge_does_not_fail_the_append(store: Store) -> None:
    store.append_rows("scores", "k", pd.DataFrame({"request": ["x"], "v": ["text"]}))
    for step in range(70):
        store.append_rows("scores", "k", rows(f"r{step}").rename(columns={"value": "v"}))
    assert len(store.read_rows("scores", "k")) == 71
    assert len(shards(store)) == 71


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"request": ["a"], "x": [object()]}),
        pd.DataFrame({0: [1]}),
        pd.DataFrame([[1, 2]], columns=["x", "x"]),
        pd.DataFrame({"_written": [1]}),
    ],
)
def test_what_parquet_cannot_hold_is_refused(store: Store, frame: pd.DataFrame) -> None:
    with pytest.raises(StoreError):
        store.append_rows("scores", "k", frame)
    assert not shards(store)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no parquet at all", None])
def test_a_damaged_shard_is_set_aside(store: Store, damage: bytes | None) -> None:
    store.append_rows("scores", "k", rows("a"))
    (old,) = shards(store)
    store.append_rows("scores", "k", rows("b"))
    (new,) = set(shards(store)) - {old}
    data = new.read_bytes()
    new.write_bytes(data[: len(data) // 2] + b"\0" * (len(data) // 2) if damage is None else damage)
    assert store.read_rows("scores", "k")["request"].tolist() == ["a"]
    assert shards(store) == [old]
    (problem,) = store.problems()
    assert problem.path.startswith("tables/scores/k/")
    assert problem.path.endswith(".damaged")
    assert "set aside" in problem.reason
    store.append_rows("scores", "k", rows("b"))
    assert set(store.read_rows("scores", "k")["request"]) == {"a", "b"}


def test_a_foreign_parquet_file_is_set_aside(store: Store) -> None:
    store.append_rows("scores", "k", rows("a"))
    rows("b").to_parquet(store.root / "tables" / "scores" / "k" / "mine.parquet")
    assert store.read_rows("scores", "k")["request"].tolist() == ["a"]
    assert len(store.problems()) == 1


def test_a_run_comes_back_whole(store: Store) -> None:
    frame = pd.DataFrame({"layer": [0, 1], "rank": pd.array([1, None], "Int64")}, index=["x", "y"])
    store.save_run(manifest("score-1"), {"scores": frame, "empty": pd.DataFrame()}, {"report.html": "<p>ä\r\n</p>"})
    run = store.load_run("score-1")
    assert run.manifest == store.runs()[0]
    assert run.manifest.settings == {"scope": "mlp"}
    assert run.manifest.summary == (("golden layer", "5"),)
    pd.testing.assert_frame_equal(run.frames["scores"], frame)
    assert run.frames["empty"].empty
    assert run.texts == {"report.html": "<p>ä\r\n</p>"}


def test_runs_are_listed_newest_first_renamed_and_deleted(store: Store) -> None:
    for day in (2, 3, 1):
        store.save_run(manifest(f"run-{day}", created=f"2026-01-0{day}T00:00:00+00:00"), {"f": rows("a")})
    assert [run.run_id for run in store.runs()] == ["run-3", "run-2", "run-1"]
    store.rename_run("run-2", "  The good one ")
    assert store.load_run("run-2").manifest.title == "The good one"
    assert store.load_run("run-2").frames["f"]["request"].tolist() == ["a"]
    store.delete_run("run-3")
    assert [run.run_id for run in store.runs()] == ["run-2", "run-1"]
    assert not (store.root / "runs" / "run-3").exists()
    for call in (store.load_run, store.delete_run, lambda name: store.rename_run(name, "x")):
        with pytest.raises(StoreError, match="There is no run 'run-3'"):
            call("run-3")
    with pytest.raises(StoreError, match="title is empty"):
        store.rename_run("run-2", " ")


def test_a_note_and_a_star_outlast_computing_the_run_anew(store: Store) -> None:
    store.save_run(manifest("r"), {"f": rows("a")})
    store.annotate_run("r", note="  for the talk\non Friday ")
    store.annotate_run("r", starred=True)
    store.save_run(manifest("r", title="again"), {"f": rows("b")})
    (found,) = store.runs()
    assert (found.note, found.starred, found.title) == ("for the talk\non Friday", True, "again")
    store.rename_run("r", "mine")
    store.save_run(manifest("r", title="once more"), {"f": rows("b")})
    assert store.runs()[0].title == "mine"  # a name a person gave outlasts it, too
    store.annotate_run("r", note="", starred=False)
    assert (store.runs()[0].note, store.runs()[0].starred) == ("", False)
    with pytest.raises(StoreError, match="at most 4,000"):
        store.annotate_run("r", note="x" * 4_001)
    with pytest.raises(StoreError, match="There is no run 'gone'"):
        store.annotate_run("gone", starred=True)


def test_saving_again_replaces_the_run_and_leaves_nothing_behind(store: Store) -> None:
    store.save_run(manifest("r"), {"old": rows("a")})
    n_files = store.usage()[0].n_files
    store.save_run(manifest("r", title="second"), {"new": rows("b")})
    assert set(store.load_run("r").frames) == {"new"}
    assert store.usage()[0].n_files == n_files


@pytest.mark.parametrize("text", ["", "{", "[]", '{"manifest": {}}', '{"manifest": 3}', "\0" * 40])
def test_a_damaged_manifest_hides_one_run_only(store: Store, text: str) -> None:
    store.save_run(manifest("good"), {})
    store.save_run(manifest("bad"), {})
    (store.root / "runs" / "bad" / "manifest.json").write_text(text)
    (store.root / "runs" / "stray.txt").write_text("a file of somebody")
    assert [run.run_id for run in store.runs()] == ["good"]
    assert [problem.path.split("/")[1] for problem in store.problems()] == ["bad"]
    with pytest.raises(StoreError, match="There is no run 'bad'"):
        store.load_run("bad")


def test_a_manifest_with_wrong_types_or_paths_is_damaged(store: Store) -> None:
    store.save_run(manifest("r"), {"f": rows("a")})
    path = store.root / "runs" / "r" / "manifest.json"
    good = json.loads(path.read_text())
    changes: list[Callable[[dict[str, object]], object]] = [
        lambda c: c.update(content="../../elsewhere"),
        lambda c: c.update(frames=["../../f"]),
        lambda c: c["manifest"].update(run_id="another"),  # type: ignore[attr-defined]
        lambda c: c["manifest"].update(created="yesterday"),  # type: ignore[attr-defined]
        lambda c: c["manifest"].update(title=3),  # type: ignore[attr-defined]
        lambda c: c["manifest"].update(config="[]"),  # type: ignore[attr-defined]
    ]
    for number, change in enumerate(changes, start=1):
        content = digests.opened(json.loads(json.dumps(good)))
        change(content)
        path.write_text(json.dumps(digests.sealed(content)))
        assert store.runs() == ()
        assert len(store.problems()) == number
    path.write_text(json.dumps(good))
    assert len(store.runs()) == 1


def test_a_manifest_without_the_newer_fields_is_readable(store: Store) -> None:
    store.save_run(manifest("r"), {})
    path = store.root / "runs" / "r" / "manifest.json"
    content = digests.opened(json.loads(path.read_text()))
    del content["manifest"]["code_version"], content["digests"]
    path.write_text(json.dumps(content))
    assert store.runs()[0].code_version == ""


@pytest.mark.parametrize("file", ["runs/r/*/frames/f.parquet", "runs/r/*/texts/t"])
@pytest.mark.parametrize("data", [b"\xff\xfe", b"", None])
def test_a_damaged_file_sets_its_run_aside_and_it_can_be_computed_again(
    store: Store, file: str, data: bytes | None
) -> None:
    store.save_run(manifest("r"), {"f": rows("a")}, {"t": "text"})
    (path,) = store.root.glob(file)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if data is None else data)
    with pytest.raises(StoreError, match="The run 'r' is damaged and was set aside; compute it again"):
        store.load_run("r")
    assert store.runs() == ()
    assert [problem.path.split("/")[1] for problem in store.problems()] == ["r"]
    store.save_run(manifest("r"), {"f": rows("a")}, {"t": "text"})
    assert store.load_run("r").texts == {"t": "text"}


def test_a_missing_file_of_a_run_is_a_sentence(store: Store) -> None:
    store.save_run(manifest("r"), {"f": rows("a")}, {"t": "text"})
    (frame,) = store.root.glob("runs/r/*/frames/f.parquet")
    frame.unlink()
    with pytest.raises(StoreError, match="Files of run 'r' are missing"):
        store.load_run("r")
    assert len(store.runs()) == 1


def test_what_is_not_understood_is_set_aside(store: Store) -> None:
    store.save_run(manifest("r"), {}, {"report": '{"cut": '})
    with pytest.raises(StoreError, match="The run 'r' is damaged and was set aside"):
        store.read_run("r", lambda run: json.loads(run.texts["report"]))
    assert store.runs() == ()
    store.save_json("cards", "c", {"name": "x"})
    with pytest.raises(StoreError, match="cards 'c' is damaged and was set aside"):
        store.read_json("cards", "c", lambda content: content["created"])
    store.save_arrays("edits", "e", {"a": np.zeros(2)}, {"layer": "three"})
    with pytest.raises(StoreError, match="edits 'e' is damaged and was set aside"):
        store.read_arrays("edits", "e", lambda arrays, meta: int(meta["layer"]))
    assert len(store.problems()) == 3


@pytest.mark.parametrize("changes", [{"config": "scope=mlp"}, {"config": "[1]"}, {"created": "now"}])
def test_a_manifest_that_cannot_be_read_later_is_not_made(changes: dict[str, str]) -> None:
    with pytest.raises(StoreError):
        manifest("r", **changes)


def test_arrays_come_back_as_they_were(store: Store) -> None:
    arrays = {
        "left": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "scalar": np.array(3.5),
        "empty": np.zeros((0, 4), np.int64),
        "half": np.ones(3, np.float16)[::2],
    }
    store.save_arrays("edit", "e1", arrays, {"layer": "5", "name": "Zoë"})
    back, meta = store.load_arrays("edit", "e1")
    assert meta == {"layer": "5", "name": "Zoë"}
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)
        assert back[name].shape == array.shape


@pytest.mark.parametrize(
    ("arrays", "meta"),
    [({"x": np.array([object()])}, {}), ({"x": np.array(["text"])}, {}), ({"x": np.zeros(2)}, {"layer": 5})],
)
def test_arrays_that_are_not_numbers_are_refused(
    store: Store, arrays: dict[str, np.ndarray], meta: dict[str, str]
) -> None:
    with pytest.raises(StoreError, match="could not be stored"):
        store.save_arrays("edit", "e1", arrays, meta)
    assert store.names("edit") == ()
    assert store.usage() == ()


def test_json_and_names_and_delete(store: Store) -> None:
    content = {"b": [1, 2.5, None, "ü", "\ud800"], "a": {"nan": float("inf")}}
    store.save_json("edit", "e2", content)
    store.save_arrays("edit", "e1", {"x": np.zeros(1)})
    store.save_json("edit", "e1", {})
    assert store.load_json("edit", "e2") == content
    assert store.names("edit") == ("e1", "e2")
    assert store.names("nothing") == ()
    store.delete("edit", "e1")
    assert store.names("edit") == ("e2",)
    for call in (store.load_json, store.load_arrays, store.delete):
        with pytest.raises(StoreError, match="There is no edit 'e1' in the store; stored of this kind: e2"):
            call("edit", "e1")
    with pytest.raises(StoreError, match="cannot be stored as JSON"):
        store.save_json("edit", "e3", {"x": {1, 2}})


def test_damaged_objects_are_set_aside(store: Store) -> None:
    store.save_json("edit", "j", [1])
    store.save_arrays("edit", "a", {"x": np.arange(100.0)})
    (store.root / "objects/edit/j.json").write_text("[1")
    path = store.root / "objects/edit/a.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StoreError, match="edit 'j' is damaged"):
        store.load_json("edit", "j")
    with pytest.raises(StoreError, match="edit 'a' is damaged"):
        store.load_arrays("edit", "a")
    assert store.names("edit") == ()
    assert len(store.problems()) == 2
    store.clear("edit")
    assert store.problems() == ()


BAD_NAMES = ["", ".", "..", "../x", "a/b", "a\\b", "/etc/passwd", "C:x", "a..b", ".hidden", "a\0b", "x" * 121, "a\n"]


@pytest.mark.parametrize("name", [*BAD_NAMES, "nul", "COM1.txt", "end.", "end ", "naïve", "~", "*", "a:b"])
def test_names_cannot_leave_the_store(store: Store, name: str, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.append_rows(name, "k", rows("a")),
        lambda: store.append_rows("t", name, rows("a")),
        lambda: store.read_rows(name, "k"),
        lambda: store.read_rows("t", name),
        lambda: store.save_run(manifest(name), {}),
        lambda: store.save_run(manifest("r"), {name: rows("a")}),
        lambda: store.save_run(manifest("r"), {}, {name: "x"}),
        lambda: store.load_run(name),
        lambda: store.delete_run(name),
        lambda: store.rename_run(name, "t"),
        lambda: store.save_arrays(name, "n", {}),
        lambda: store.save_arrays("k", name, {}),
        lambda: store.load_arrays("k", name),
        lambda: store.save_json(name, "n", 1),
        lambda: store.save_json("k", name, 1),
        lambda: store.load_json("k", name),
        lambda: store.names(name),
        lambda: store.delete("k", name),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="cannot name a"):
            call()
    stray = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("store.json", "runs")]
    assert stray == []


def test_runs_is_no_name_for_a_table_or_a_kind(store: Store) -> None:
    for call in (lambda: store.append_rows("runs", "k", rows("a")), lambda: store.save_json("runs", "k", 1)):
        with pytest.raises(StoreError, match="means the runs"):
            call()


def test_usage_and_clear(store: Store) -> None:
    store.append_rows("scores", "k", rows("a"))
    store.save_run(manifest("r"), {"f": rows("a")})
    store.save_json("edit", "e", {})
    store.save_arrays("edit", "e", {"x": np.zeros(10)})
    usage = {entry.kind: entry for entry in store.usage()}
    assert {kind: entry.n_files for kind, entry in usage.items()} == {"edit": 2, "runs": 2, "scores": 1}
    assert usage["scores"].n_bytes == shards(store)[0].stat().st_size
    store.clear("scores")
    assert store.read_rows("scores", "k").empty
    assert len(store.runs()) == 1
    with pytest.raises(StoreError, match="Nothing of kind 'scores' is stored; stored are: edit, runs"):
        store.clear("scores")
    (store.root / "somebody.txt").write_text("not ours")
    store.clear(None)
    assert store.usage() == ()
    assert (store.root / "somebody.txt").exists()
    store.append_rows("scores", "k", rows("b"))
    assert store.read_rows("scores", "k")["request"].tolist() == ["b"]


def test_remains_of_killed_writers_are_swept_but_not_what_is_being_written(store: Store) -> None:
    store.append_rows("scores", "k", rows("a"))
    folder = shards(store)[0].parent
    old, young = folder / ".x.parquet.1.tmp", folder / ".y.parquet.2.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    assert len(store.read_rows("scores", "k")) == 1
    store.usage()
    assert not old.exists()
    store.clear(None)
    assert young.exists()
    assert not shards(store)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as temporary:
            temporary.write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert target.read_text() == "old"


def test_a_newer_store_is_refused_and_a_damaged_version_is_not(store: Store) -> None:
    store.save_json("edit", "e", 1)
    path = store.root / "store.json"
    assert Store(store.root).load_json("edit", "e") == 1
    path.write_text('{"version": 3}')
    with pytest.raises(StoreError, match="has version 3 and this program reads up to 2; update"):
        Store(store.root)
    path.write_text("{")
    again = Store(store.root)
    assert again.load_json("edit", "e") == 1
    assert [problem.path.startswith("store.json") for problem in again.problems()] == [True]
    again.save_json("edit", "e", 2)
    assert json.loads(path.read_text())["version"] == 2
    again.clear(None)
    assert again.problems() == ()


def test_looking_at_a_store_makes_no_files(tmp_path: Path) -> None:
    store = Store(tmp_path / "none")
    assert (store.runs(), store.usage(), store.problems(), store.names("edit")) == ((), (), (), ())
    assert store.read_rows("scores", "k").empty
    assert not store.root.exists()


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        Store(tmp_path / "file")
    store = Store(tmp_path / "store")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "objects").write_text("x")
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        store.save_json("edit", "e", 1)


REFUSED = """
    import ctypes, os, sys
    import numpy as np, pandas as pd
    from pathlib import Path
    from goldenlayers_core.errors import StoreError
    from goldenlayers_core.runtime import JobQueue, Store
    if os.getuid() == 0:  # no permission stops root, unless it gives up its capabilities (version 3, this process)
        assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
    store = Store(Path(sys.argv[1]))
    queue = JobQueue(Path(sys.argv[1]) / "jobs", {"work": lambda params, progress: ""})
    for call in (
        lambda: store.append_rows("scores", "k", pd.DataFrame({"request": ["a"]})),
        lambda: store.save_json("edit", "e", 1),
        lambda: store.save_arrays("edit", "e", {"x": np.zeros(3)}),
        lambda: queue.submit("work", "t", {}),
    ):
        try:
            call()
        except StoreError as error:
            print(error)
"""


def test_a_folder_without_permission_is_a_sentence(tmp_path: Path) -> None:
    closed = tmp_path / "store"
    closed.mkdir()
    closed.chmod(0o555)
    sentences = Program(REFUSED, closed).output().splitlines()
    assert len(sentences) == 4
    for sentence in sentences:
        assert "permission denied" in sentence
        assert str(closed) in sentence
        assert "GOLDENLAYERS_CACHE" in sentence


FULL = """
    import resource, sys
    import numpy as np, pandas as pd
    from pathlib import Path
    from goldenlayers_core.errors import StoreError
    from goldenlayers_core.runtime import Store
    store = Store(Path(sys.argv[1]))
    store.save_json("edit", "e", 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the kernel refuses longer files
    big = np.random.default_rng(0).normal(size=100_000)
    for call in (
        lambda: store.append_rows("scores", "k", pd.DataFrame({"request": [str(x) for x in big]})),
        lambda: store.save_arrays("edit", "e", {"x": big}),
        lambda: store.save_json("edit", "e", list(big)),
    ):
        try:
            call()
        except StoreError as error:
            print(error)
"""


def test_a_full_disk_is_a_sentence_and_leaves_no_half_files(store: Store) -> None:
    sentences = Program(FULL, store.root).output().splitlines()
    assert len(sentences) == 3
    assert "disk is full" in sentences[0]
    assert "disk" in sentences[1]
    assert "disk is full" in sentences[2]
    assert store.read_rows("scores", "k").empty
    assert store.load_json("edit", "e") == 1
    assert list(store.root.rglob("*.tmp")) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "permission denied"), (errno.EIO, "check the disk")],
)
def test_every_refusal_of_a_disk_is_one_sentence(code: int, words: str) -> None:
    sentence = str(disk_error(OSError(code, os.strerror(code)), Path("/x/y"), "written"))
    assert words in sentence
    assert "/x/y" in sentence
    assert sentence.count(".") == 1
