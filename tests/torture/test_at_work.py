"""A little of the parts of `make torture` that run commands and a server: nothing is lost, and what is lost is seen."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.models.hub_server import running_hub
from tests.torture import kills, sessions
from tests.torture.__main__ import PARTS
from tests.torture.asks import pool, same
from tests.torture.outcome import Tally

SEED = 7
SOUND: dict[str, Any] = {
    "before": {"weights": "a"},
    "after": {"weights": "a", "hooks": 0, "gradients": []},
    "memory": [(float(second), 1000.0 + min(second, 25)) for second in range(100)],
}


@pytest.mark.slow
@pytest.mark.parametrize("part", ["kills", "sessions"])
def test_nothing_is_lost(part: str) -> None:
    module = importlib.import_module(f"tests.torture.{part}")
    for outcome in module.run(module.QUICK, SEED):
        assert outcome.skipped or outcome.times
        assert outcome.bad == ()


def test_every_part_is_tried() -> None:
    assert set(PARTS) == {"uploads", "flips", "disk", "kills", "sessions"}


def test_another_answer_is_seen() -> None:
    one = {"verdict": "It took.", "numbers": [0.5, 1e-9], "said": [["Rome", "Paris"]]}
    assert same({**one, "numbers": [0.500001, 2e-9]}, one)
    for other in ({**one, "verdict": "No."}, {**one, "numbers": [0.51, 1e-9]}, {**one, "said": [["Rome"]]}):
        assert not same(other, one)
    assert len({ask.name for ask in pool(3)}) == len(pool(3))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"after": {**SOUND["after"], "weights": "b"}}, "weights are others"),
        ({"after": {**SOUND["after"], "hooks": 1}}, "1 hooks are left"),
        ({"after": {**SOUND["after"], "gradients": ["w"]}}, "w has a gradient"),
        ({"memory": [(float(second), 1000.0 + 2 * second) for second in range(100)]}, "memory grew from"),
    ],
)
def test_what_a_server_keeps_or_loses_is_seen(changed: dict[str, Any], told: str | None) -> None:
    tally = Tally("sessions", "t")
    sessions.model_and_memory({**SOUND, **changed}, tally, sessions.LONG)
    assert [told in sentence for sentence in tally.bad] == ([True] if told else [])


def test_what_a_kill_leaves_is_seen(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    assert kills.left(tmp_path) == []
    (tmp_path / ".making-1-x").mkdir()
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "blob.incomplete").touch()
    assert len(kills.left(tmp_path)) == 2


def test_a_command_that_ended_is_no_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kills.COMMANDS, "models", ("models",))
    with running_hub() as hub:
        place = kills.Place(tmp_path, tmp_path / "none", hub.url)
        assert kills.killed(place, "models", 60.0, None) == (False, [])
