"""What the program writes down while it works: one JSON object a line, or plain lines, with job and desk where known.

`GOLDENLAYERS_LOG=json` or `text` turns it on; otherwise logging is left as it is. Lines go to stderr, and as JSON to a
file of the cache folder, of which the diagnostics take the last. Nothing of a request is written: of an exception its
type and where it was raised, never its words, which may quote a prompt; of a desk, whose name opens it, a digest.
"""

import contextlib
import hashlib
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.places import cache_root

SETTING: Final = "GOLDENLAYERS_LOG"
KEPT_BYTES: Final = 2**20  # of the log file, twice: the one before it is kept
_FRAMES: Final = 8
_OURS: Final = "golden-layers"  # the name of our handlers
_STYLES: Final = ("json", "text")

_log = logging.getLogger(__name__)
_job: ContextVar[str] = ContextVar("job", default="")
_desk: ContextVar[str] = ContextVar("desk", default="")


@contextlib.contextmanager
def about(job: str, *desks: str) -> Iterator[None]:
    """Lines written during the block, by this thread, name the job and the desks (by a digest each) they are about."""
    asked = sorted(hashlib.sha256(name.encode()).hexdigest()[:8] for name in desks)
    tokens = _job.set(job), _desk.set(" ".join(asked))
    try:
        yield
    finally:
        _job.reset(tokens[0])
        _desk.reset(tokens[1])


def told(job: str, work: Callable[[], None], desks: Callable[[], Iterable[str]] = tuple) -> None:
    """Do the work of a job for `desks`; lines written meanwhile name both, and one says how long it took.

    Where a disk does not tell whose the job is, the lines go without: no work ends because of them.
    """
    began, asked = time.monotonic(), set[str]()
    with contextlib.suppress(StoreError):
        asked.update(desks())
    with about(job, *asked):
        work()
        _log.info("The job ended after %.1f seconds", time.monotonic() - began)


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (ISO 8601, UTC), level, logger, message, and job, desk, error where known."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "job": _job.get(),
            "desk": _desk.get(),
            "error": _raised(record),
        }
        return json.dumps({name: value for name, value in content.items() if value}, ensure_ascii=False)


class TextLines(logging.Formatter):
    """The same for a person who watches."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = [f"[{value}]" for value in (_job.get(), _desk.get()) if value]
        when = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M:%S}"
        return " ".join([when, record.levelname, record.name, *told, record.getMessage(), _raised(record)]).rstrip()


def log_file() -> Path:
    """Where the last lines are kept, once there are any."""
    return cache_root() / "logs" / "log.jsonl"


def configure() -> None:
    """Set logging up as GOLDENLAYERS_LOG says, once per process. Raises ConfigError for what it may not say."""
    style = os.environ.get(SETTING, "").strip().lower()
    root = logging.getLogger()
    if not style or any(handler.name == _OURS for handler in root.handlers):
        return
    if style not in _STYLES:
        raise ConfigError(f"{SETTING} is {style[:40]!r}; set it to {' or '.join(_STYLES)}, or leave it out.")
    lines: logging.Formatter = JsonLines() if style == "json" else TextLines()
    others = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for handler in (h for logger in others for h in logger.handlers if isinstance(h, logging.StreamHandler)):
        handler.setFormatter(lines)  # the web server's own, which do not pass their lines on
    root.addHandler(_named(logging.StreamHandler(), lines))
    root.setLevel(min(root.level, logging.INFO) if root.level else logging.INFO)
    with contextlib.suppress(OSError):  # a read-only folder: stderr has them all
        log_file().parent.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(log_file(), maxBytes=KEPT_BYTES, backupCount=1, encoding="utf-8", delay=False)
        root.addHandler(_named(file, JsonLines()))


def last_lines(n: int) -> list[str]:
    """The last lines of the log file, oldest first; none where there is no file."""
    try:
        text = log_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-n:]


def _named(handler: logging.Handler, lines: logging.Formatter) -> logging.Handler:
    handler.set_name(_OURS)
    handler.setFormatter(lines)
    return handler


def _raised(record: logging.LogRecord) -> str:
    """Type and place of an exception, innermost frame last; not its words."""
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    frames = traceback.extract_tb(record.exc_info[2])[-_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{record.exc_info[0].__name__} at {' > '.join(places)}"
