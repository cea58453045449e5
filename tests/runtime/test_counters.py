"""What a queue's jobs came to, counted as they end."""

import threading
from pathlib import Path

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime import JobQueue


def test_every_end_is_counted_under_its_kind_with_its_times(tmp_path: Path) -> None:
    began, go = threading.Event(), threading.Event()

    def score(params, progress) -> str:
        if params["n"] == 1:
            raise ConfigError("No.")
        began.set()
        go.wait(60)
        progress.check()
        return "run"

    def at_once(params, progress) -> str:
        return "run"

    queue = JobQueue(tmp_path / "jobs", {"score": score, "sweep": at_once, "trace": at_once})
    try:
        assert queue.counters.rows() == ()
        queue.wait(queue.submit("score", "fails", {"n": 1}), 60)
        held = queue.submit("score", "is stopped", {"n": 2})
        waiting, never = queue.submit("sweep", "waits", {}), queue.submit("score", "never begins", {"n": 3})
        alone = queue.submit("trace", "never begins, the only one of its kind", {})
        assert began.wait(60)
        queue.cancel(never)
        queue.cancel(alone)
        queue.cancel(held)
        go.set()
        queue.wait(waiting, 60)
    finally:
        go.set()
        queue.close()
    score_row, sweep_row, trace_row = queue.counters.rows()
    assert (score_row.kind, score_row.done, score_row.failed, score_row.cancelled) == ("score", 0, 1, 2)
    assert (sweep_row.kind, sweep_row.done, sweep_row.failed, sweep_row.interrupted) == ("sweep", 1, 0, 0)
    assert score_row.worked_longest is not None
    assert score_row.worked_longest >= 0
    assert sweep_row.waited_median is not None
    assert sweep_row.waited_median >= 0
    assert (trace_row.cancelled, trace_row.waited_median, trace_row.worked_longest) == (1, None, None)
