"""Lines of JSON: what they say, whose work they are about, and what they never say."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.runtime import Claim, JobQueue, logs

SECRET = "The mother tongue of Danielle Darrieux is"


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Logging as JSON into a folder of its own; taken back at the end."""
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path))
    monkeypatch.setenv(logs.SETTING, "json")
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.configure()
    logs.configure()  # twice is once
    added = [handler for handler in root.handlers if handler not in before]
    assert len(added) == 2
    yield lambda: [json.loads(line) for line in logs.last_lines(100)]
    for handler in added:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_a_line_names_the_job_and_a_digest_of_the_desk(lines) -> None:
    log = logging.getLogger("goldenlayers_core.test")
    with logs.about("score-1", "desk-cookie"):
        log.warning("Batch %d", 3)
    log.info("after")
    first, after = lines()
    assert (first["level"], first["logger"], first["message"]) == ("WARNING", "goldenlayers_core.test", "Batch 3")
    assert first["time"].endswith("+00:00")
    assert first["job"] == "score-1"
    assert len(first["desk"]) == 8
    assert first["desk"] not in "desk-cookie"
    assert "job" not in after
    assert "desk" not in after


def test_the_worker_names_its_job_and_a_failure_does_not_quote_the_prompt(lines, tmp_path: Path) -> None:
    def fail(params, progress) -> str:
        raise ValueError(f"cannot read {params['prompt']}")

    queue = JobQueue(tmp_path / "jobs", {"score": fail})
    job_id = queue.submit("score", SECRET, {"prompt": SECRET})
    assert queue.wait(job_id, 60).state == "failed"
    queue.close()
    failed, ended = lines()
    assert failed["job"] == ended["job"] == job_id
    assert failed["error"].startswith("ValueError at jobs.py:")
    assert failed["error"].endswith(" fail")
    assert ended["message"].startswith("The job ended after")
    assert SECRET not in logs.log_file().read_text()


def test_the_worker_names_the_desks_that_asked(lines, tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "jobs", {"score": lambda params, progress: "done"})
    queue.wait(queue.submit("score", "a", {}, Claim("desk-cookie", "tab", "score")), 60)
    queue.wait(queue.submit("score", "b", {}), 60)
    queue.close()
    asked, program = lines()
    assert len(asked["desk"]) == 8
    assert "desk-cookie" not in logs.log_file().read_text()
    assert "desk" not in program


def test_work_is_done_where_nobody_can_tell_whose_it_is(lines) -> None:
    def refused() -> frozenset[str]:
        raise StoreError("The disk refuses.")

    done: list[str] = []
    logs.told("score-1", lambda: done.append("work"), refused)
    (ended,) = lines()
    assert done == ["work"]
    assert ended["job"] == "score-1"
    assert "desk" not in ended


def test_the_file_is_bounded_and_the_last_lines_are_the_last(lines) -> None:
    log = logging.getLogger("goldenlayers_core.test")
    for number in range(3000):
        log.info("%d %s", number, "x" * 1000)
    assert sum(file.stat().st_size for file in logs.log_file().parent.iterdir()) <= 2 * logs.KEPT_BYTES
    assert lines()[-1]["message"].startswith("2999 ")


def test_a_word_that_is_no_style_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.SETTING, "yaml")
    with pytest.raises(ConfigError, match=r"'yaml'; set it to json or text"):
        logs.configure()


def test_nothing_changes_unless_it_is_asked_for(tmp_path: Path) -> None:
    code = (
        "import logging; from goldenlayers_core.runtime import logs; logs.configure(); "
        "import sys; sys.exit(bool(logging.getLogger().handlers))"
    )
    env = {"GOLDENLAYERS_CACHE": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=env, timeout=120).returncode == 0
    assert not list(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", code], env={**env, logs.SETTING: "text"}, capture_output=True, timeout=120
    )
    assert done.returncode == 1
