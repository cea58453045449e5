"""Is the time left that a job tells true? Every kind of long work run once, its prediction held against what came."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.kinds import function
from goldenlayers_core.tasks.questions import (
    CovarianceQuestion,
    ManyEditsQuestion,
    SearchQuestion,
    SweepQuestion,
    TraceQuestion,
)

SHARES: Final = (0.2, 0.5, 0.8)


@dataclass(frozen=True)
class Told:
    """What was told at one moment. Seconds since the start of the work."""

    at: float
    done: int
    total: int
    left: float | None


def part(limit: int) -> DatasetChoice:
    """The first so many bundled facts."""
    return DatasetChoice("bundled", "proxy", limit)


QUESTIONS: Final[tuple[tuple[str, Callable[[], Any]], ...]] = (
    ("score, 48 requests", lambda: ScoreQuestion(choice=part(48))),
    ("score, edit-aware, 16 requests", lambda: ScoreQuestion(choice=part(16), method="edit-aware")),
    ("sweep, 3 requests x 10 layers", lambda: SweepQuestion(choice=part(3), layers=tuple(range(0, 30, 3)))),
    ("trace, 6 requests", lambda: TraceQuestion(choice=part(6))),
    ("search, 30 s", lambda: SearchQuestion(choice=part(12), layers=tuple(range(0, 30, 3)), seconds=30.0)),
    ("covariance, 2,048 tokens", lambda: CovarianceQuestion(tokens=2048)),
    ("many edits, 6 alone", lambda: ManyEditsQuestion(choice=part(6), layer=4)),
    ("many edits, 6 on top of each other", lambda: ManyEditsQuestion(choice=part(6), layer=4, mode="sequential")),
)


def watched(bench: Workbench, question: Any) -> tuple[list[Told], float, float]:
    """Run it; everything it told, how long it took, and the longest time between two looks for a cancel (seconds)."""
    told: list[Told] = []
    looks = [time.perf_counter()]
    began = looks[0]

    def report(done: int, total: int, _note: str) -> None:
        told.append(Told(time.perf_counter() - began, done, total, progress.seconds_left()))

    def cancelled() -> bool:
        looks.append(time.perf_counter())
        return False

    progress = Progress(report, cancelled)
    function(bench.kind_of(question).work)(bench, question, progress)
    ended = time.perf_counter()
    gaps = [later - earlier for earlier, later in zip(looks, [*looks[1:], ended], strict=True)]
    return told, ended - began, max(gaps)


def ratio(told: Sequence[Told], took: float, share: float) -> str:
    """Time left as told last before `share` of the time had gone, over what was left then."""
    known = [each for each in told if each.at <= share * took and each.left is not None]
    if not known:
        return "not told"
    last = known[-1]
    assert last.left is not None
    return f"{last.left / max(took - last.at, 1e-9):.2f}"


def truth(cache: Path) -> str:
    """The table, in Markdown."""
    bench = open_workbench(cache)
    bench.model(part_model(), None)
    head = "| work | took, s | told / true time left at 20 % | at 50 % | at 80 % | longest deaf to a cancel, s |"
    lines = [head, "|---|---|---|---|---|---|"]
    for name, make in QUESTIONS:
        told, took, gap = watched(bench, make())
        ratios = " | ".join(ratio(told, took, share) for share in SHARES)
        lines.append(f"| {name} | {took:.1f} | {ratios} | {gap:.2f} |")
    bench.close()
    return "\n".join(lines)


def part_model() -> Any:
    """The model the questions ask about: the bundled one."""
    return ScoreQuestion().model
