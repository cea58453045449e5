"""What came of a part, and the table that is made of all of them."""

import datetime
import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from goldenlayers_core import __version__

HEADER = ("Part", "What was tried", "Times", "What came of it", "Lost", "Seconds")


@dataclass(frozen=True)
class Outcome:
    """One line of the table. `bad` has a sentence for everything lost, leaked or unsound: () is the goal."""

    part: str
    tried: str
    times: int
    found: str
    bad: tuple[str, ...]
    seconds: float
    skipped: str = ""  # why it could not be tried here

    @property
    def cells(self) -> tuple[str, ...]:
        """Its line, in the order of `HEADER`."""
        if self.skipped:
            return (self.part, self.tried, "0", f"not tried: {self.skipped}", "-", "-")
        return (self.part, self.tried, f"{self.times:,}", self.found, f"{len(self.bad):,}", f"{self.seconds:,.0f}")


@dataclass
class Tally:
    """Counts while a part runs; `outcome` ends it."""

    part: str
    tried: str
    times: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def count(self, what: str) -> None:
        """One more attempt, and what came of it."""
        self.times += 1
        self.counts[what] = self.counts.get(what, 0) + 1

    def lose(self, sentence: str) -> None:
        """Something was lost."""
        self.bad.append(sentence)

    def outcome(self, more: str = "") -> Outcome:
        """The line as of now."""
        said = [f"{number:,} {what}" for what, number in sorted(self.counts.items(), key=lambda c: -c[1])]
        found = "; ".join(filter(None, (*said, more)))
        return Outcome(self.part, self.tried, self.times, found, tuple(self.bad), time.monotonic() - self.began)


def skipped(part: str, tried: str, why: str) -> Outcome:
    """The line of something that this machine does not let us try."""
    return Outcome(part, tried, 0, "", (), 0.0, why)


def table(outcomes: Iterable[Outcome]) -> str:
    """A Markdown table."""
    rows = [HEADER, ("---", "---", "--:", "---", "--:", "--:"), *(outcome.cells for outcome in outcomes)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows) + "\n"


def page(outcomes: Iterable[Outcome], seed: int, command: str, about: Callable[[str], str]) -> str:
    """docs/reliability.md. `about(part)` says what a part does."""
    outcomes = tuple(outcomes)
    lost = [f"- {outcome.part}: {sentence}" for outcome in outcomes for sentence in outcome.bad]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = dict.fromkeys(outcome.part for outcome in outcomes)
    return "\n".join(
        (
            "# Reliability",
            "",
            "What was done to the program on purpose, how often, and what was lost, leaked or unsound (0 is the goal).",
            f"This page is written by `{command}`; its counts are those of the runs it is made of,",
            "which may be smaller than those of `make torture`.",
            "",
            f"Golden Layers {__version__}, {datetime.datetime.now(datetime.UTC):%d %B %Y}, seed {seed}, on "
            f"{os.cpu_count()} cores and {memory:.0f} GiB shared with other work, {platform.system()}, "
            f"Python {platform.python_version()}.",
            "",
            table(outcomes),
            "## What the parts do",
            "",
            *(f"- **{part}**: {about(part)}" for part in parts),
            "",
            *(("## What was lost", "", *lost) if lost else ("Nothing was lost.",)),
            "",
            "Not tried here: SIGKILL of a running server, and a disk that is really full instead of a limit on files.",
            "A store in a bucket (two writers, one killed, a bucket that is away) is tried by the tests: scaling.md.",
            "",
        )
    )


def write_page(path: Path, text: str) -> None:
    """Put it where it is asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
