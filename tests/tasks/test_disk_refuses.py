"""A full disk and a read-only one, for real, in every work: a sentence, nothing half-written, and it goes on."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goldenlayers_core.records import ModelSource
from tests.models.hub_server import Hub, running_hub

ROOT = Path(__file__).parents[2]
FULL = "disk( of [^ ]+)? is full|free some disk space"
SAYS = {"limit": FULL, "full": FULL, "read-only": "permission denied"}


@pytest.fixture
def hub(tmp_path: Path, tiny: ModelSource) -> Iterator[Hub]:
    """A hub with a tiny model and a text."""
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("The capital of France is Paris. " * 400)
    with running_hub() as running:
        running.repositories |= {"owner/tiny": Path(tiny.source), "owner/texts": texts}
        yield running


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder for the store; on a small disk of its own where it has to be full, or read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "limit":
        yield folder
        return
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no disk of its own can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(("how", "disk"), [(how, how) for how in SAYS], indirect=["disk"], ids=list(SAYS))
def test_a_disk_that_refuses_is_one_sentence_and_work_goes_on(
    how: str, disk: Path, tiny: ModelSource, hub: Hub
) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.tasks.refusing_disk", how, str(disk), tiny.source],
        cwd=ROOT,
        env={
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(disk / "hub"),
            "no_proxy": "127.0.0.1",
            "PYTHONFAULTHANDLER": "1",
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    assert "Traceback" not in told.stderr, told.stderr[-3000:]
    answer: dict[str, Any] = json.loads(told.stdout)
    wrong = {
        kind: found
        for kind, found in answer["found"].items()
        if not re.search(SAYS[how], found["said"])
        or "\n" in found["said"]
        or found.get("listed")
        or found["half"]
        or found["again"]
    }
    assert not wrong
    assert answer["same"]
    assert answer["half"] == []
