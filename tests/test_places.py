"""What killed downloads leave of files goes with the next download, but for what somebody is writing."""

from pathlib import Path

import filelock
import pytest
from huggingface_hub import constants

from goldenlayers_core.places import clear_leftovers


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_leftovers_go_and_what_is_being_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = f"{kind}s--someone--tiny"
    blobs = tmp_path / folder / "blobs"
    blobs.mkdir(parents=True)
    for name in ("abc.11111111.incomplete", "def.22222222.incomplete", "whole"):
        (blobs / name).write_bytes(b"x")
    lock = tmp_path / ".locks" / folder / "def.lock"
    lock.parent.mkdir(parents=True)
    with filelock.FileLock(lock):
        clear_leftovers("someone/tiny", kind)
        assert sorted(path.name for path in blobs.iterdir()) == ["def.22222222.incomplete", "whole"]
    clear_leftovers("someone/tiny", kind)
    assert [path.name for path in blobs.iterdir()] == ["whole"]
    clear_leftovers("someone/nothing", kind)
