"""A stored run as a Jupyter notebook that makes it again with this package, and says whether the same came out.

It stands above the wings, beside their table.
"""

import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.text import counted
from goldenlayers_core.reports.notebook import Cell, inert, notebook_bytes
from goldenlayers_core.runtime import Progress, RunManifest
from goldenlayers_core.runtime.atomic import write_bytes
from goldenlayers_core.tasks.address import without_places
from goldenlayers_core.tasks.kinds import function
from goldenlayers_core.tasks.report import report_of
from goldenlayers_core.tasks.serial import dataset_from, plain_dataset
from goldenlayers_core.tasks.wings import kind_named, open_workbench
from goldenlayers_core.tasks.workbench import Workbench

MOST_EMBEDDED: Final = 2_000_000  # characters of a dataset that travels inside the notebook

_SETUP: Final = """import os
import sys
from pathlib import Path

PROJECT = Path(os.environ.get("GOLDENLAYERS_PROJECT", ".")).resolve()  # the folder with goldenlayers_core in it
sys.path.insert(0, str(PROJECT))

from IPython.display import display

from goldenlayers_core.tasks.notebook import compared, rerun, shown"""
_RUN: Final = "bench, run_id = rerun(KIND, SETTINGS, DATASET{})\nrun_id"
_MODEL: Final = 'MODEL = os.environ.get("GOLDENLAYERS_MODEL", "")  # where the model lies here: its folder or file'
_WHERE: Final = "The model lay in a folder: set `MODEL`, or `GOLDENLAYERS_MODEL`, to where it lies here."
_COMPARE: Final = "compared(bench, run_id, RECORDED)"
_SHOW: Final = "for part in shown(bench, run_id):\n    display(part)"
_OF_THE_MACHINE: Final = ("computed now", "tokens", "seconds per edit")  # and of what its store held already
_AGAIN: Final = (
    "What the store holds already is not computed again: set `GOLDENLAYERS_CACHE` to an empty folder before Jupyter is "
    "started, and all of it is."
)


def write_notebook(bench: Workbench, run_id: str, path: Path) -> None:
    """Write a stored run's notebook in one step. Raises as `notebook_of`."""
    write_bytes(path.expanduser().absolute(), notebook_of(bench, run_id))


def notebook_of(bench: Workbench, run_id: str) -> bytes:
    """A stored run as a notebook's content; a dataset that is not this program's own travels inside it.

    Raises StoreError when the run is missing or damaged, ConfigError for a kind of run that nothing makes again, a
    DatasetError when its dataset is gone.
    """
    run = bench.store.load_run(run_id).manifest
    kind = kind_named(run.kind)
    if kind is None or not kind.report:
        raise ConfigError(f"A run of the kind {run.kind!r} cannot be made again; choose scores, a sweep or an edit.")
    dataset, note = _embedded(bench, run)
    settings = without_places(run.settings, run.model)
    lay_here = settings.get("model") != run.settings.get("model")
    recorded = {"fingerprint": run.fingerprint, "model": run.model, **run.told}
    return notebook_bytes(
        (
            Cell(f"# {inert(run.title)}\n\n{_about(run)}"),
            Cell("Start Jupyter in the project's folder, or set `GOLDENLAYERS_PROJECT` to it.", _SETUP),
            Cell(
                "\n\n".join(filter(None, ("## What was asked", note, _WHERE if lay_here else ""))),
                f"KIND = {run.kind!r}\nSETTINGS = {_literal(settings)}\nDATASET = {_literal(dataset)}"
                + (f"\n{_MODEL}" if lay_here else ""),
            ),
            Cell("## What came out then", f"RECORDED = {_literal(recorded)}"),
            Cell(f"## The same again\n\n{_AGAIN}", _RUN.format(", model=MODEL" if lay_here else "")),
            Cell("", _COMPARE),
            Cell("## Figures and tables", _SHOW),
        )
    )


def rerun(
    name: str,
    settings: Mapping[str, Any],
    dataset: Mapping[str, Any] | None = None,
    root: Path | None = None,
    model: str | None = None,
) -> tuple[Workbench, str]:
    """Make a run of a kind from its settings: (the workbench that holds it, its id). Prints how far it is.

    `dataset`: what stands for the settings' own, as the notebook holds it; `model`: where a model lies here that lay in
    a folder elsewhere. Raises ConfigError where that is asked for and not said, and what the work raises.
    """
    kind = kind_named(name)
    if kind is None:
        raise ConfigError(f"The kind of run {name!r} is unknown to this version; update the project.")
    if model == "":
        called = dict(settings.get("model", {})).get("source", "")
        raise ConfigError(f"Set MODEL to the folder or file in which the model {called} lies here.")
    bench, asked = open_workbench(root), dict(settings)
    if model is not None:
        asked["model"] = {**asked["model"], "source": model}
    if dataset is not None:
        asked["choice"] = {**asked.get("choice", {}), "dataset": bench.keep_upload(dataset_from(dict(dataset)))}
    run_id: str = function(kind.work)(bench, kind.question.from_params(asked), Progress())
    return bench, run_id


def compared(bench: Workbench, run_id: str, recorded: Mapping[str, str]) -> pd.DataFrame:
    """What was recorded beside what came out now: columns recorded, now, same. Without what the machine decides."""
    run = bench.store.load_run(run_id).manifest
    now = {"fingerprint": run.fingerprint, "model": run.model, **run.told}
    names = [name for name in dict.fromkeys([*recorded, *now]) if name not in _OF_THE_MACHINE]
    frame = pd.DataFrame(
        {"recorded": [recorded.get(n, "") for n in names], "now": [now.get(n, "") for n in names]}, index=names
    )
    return frame.assign(same=frame["recorded"] == frame["now"])


def shown(bench: Workbench, run_id: str) -> list[Any]:
    """The figures of a run's report, and the tables that have none, in order."""
    return [
        part
        for section in report_of(bench.store, run_id).sections
        if (part := section.figure if section.figure is not None else section.table) is not None
    ]


def _about(run: RunManifest) -> str:
    facts = (
        ("model", f"{run.model}, weights {run.fingerprint}"),
        ("dataset", f"{run.dataset}, {counted(run.n_requests, 'request')}"),
        ("run", f"{run.run_id}, {run.created} UTC"),
        *run.provenance,
    )
    return "\n".join(f"- {inert(name)}: {inert(value)}" for name, value in facts if value)


def _embedded(bench: Workbench, run: RunManifest) -> tuple[dict[str, Any] | None, str]:
    """(the dataset, or None where the program has it or it is too large; a sentence about it)."""
    name = str(run.part("choice").get("dataset", ""))
    if not name or not (name.startswith("upload-") or Path(name).expanduser().exists()):
        return None, ""
    content = plain_dataset(bench.dataset(name))
    if len(str(content)) > MOST_EMBEDDED:
        return None, "The dataset is too large to travel in here: the run reads it from where it was."
    return content, "`DATASET` holds the requests, which came from a file."


def _literal(value: object) -> str:
    """JSON-like values as Python source: nothing in a text ends it."""
    return pprint.pformat(value, width=110, sort_dicts=False)
