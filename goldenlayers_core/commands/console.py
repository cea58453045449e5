"""What every command shares: its common options, progress on stderr, and the answer on stdout."""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import typer

from goldenlayers_core.runtime import Progress

Model = Annotated[str, typer.Option("--model", help="bundled, a hub name, a folder or a GGUF file")]
Data = Annotated[str, typer.Option("--dataset", help="bundled, a catalogue name or a file")]
Json = Annotated[bool, typer.Option("--json", help="machine-readable output on stdout")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")]
Dtype = Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16, float16 or float64")]
Limit = Annotated[int | None, typer.Option("--limit", help="only the first so many requests")]
KnownOnly = Annotated[bool, typer.Option("--known-only", "--known", help="only facts the model answers itself")]
Split = Annotated[Literal["all", "proxy", "test"], typer.Option("--split", help="which part of the dataset")]

_QUIET_SECONDS: Final = 1.0


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
        typer.echo(f"{note}: {done} of {total}{tail}", err=True)

    progress = Progress(report)
    return progress


def say(as_json: bool, content: Any, lines: Callable[[], list[str]]) -> None:
    """Print the JSON, or the lines for a person."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2) if as_json else "\n".join(lines()))
