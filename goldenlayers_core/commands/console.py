"""What every command shares: its common options, progress on stderr, and the answer on stdout."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeVar

import typer
from typer.exceptions import Abort, TyperException

from goldenlayers_core.errors import Cancelled, ConfigError, GoldenLayersError, is_shortage
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.progress import FOLLOWED
from goldenlayers_core.tasks.sparing import sparing

Found = TypeVar("Found")

Model = Annotated[str, typer.Option("--model", help="bundled, gemma, a hub name, a folder or a GGUF file")]
Data = Annotated[str, typer.Option("--dataset", help="bundled, a catalogue name or a file")]
Json = Annotated[bool, typer.Option("--json", help="machine-readable output on stdout")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="auto, cpu, cuda or cuda:N; cuda:0+cuda:1: spread over several GPUs; cpu+disk or cuda:0+disk: what does "
        "not fit is kept elsewhere, slowly",
    ),
]
Dtype = Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16, float16 or float64")]
Limit = Annotated[int | None, typer.Option("--limit", help="only the first so many requests")]
KnownOnly = Annotated[bool, typer.Option("--known-only", "--known", help="only facts the model answers itself")]
Split = Annotated[Literal["all", "proxy", "test"], typer.Option("--split", help="which part of the dataset")]

_QUIET_SECONDS: Final = 1.0
_MOST_DIGITS: Final = 5  # of a layer's number
_LONGEST: Final = 120  # characters of a word in a sentence
_STOPPED: Final = 130  # exit status after Ctrl-C
_STOPPED_SAID: Final = "Stopped; what was computed is kept, and the same command goes on from there."
_OF_PATHS: Final = ("home directory", "embedded null")  # what pathlib says of ~nobody and NUL


def reporter() -> Progress:
    """Progress on stderr, about once a second."""
    state = {"at": 0.0}
    progress: Progress

    def report(done: int, total: int, note: str) -> None:
        if time.monotonic() - state["at"] < _QUIET_SECONDS and done < total:
            return
        state["at"] = time.monotonic()
        left = progress.seconds_left()
        tail = f", about {left:.0f} s left" if left else ""
        typer.echo(f"{note}: {done} of {total}{tail}" if total else note, err=True)

    progress = Progress(report)
    FOLLOWED.set(progress)
    return progress


def working(work: Callable[..., Found], *given: Any) -> Found:
    """What `work(*given, progress)` returns, with progress on stderr; where memory runs out it goes on with less."""
    return sparing(partial(work, *given), reporter())


def say(as_json: bool, content: Any, lines: Callable[[], list[str]]) -> None:
    """Print the JSON, or the lines for a person."""
    text = json.dumps(content, ensure_ascii=False, indent=2) if as_json else "\n".join(lines())
    typer.echo(text.encode("utf-8", "backslashreplace").decode())  # half of a character is told, and stops nothing


def is_layer(text: str) -> bool:
    """Whether it is a whole number from 0 that some model could have as a layer."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def guarded(run: Callable[[], object], arguments: Sequence[str]) -> int:
    """The exit status of a command: 0; 2 with one sentence on stderr for what a person can put right; 130 where it was
    stopped; 1 with one sentence for a defect of ours, whose traceback GOLDENLAYERS_TRACEBACK=1 shows."""
    try:
        _check(arguments)
        status = run()
        if status == _STOPPED:  # Ctrl-C, which the parser turned into a status
            typer.echo(_STOPPED_SAID, err=True)
        return status if isinstance(status, int) else 0
    except Exception as error:
        return _told(error)


def _check(arguments: Sequence[str]) -> None:
    """Raises ConfigError for an argument that is no text, or the home of nobody."""
    for argument in arguments:
        if "\0" in argument or (not argument.isprintable() and any("\ud800" <= c <= "\udfff" for c in argument)):
            raise ConfigError(
                f"The argument {ascii(argument)[:60]} holds bytes that are no text; give it in UTF-8, without NUL."
            )
        if argument.startswith("~") and " " not in argument and os.path.expanduser(argument) == argument:
            raise ConfigError(f"{argument!r} is in the home folder of nobody here; give another name or path.")


def _told(error: Exception) -> int:
    """Say one sentence about what ended a command; its exit status."""
    if isinstance(error, BrokenPipeError):  # whoever read our answer has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    status = _STOPPED if isinstance(error, Cancelled | Abort) else 2
    if isinstance(error, TyperException):  # of the parser
        told = f"{getattr(error, 'format_message', error.__str__)()} See --help."
    elif isinstance(error, Abort):
        told = _STOPPED_SAID
    elif isinstance(error, GoldenLayersError):
        told = str(error)
    elif is_shortage(error):
        told = "Memory ran out; free some, or choose a smaller model or number format (`inspect` says what fits)."
    elif isinstance(error, OSError | UnicodeError) or any(part in str(error) for part in _OF_PATHS):
        reason = getattr(error, "strerror", None) or str(error)
        place = getattr(error, "filename", None)
        told = f"{place or 'A path'} could not be used ({reason}); give another name or path."
    else:
        status = 1
        told = f"{type(error).__name__}: {error}. This is a defect of ours; GOLDENLAYERS_TRACEBACK=1 shows where."
    if (
        not isinstance(error, GoldenLayersError | TyperException | Abort)
        and os.environ.get("GOLDENLAYERS_TRACEBACK") == "1"
    ):
        raise error
    told = " ".join(word if len(word) <= _LONGEST else f"{word[:_LONGEST]}…" for word in told.split())
    typer.echo(told.encode("utf-8", "backslashreplace").decode(), err=True)
    return status
