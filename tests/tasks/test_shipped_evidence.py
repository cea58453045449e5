"""The table of real edits that comes with the product: read, and no harm where it is missing or damaged."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.edits import whole
from benchmarks.estimators import gather as gather_estimates
from benchmarks.estimators import held
from benchmarks.gather import gather, kept, write
from goldenlayers_core.errors import DatasetError, StoreError
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results.truth.measured import MethodUsed, measured_from, method_used, way_used
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.edit.methods import method_forms
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.shipped_evidence import FILE, shipped
from goldenlayers_core.texts import JUDGEMENT
from tests import made_evidence
from tests.made_evidence import peaked, rows


def test_what_is_shipped_is_readable_and_every_model_in_it_gets_a_layer_from_it(tmp_path: Path) -> None:
    found = shipped()
    assert not found.problem
    assert (assets_folder() / FILE).stat().st_size < 5_000_000
    table = pd.read_parquet(assets_folder() / FILE)
    assert {one.fingerprint for one in found.measured} == set(table["fingerprint"])
    for one in found.measured:
        advice = recommend(Store(tmp_path), one.fingerprint, one.used, one.data)
        assert advice is not None
        more = [
            m for m in found.measured if (m.fingerprint, m.used) == (one.fingerprint, one.used) and m.n_requests >= 8
        ]
        elsewhere = one.n_requests < 8 and bool(more)  # few requests of these data, enough of other
        assert (advice.kind, advice.method, advice.other_data) == ("measured", one.used.words, elsewhere)
        assert advice.layer in one.layers
        assert advice.layer in advice.level
        assert (advice.strength == "few") == (advice.n_requests < 8)


def test_a_table_becomes_one_measurement_per_model_method_and_data(tmp_path: Path) -> None:
    proxy, test = peaked(9, 6, 2), peaked(10, 6, 2, seed=1)
    file = made_evidence.write(
        tmp_path / "e.parquet",
        rows(test, part="test"),
        rows(proxy),
        rows(proxy, way="EMMET, covariance"),
        rows(proxy, data="zsre"),
        rows(proxy, fingerprint="0" * 32),
    )
    found = shipped(file)
    assert [(m.used.method, m.data, m.n_requests) for m in found.on("f" * 32)] == [
        ("emmet", "bundled", 9),
        ("rome", "bundled", 19),
        ("rome", "zsre", 9),
    ]
    both = found.on("f" * 32)[1]
    np.testing.assert_allclose(both.of_part("proxy"), proxy, atol=1e-6)
    np.testing.assert_allclose(both.of_part("test"), test, atol=1e-6)
    assert both.mean("locality", 2) == 0.5
    assert both.mean("rephrase", 2) is None  # no request has such a probe
    assert both.mean("score", 99) is None


def test_a_request_that_was_not_edited_at_every_layer_is_left_out() -> None:
    table = rows(peaked(3, 4, 1))
    (found,) = measured_from(table.drop(index=5))
    assert (found.n_requests, found.layers) == (2, (0, 1, 2, 3))


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1", b"\0" * 500])
def test_a_damaged_file_is_no_evidence_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (file := tmp_path / "e.parquet").write_bytes(content)
    found = shipped(file)
    assert found.measured == ()
    assert "cannot be read" in found.problem
    assert found.problem.count(".") <= 2


def test_a_missing_file_and_another_table_are_said(tmp_path: Path) -> None:
    assert "not in its assets folder" in shipped(tmp_path / "none.parquet").problem
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    assert "lacks the column model" in shipped(tmp_path / "other.parquet").problem


def test_a_new_file_is_read_anew(tmp_path: Path) -> None:
    file = made_evidence.write(tmp_path / "e.parquet", rows(peaked(3, 4, 1)))
    before = shipped(file)
    assert shipped(file) is before
    made_evidence.write(file, rows(peaked(5, 4, 1)))
    assert shipped(file).measured[0].n_requests == 5
    assert shipped(file).digest != before.digest


def test_without_the_file_a_model_has_no_evidence_and_nothing_breaks(tmp_path: Path, monkeypatch) -> None:
    known = shipped().measured[0].fingerprint
    monkeypatch.setattr("goldenlayers_core.tasks.shipped_evidence.FILE", str(tmp_path / "none.parquet"))
    assert recommend(Store(tmp_path / "store"), known) is None


def test_the_usual_covariance_is_that_of_the_methods() -> None:
    for form in method_forms():
        default = next((field.default for field in form.fields if field.name == "covariance"), None)
        assert method_used(form.name) == method_used(form.name, {"covariance": default}), form.name
        assert (method_used(form.name).covariance == "") == (default is None), form.name


def test_a_method_says_the_setting_that_is_not_its_usual_one() -> None:
    assert way_used("ROME, covariance") == method_used("rome", {"covariance": "text"})
    assert way_used("ROME, covariance").words == "ROME with a key covariance"
    assert method_used("emmet", {"covariance": "identity"}).words == "EMMET without a key covariance"
    assert [MethodUsed().words, method_used("wise").words] == ["ROME", "WISE"]


def test_gathering_keeps_each_edit_once_the_newest(tmp_path: Path) -> None:
    old = made_evidence.write(tmp_path / "a.parquet", rows(peaked(3, 4, 1)))
    made_evidence.write(tmp_path / "b.parquet", rows(peaked(5, 4, 2)), rows(peaked(2, 4, 2), way="R-ROME, identity"))
    os.utime(old, (1, 1))
    table = gather(tmp_path)
    assert len(table) == 5 * 4 + 2 * 4
    size = write(table, tmp_path / "all.parquet")
    assert size == (tmp_path / "all.parquet").stat().st_size
    (rome,) = (m for m in shipped(tmp_path / "all.parquet").measured if m.used == MethodUsed())
    np.testing.assert_allclose(rome.score, peaked(5, 4, 2), atol=1e-6)


def test_gathering_nothing_or_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no table"):
        gather(tmp_path)
    with pytest.raises(StoreError, match="no number"):
        write(rows(np.full((2, 3), np.nan)), tmp_path / "e.parquet")
    assert not list(tmp_path.glob("e.*"))


def test_tables_are_added_to_what_is_there_and_other_rules_of_judging_are_left_out(tmp_path: Path) -> None:
    (folder := tmp_path / "new").mkdir()
    base = made_evidence.write(tmp_path / "e.parquet", rows(peaked(4, 3, 1)).assign(judgement=JUDGEMENT))
    rows(peaked(2, 3, 1, seed=5), data="zsre").assign(judgement=JUDGEMENT).to_parquet(folder / "a.parquet")
    changed = rows(peaked(4, 3, 1)).assign(judgement=JUDGEMENT, score=0.25)
    changed[changed["position"] == 0].to_parquet(folder / "b.parquet")
    table = gather(folder, base)
    assert len(table) == (4 + 2) * 3
    assert (table[(table["data"] == "bundled") & (table["position"] == 0)]["score"] == 0.25).all()
    assert len(gather(folder)) == (1 + 2) * 3
    made_evidence.write(base, rows(peaked(4, 3, 1)).assign(judgement="answers-1"))
    assert len(gather(folder, base)) == (1 + 2) * 3


def test_what_a_table_holds_whole_is_not_measured_again(tmp_path: Path) -> None:
    table = rows(peaked(3, 4, 1)).assign(judgement=JUDGEMENT)
    have = kept(made_evidence.write(tmp_path / "e.parquet", table.drop(index=5)))
    of_request = table.groupby("position")["request"].first()
    asked = ("f" * 32, "bundled", "ROME, identity", (0, 1, 2, 3))
    assert whole(have, *asked) == {of_request[0], of_request[2]}  # one edit of the second is missing
    assert whole(have, *asked[:3], (0, 2)) == set(of_request)
    assert whole(have, "0" * 32, *asked[1:]) == whole(have, asked[0], "zsre", *asked[2:]) == set()
    assert whole(kept(tmp_path / "none.parquet"), *asked) == set()


def estimates(request: str, value: float, name: str = "LGA, answer") -> pd.DataFrame:
    columns = {"model": "m", "fingerprint": "f", "data": "d", "part": "proxy", "estimate": name, "request": request}
    return pd.DataFrame({**columns, "layer": [0, 1], "value": [value, value + 1], "seconds": 0.5})


def test_estimates_of_a_folder_are_added_to_the_table_each_once_and_the_newest_counts(tmp_path: Path) -> None:
    base = tmp_path / "estimates.parquet"
    pd.concat([estimates("a", 1.0), estimates("b", 2.0)], ignore_index=True).to_parquet(base)
    folder = tmp_path / "new"
    folder.mkdir()
    pd.concat([estimates("b", 5.0), estimates("c", 3.0)]).to_parquet(folder / "estimates-m-d-proxy.parquet")
    table = gather_estimates(folder, base)
    assert table.groupby("request", observed=True)["value"].first().to_dict() == {"a": 1.0, "b": 5.0, "c": 3.0}
    assert len(table) == 6
    assert held(table, "f", "d", "proxy") == {"a", "b", "c"}
    assert held(table, "f", "d", "test") == held(table, "another", "d", "proxy") == set()
    divided = table[table["request"] == "b"].assign(estimate="line check, covariance")
    both = pd.concat([table, divided])
    assert held(both, "f", "d", "proxy", covariance=True) == {"b"}
    assert held(table, "f", "d", "proxy", covariance=True) == set()
    assert held(divided, "f", "d", "proxy") == set()
