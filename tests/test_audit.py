"""`make audit`: what its parts say and how they end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit import judged

ROOT = Path(__file__).parents[1]
KNOWN = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}


def answer(*packages: dict) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def bandit(*paths: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive"]
    return subprocess.run([*command, *map(str, paths)], cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_known_vulnerability_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    packages = ({"name": "a", "version": "1.0", "vulns": [KNOWN]}, {"name": "b", "version": "1", "vulns": []})
    assert judged(answer(*packages), "") == 1
    assert capsys.readouterr().out.splitlines() == [
        "a 1.0: PYSEC-2026-1; mended in 2.0",
        "2 of 2 pinned packages were looked up; of 1 a vulnerability is known.",
    ]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [("", "ConnectionError: no route"), ("", ""), (answer({"name": "a", "skip_reason": "not found"}), "")],
)
def test_a_service_that_cannot_be_asked_is_one_line_and_no_failure(
    said: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(said, complaint) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "no package was checked" in line


def test_clean_packages_pass_and_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = {"name": "b", "skip_reason": "not found"}
    assert judged(answer({"name": "a", "version": "1", "vulns": []}, skipped), "") == 0
    assert "1 of 2 pinned packages" in capsys.readouterr().out


def test_bandit_refuses_what_the_configuration_lets_nobody_do(tmp_path: Path) -> None:
    """The excuses in pyproject.toml are narrow: a shell, an unpickler and a hub name without a revision are found."""
    bad = tmp_path / "bad.py"
    module = "pick" + "le"
    bad.write_text(
        f"import {module}\nimport subprocess\nsubprocess.run('ls ' + input(), shell=True)\n"
        f"{module}.loads(b'')\neval(input())\n"
    )
    done = bandit(bad)
    assert done.returncode == 1
    assert {name for name in ("B301", "B602", "B307") if name in done.stdout} == {"B301", "B602", "B307"}
