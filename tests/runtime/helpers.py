"""Programs that the tests run in processes of their own, and waiting without a clock to race against."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from goldenlayers_core.runtime import RunManifest, now

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds; only a failing test waits this long


def until(ready: Callable[[], object], what: str) -> None:
    """Wait until `ready()` is true, however slow the machine."""
    limit = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < limit, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.01)


class Program:
    """Python source in another process; `kill` is SIGKILL, so no clean-up code runs there."""

    def __init__(self, source: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def output(self) -> str:
        """Standard output at the end; the test fails with the program's own words if it failed."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, err
        return out

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def manifest(run_id: str, **changes: object) -> RunManifest:
    values: dict[str, object] = {
        "run_id": run_id,
        "kind": "score",
        "title": "LGA, 32 requests",
        "created": now(),
        "model": "bundled",
        "fingerprint": "f" * 32,
        "dataset": "bundled",
        "dataset_digest": "d" * 32,
        "n_requests": 32,
        "config": '{"scope": "mlp"}',
        "seconds": 1.5,
        "provenance": (("python", "3.11"),),
        "summary": (("golden layer", "5"),),
        "code_version": "0.1.0",
    }
    return RunManifest(**{**values, **changes})  # type: ignore[arg-type]


def rows(*requests: str, value: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"request": list(requests), "value": [value] * len(requests)})
