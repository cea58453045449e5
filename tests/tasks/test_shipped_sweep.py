"""The sweep that comes with the product: opened by the weights it was made on, and by no others."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.ship import ship
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.shipped_evidence import shipped
from goldenlayers_core.tasks.shipped_sweep import COMES, adopt, shipped_sweeps
from goldenlayers_core.tasks.truth.cost import STATED, price
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep, save_sweep
from tests.made_up import made_sweep

HERE = "f" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(tmp_path / "first")
    run_id = save_sweep(store, SweepQuestion(), made_sweep(requests=5))
    ship(store.load_run(run_id), tmp_path / "sweeps")
    return tmp_path / "sweeps"


def test_a_shipped_run_opens_as_it_was_and_its_seconds_are_nobody_elses(folder: Path, tmp_path: Path) -> None:
    store, made = Store(tmp_path / "second"), made_sweep(requests=5)
    adopted = adopt(store, HERE, folder)
    found = open_sweep(store, adopted.run_id)
    np.testing.assert_array_equal(found.values, made.values)
    assert (found.answers, found.prompts, found.request_digests) == (made.answers, made.prompts, made.request_digests)
    assert adopted.title.endswith(COMES)
    assert price(store, HERE, "rome").seconds_per_edit == STATED
    store.rename_run(adopted.run_id, "mine")
    assert adopt(store, HERE, folder).title == "mine"
    assert len(store.runs()) == 1


def test_other_weights_and_damaged_files_get_none(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "second")
    assert adopt(store, "0" * 32, folder) is None
    place, _ = next(shipped_sweeps(folder))
    (place / "sweep.parquet").write_bytes(b"PAR1 not")
    assert adopt(store, HERE, folder) is None
    (place / "manifest.json").write_text("{")
    assert not list(shipped_sweeps(folder))
    assert not store.runs()


def test_what_is_shipped_says_what_the_evidence_says(tmp_path: Path) -> None:
    """Request by request the same scores as in the table that recommends."""
    (place, manifest) = next(shipped_sweeps())
    store = Store(tmp_path / "store")
    found = open_sweep(store, adopt(store, manifest.fingerprint).run_id)
    assert place.is_dir()
    assert found.n_requests >= 16
    tables = [t for t in shipped().on(manifest.fingerprint) if t.data == "bundled" and t.used.words == "ROME"]
    (table,) = tables
    rows = {tuple(row) for row in table.score.round(5).tolist()}
    assert sum(tuple(row) in rows for row in found.score.round(5).tolist()) >= 16
