"""The command line: `python -m goldenlayers_core --help`. Results on stdout, progress on stderr, mistakes exit with 2.

It shares the store with the dashboard: what one has computed the other finds.
"""

import dataclasses
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from goldenlayers_core.commands.answers import dataset_answer, dataset_lines
from goldenlayers_core.commands.classroom import classroom
from goldenlayers_core.commands.console import Json, guarded, say
from goldenlayers_core.commands.covariance import covariance
from goldenlayers_core.commands.edit import edit, edit_many
from goldenlayers_core.commands.engines import cluster
from goldenlayers_core.commands.export import export, import_
from goldenlayers_core.commands.health import diagnostics, health
from goldenlayers_core.commands.inspect import inspect
from goldenlayers_core.commands.models import models
from goldenlayers_core.commands.plan import merge, plan, shard
from goldenlayers_core.commands.prepare import prepare
from goldenlayers_core.commands.report import report
from goldenlayers_core.commands.score import score
from goldenlayers_core.commands.search import search
from goldenlayers_core.commands.store import store
from goldenlayers_core.commands.sweep import sweep
from goldenlayers_core.commands.trace import evaluate, trace
from goldenlayers_core.runtime import logs
from goldenlayers_core.tasks import open_workbench

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for command in (
    prepare,
    models,
    inspect,
    edit,
    export,
    score,
    trace,
    evaluate,
    sweep,
    search,
    covariance,
    report,
    classroom,
    shard,
    merge,
):
    app.command()(command)
for command in (classroom, health, diagnostics):
    app.command()(command)
app.add_typer(plan)
app.add_typer(cluster)
app.add_typer(store)
app.command("edit-many")(edit_many)
app.command("import")(import_)


@app.command()
def datasets(dataset: Annotated[str | None, typer.Option("--dataset")] = None, as_json: Json = False) -> None:
    """The catalogue; or what was read of one dataset, what was not, and why."""
    from goldenlayers_core.datasets import catalogue

    if dataset is None:
        entries = [dataclasses.asdict(entry) for entry in catalogue()]
        say(as_json, entries, lambda: [f"{e['name']:26} {e['where']:8} {e['title']}" for e in entries])
        return
    found = open_workbench().dataset(dataset)
    content = dataset_answer(found)
    say(as_json, content, lambda: dataset_lines(content))


@app.command()
def cache(action: Annotated[Literal["list", "size", "clear"], typer.Argument()], as_json: Json = False) -> None:
    """What the store holds, how large it is, or empty it (converted models stay)."""
    bench = open_workbench()
    if action == "clear":
        bench.store.clear(None)
        say(as_json, {"cleared": str(bench.root)}, lambda: [f"The store in {bench.root} is empty; models were kept."])
    elif action == "size":
        usage = [dataclasses.asdict(u) for u in bench.store.usage()]
        say(
            as_json,
            usage,
            lambda: [f"{u['kind']:16} {u['n_files']:6} files {u['n_bytes'] / 2**20:9.1f} MiB" for u in usage],
        )
    else:
        runs = [dataclasses.asdict(m) for m in bench.store.runs()]
        say(
            as_json,
            runs,
            lambda: [f"{r['run_id']:28} {r['created'][:19]}  {r['title']}" for r in runs] or ["No runs yet."],
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run (the process's arguments where none are given); the exit status, see `guarded`."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    given = sys.argv[1:] if arguments is None else list(arguments)

    def run() -> object:
        logs.configure()
        return app(given, prog_name="goldenlayers", standalone_mode=not given)

    return guarded(run, given)


if __name__ == "__main__":
    sys.exit(main())
