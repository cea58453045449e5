"""`report`: a stored run as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from goldenlayers_core.commands.console import Json, say
from goldenlayers_core.tasks import Workbench


def report(
    run: Annotated[str, typer.Argument(help="id of a stored run; `cache list` names them")],
    out: Annotated[Path, typer.Option("--out", help="the HTML file to write")],
    as_json: Json = False,
) -> None:
    """Write a run as one self-contained HTML file: figures, tables, definitions, provenance, limits."""
    from goldenlayers_core.tasks.reporting import write_report

    write_report(Workbench().store, run, out)
    size = out.expanduser().stat().st_size
    say(as_json, {"run": run, "out": str(out), "bytes": size}, lambda: [f"{out}, {size / 1e6:.1f} MB"])
