"""Of two rows the later one wins: in whichever process it was written, and whatever the clock says."""

import time
from pathlib import Path

import pandas as pd
import pytest

from goldenlayers_core.runtime import Store, tables
from goldenlayers_core.runtime.frames import to_parquet
from tests.runtime.helpers import Program, rows

YEAR = 365 * 24 * 3600 * 10**9
APPEND = """
    import sys, time
    import pandas as pd
    from pathlib import Path
    from goldenlayers_core.runtime import Store
    time.time_ns = lambda: int(sys.argv[2])
    Store(Path(sys.argv[1])).append_rows("scores", "k", pd.DataFrame({"request": ["a"], "value": [float(sys.argv[3])]}))
"""


def value(root: Path) -> list[float]:
    """What the store has for the request, read by another store."""
    return Store(root).read_rows("scores", "k")["value"].tolist()


def test_with_the_clock_set_back_the_later_row_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    for step, clock in enumerate((now, now - YEAR, 0, now - 2 * YEAR, now + YEAR, 5)):
        monkeypatch.setattr(time, "time_ns", lambda clock=clock: clock)
        Store(tmp_path).append_rows(
            "scores", "k", rows("a", value=float(step))
        )  # a new one each time, as a new process
        assert value(tmp_path) == [float(step)]


def test_a_process_of_another_clock_writes_later_rows(tmp_path: Path) -> None:
    Store(tmp_path).append_rows("scores", "k", rows("a", value=1.0))
    with Program(APPEND, tmp_path, "7", "2") as other:
        other.output()
    assert value(tmp_path) == [2.0]


def test_rows_of_an_early_store_are_older_whatever_time_they_say(tmp_path: Path) -> None:
    """Its shards tell no number by their names and carry nanoseconds, here of a clock that was ten years ahead."""
    folder = tmp_path / "tables" / "scores" / "k"
    folder.mkdir(parents=True)
    for step, written in enumerate((time.time_ns(), time.time_ns() + 10 * YEAR)):
        data = to_parquet(rows("a", value=float(step)).assign(_written=written), "early", keep_index=False)
        name = tables._shard_name("", data, 0).split("-")
        (folder / f"{name[0]}-{name[2]}").write_bytes(data)
    assert value(tmp_path) == [1.0]
    Store(tmp_path).append_rows("scores", "k", rows("a", value=2.0))
    assert value(tmp_path) == [2.0]


def test_later_rows_win_across_merges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_SHARDS", 5)
    clock = iter(range(10**9, 0, -1))
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    for step in range(20):
        Store(tmp_path).append_rows("scores", "k", rows("a", value=float(step)))
        assert value(tmp_path) == [float(step)]
    names = [path.name for path in (tmp_path / "tables" / "scores" / "k").glob("*.parquet")]
    assert any(name.startswith("merged-") for name in names)
    assert len(names) <= 6


def test_an_append_lists_a_folder_and_reads_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.append_rows("scores", "k", rows("a", value=1.0))
    monkeypatch.setattr(tables.Tables, "_load", lambda _self, path: pytest.fail(f"{path} was read"))
    store.append_rows("scores", "k", pd.DataFrame({"request": ["b"], "value": [2.0]}))
