"""A little of the parts of `make torture` that attack what is stored (those that run commands and a server are in
test_at_work.py): nothing is lost, and what is lost is seen."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import StoreError
from tests.torture import disk, flips, uploads
from tests.torture.__main__ import about, earlier, main
from tests.torture.outcome import Outcome, page, table

SEED = 7


@pytest.mark.slow
@pytest.mark.parametrize("part", ["uploads", "flips", "disk"])
def test_nothing_is_lost(part: str) -> None:
    module = importlib.import_module(f"tests.torture.{part}")
    for outcome in module.run(module.QUICK, SEED):
        assert outcome.skipped or outcome.times
        assert outcome.bad == ()


def test_a_reader_that_falls_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: bytes, name: str) -> None:
        raise KeyError("subject")

    monkeypatch.setattr(uploads, "read_bytes", read)
    monkeypatch.setattr(uploads, "APART", 10**9)
    (outcome,) = uploads.run(9, SEED)
    assert (outcome.times, len(outcome.bad)) == (9, 8)  # the first is read by a process of its own
    assert "KeyError" in outcome.bad[0]


def test_another_number_is_seen_and_a_sentence_is_none() -> None:
    assert flips.silent("object cards/c", {"layer": "3"}, {"layer": "2"})
    assert flips.silent("table scores/k", {"a": "1", "b": "2"}, {"a": "3"})
    assert not flips.silent("table scores/k", {"a": "1", "b": "2"}, {"b": "2"})
    assert not flips.silent("run r", {"x": "1"}, StoreError("It is damaged."))


def test_rounding_is_no_loss_and_another_number_is_one() -> None:
    one = pd.DataFrame({"request": ["a", "b"], "value": [1.23445, -700.0], "said": ["x", "y"]})
    frames = {"f": one.assign(vector=[np.array([1.0, 2e-6]), np.array([3.0, np.nan])])}

    def changed(**columns: list[object]) -> dict[str, pd.DataFrame]:
        return {"f": frames["f"].assign(**columns)}

    assert disk.alike(frames, changed(value=[1.23446, -700.001]))
    assert disk.alike(frames, {"f": frames["f"].iloc[::-1]})
    assert not disk.alike(frames, changed(value=[1.5, -700.0]))
    assert not disk.alike(frames, changed(said=["x", "z"]))
    assert not disk.alike(frames, changed(vector=[np.array([1.0, 1e-3]), np.array([3.0, np.nan])]))
    assert not disk.alike(frames, changed(vector=[np.array([1.0, 2e-6]), np.array([3.0, 1.0])]))
    assert not disk.alike(frames, {"f": frames["f"].iloc[:1]})
    assert not disk.alike(frames, None)


def test_the_page_tells_what_was_lost(tmp_path: Path) -> None:
    good = Outcome("flips", "bits", 5000, "5,000 set aside", (), 60.0)
    lost = Outcome("kills", "kills", 2, "2 edit", ("edit: gone",), 9.0)
    assert "| flips | bits | 5,000 | 5,000 set aside | 0 | 60 |" in table([good])
    assert "Nothing was lost." in page([good], SEED, "x", about)
    said = page([good, lost], SEED, "x", about)
    assert "- kills: edit: gone" in said
    assert "Nothing was lost." not in said
    kept = tmp_path / "kept.json"
    assert main(["--part", "uploads", "--quick", "--results", str(kept), "--markdown", str(tmp_path / "p.md")]) == 0
    assert [outcome.times for outcome in earlier(kept)] == [uploads.QUICK]
    assert "400" in (tmp_path / "p.md").read_text()
