"""`health`: whether the store, the queues, memory and disk are well. `diagnostics`: what to send when they are not."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from goldenlayers_core.commands.console import Json, say
from goldenlayers_core.places import cache_root


def health(as_json: Json = False) -> None:
    """Whether store and location answer, the queues move, and memory and disk are left; exits with 1 if not.

    What a running server takes itself is asked from it: its address ending in /healthz.
    """
    from goldenlayers_core.tasks.health import look

    found = look(cache_root())
    content = {"well": found.well, **dataclasses.asdict(found)}
    say(as_json, content, lambda: [f"{'well' if f.well else 'NOT WELL':9} {f.says}" for f in found.findings])
    if not found.well:
        raise typer.Exit(1)


def diagnostics(
    out: Annotated[Path, typer.Option("--out", help="the zip to write")],
    as_json: Json = False,
) -> None:
    """Write what helps to find a fault: versions, machine, settings, the store's size, health, the last log lines.

    Without requests, results, tokens, and folders of a person.
    """
    from goldenlayers_core.tasks.diagnostics import write_diagnostics

    names = write_diagnostics(cache_root(), out)
    say(as_json, {"out": str(out), "files": names}, lambda: [f"{out}: {', '.join(names)}"])
