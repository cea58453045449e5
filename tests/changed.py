"""The tests of what changed, for daily work: `make check` runs them within a budget of time, `make test` runs all.

    python -m tests.changed [BASE] [--seconds 30]

Changed is what differs from BASE (HEAD, or the commit before it where nothing does). Its tests are, in this order:
changed tests, those that stand where the changed file stands (tasks/edit/lens.py, tests/tasks/edit/test_lens.py), and
those that import a changed file, the ones that import most of them first. What the budget leaves over is said.
"""

import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from tests.test_house import CORE, ROOT, imported_files

SECONDS = 30.0
RULES = "tests/test_house.py"


def changed_files(base: str | None) -> set[str]:
    """Paths that differ from `base`; None: from HEAD, or from the commit before it where nothing does."""

    def lines(*command: str) -> set[str]:
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
        return set(done.stdout.split("\n")) - {""}

    found = lines("diff", "--name-only", base or "HEAD") | lines("ls-files", "--others", "--exclude-standard")
    return found or (set() if base else lines("diff", "--name-only", "HEAD~1"))


def mirrored(path: str) -> str:
    """Where the test of a file stands: goldenlayers_core/tasks/edit/lens.py -> tests/tasks/edit/test_lens.py."""
    *folders, name = path.removeprefix(f"{CORE}/").split("/")
    return "/".join(("tests", *folders, f"test_{name}"))


def tests_of(changed: set[str], tests: Sequence[str]) -> list[str]:
    """Which of the tests to run, the closest first."""
    mirrors = {mirrored(path) for path in changed}
    near: dict[str, tuple[int, int]] = {}
    for test in tests:
        meets = len(imported_files(test, (ROOT / test).read_text(encoding="utf-8")) & changed)
        if test in changed or test in mirrors or meets:
            near[test] = (0 if test in changed else 1 if test in mirrors else 2, -meets)
    return sorted(near, key=lambda test: (near[test], test))


class Budget:
    """A pytest plugin: tests that have not begun when the time is spent are skipped, and counted."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.began, self.left = seconds, 0.0, 0

    def pytest_collection_finish(self) -> None:
        self.began = time.monotonic()

    def pytest_runtest_setup(self) -> None:
        if time.monotonic() - self.began > self.seconds:
            self.left += 1
            pytest.skip("the time for daily checks is spent")


def main(arguments: Sequence[str]) -> int:
    """Run them; pytest's exit status, 0 where there is nothing to run."""
    seconds = float(arguments[arguments.index("--seconds") + 1]) if "--seconds" in arguments else SECONDS
    base = arguments[0] if arguments and not arguments[0].startswith("--") else None
    tests = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))
    chosen = [test for test in tests_of(changed_files(base), tests) if test != RULES]
    budget = Budget(seconds)
    status = int(pytest.main(["-q", "-x", "-m", "not browser and not ray", RULES, *chosen], plugins=[budget]))
    if budget.left:
        sys.stdout.write(f"{budget.left} tests were left over after {seconds:.0f} s; `make test` runs all of them.\n")
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
