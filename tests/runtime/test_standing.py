"""What health and diagnostics tell of the location of the store: whether it answers, how fast, and what waits."""

import dataclasses
import json
import uuid
import zipfile
from pathlib import Path

import pytest

from goldenlayers_core.runtime import standing, store_at
from goldenlayers_core.runtime.locations import open_location
from goldenlayers_core.runtime.names import shown
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.diagnostics import write_diagnostics
from goldenlayers_core.tasks.health import look, look_at
from goldenlayers_core.tasks.mode import Mode
from tests.runtime.buckets import URL, Gate
from tests.runtime.helpers import rows
from tests.test_cli import run

ENOUGH = 20.0  # seconds; far more than one question


@pytest.fixture
def url(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> str:
    found = f"{URL}/{uuid.uuid4().hex}"
    monkeypatch.setenv("GOLDENLAYERS_STORE", found)
    return found


def told(root: Path) -> str:
    return next(finding.says for finding in look(root).findings if finding.name == "location")


def test_without_a_location_nothing_is_told_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOLDENLAYERS_STORE", raising=False)
    assert standing(tmp_path) is None
    assert look(tmp_path).location is None
    assert "location" not in {finding.name for finding in look(tmp_path).findings}


def test_one_that_answers_is_asked_once_and_nothing_is_written(gate: Gate, url: str, tmp_path: Path) -> None:
    gate.seconds = 0.3
    found = look(tmp_path / "cache")
    assert found.well
    assert found.location is not None
    assert (found.location.name, found.location.answers, found.location.waiting) == (url, True, 0)
    assert 0.3 <= found.location.seconds < ENOUGH
    assert told(tmp_path / "cache").startswith(f"{url} answered in 0.")
    assert told(tmp_path / "cache").endswith("and nothing waits in the outbox.")
    assert [call.split()[0] for call in gate.asked] == ["GET"] * 3
    assert not (tmp_path / "cache" / "shared").exists()


def test_one_that_stays_away_is_one_sentence_with_what_waits(gate: Gate, url: str, tmp_path: Path) -> None:
    gate.status = 503
    store = store_at(tmp_path)
    store.place.far._patience = dataclasses.replace(store.place.far._patience, tries=1)  # type: ignore[attr-defined]
    for n in range(3):
        store.append_rows("scores", f"k{n}", rows("x"))
    asked = len(gate.asked)
    found = look(tmp_path)
    assert len(gate.asked) == asked + 1
    assert not found.well
    assert found.serves  # what it computes waits, so that ending the server would help nobody
    assert found.location is not None
    assert (found.location.answers, found.location.waiting) == (False, 3)
    assert found.location.waiting_bytes > 1000
    sentence = told(tmp_path)
    assert "did not answer well" in sentence
    assert "503" in sentence
    assert "3 (0.0 MiB) wait in the outbox." in sentence
    gate.close()
    assert "no answer: connect" in told(tmp_path)
    assert "Traceback" not in told(tmp_path)


def test_one_of_somebody_else_or_that_is_none_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (far / "store.json").write_text("{}")
    monkeypatch.setenv("GOLDENLAYERS_STORE", f"file://{far}")
    assert "is not ours" in told(tmp_path)
    monkeypatch.setenv("GOLDENLAYERS_STORE", "nowhere")
    assert "give a location such as" in told(tmp_path)
    assert not look(tmp_path).well


def test_the_command_and_the_diagnostics_name_it_without_keys(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENLAYERS_STORE", "memory://someone:pass-1/word@host/golden?sig=word-2")
    done = run("health", "--json", cache=tmp_path)
    content = json.loads(done.stdout)
    assert content["location"]["name"] == "memory://host/golden"
    assert (content["location"]["answers"], content["well"]) == (True, True)
    write_diagnostics(tmp_path, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert json.loads(texts["health.json"])["location"]["name"] == "memory://host/golden"
    assert json.loads(texts["settings.json"])["GOLDENLAYERS_STORE"] == "memory://host/golden"
    for word in ("pass-1", "word@", "someone", "word-2"):
        assert word not in done.stdout + "".join(texts.values()), word


def test_the_demo_mode_has_no_location(tmp_path: Path, url: str) -> None:
    bench = open_workbench(tmp_path, Mode(demo=True))
    try:
        assert look_at(bench).location is None
    finally:
        bench.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://key:secret@bucket/prefix/", "s3://bucket/prefix"),
        ("s3://key:sec@ret@bucket/prefix", "s3://bucket/prefix"),
        ("s3://key:sec/ret@bucket/prefix", "s3://bucket/prefix"),
        ("az://container/x?sv=1&sig=secret", "az://container/x"),
        ("sftp://host:2222/a@b", "sftp://b"),
        ("file:///mnt/a@b", "file:///mnt/a@b"),
        ("nowhere", "nowhere"),
    ],
)
def test_a_location_is_shown_without_what_could_be_secret(url: str, expected: str) -> None:
    assert shown(url) == expected


def test_a_location_that_cannot_be_used_is_refused_without_its_keys() -> None:
    from goldenlayers_core.errors import ConfigError

    with pytest.raises(ConfigError) as told:
        open_location("strange://key:secret@bucket/prefix")
    assert "secret" not in str(told.value)
