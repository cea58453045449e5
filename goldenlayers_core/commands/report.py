"""`report`: a stored run as one HTML file, as a zip of its figures and tables, or as a notebook that reruns it."""

from pathlib import Path
from typing import Annotated

import typer

from goldenlayers_core.commands.console import Json, say
from goldenlayers_core.tasks import open_workbench


def report(
    run: Annotated[str, typer.Argument(help="id of a stored run; `cache list` names them")],
    out: Annotated[Path, typer.Option("--out", help="the file to write: .html, .zip (figures, tables) or .ipynb")],
    pictures: Annotated[
        bool | None,
        typer.Option(
            "--pictures/--no-pictures",
            help="PNG and SVG of every figure in the zip, some seconds each; if not said: where Chromium is found",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a run as one self-contained HTML file: figures, tables, definitions, provenance, limits.

    Or as a zip: every figure as HTML, PNG and SVG, every table as CSV and Parquet, provenance, and a README. Or as a
    Jupyter notebook (.ipynb) that makes the run again.
    """
    from goldenlayers_core.figures.export import find_browser
    from goldenlayers_core.tasks.notebook import write_notebook
    from goldenlayers_core.tasks.report import write_report

    if out.suffix.lower() == ".ipynb":
        write_notebook(open_workbench(), run, out)
    else:
        drawn = find_browser() is not None if pictures is None else pictures
        write_report(open_workbench().store, run, out, drawn)
    size = out.expanduser().stat().st_size
    say(as_json, {"run": run, "out": str(out), "bytes": size}, lambda: [f"{out}, {size / 2**20:.1f} MiB"])
