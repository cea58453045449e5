"""The real edits that docs/evidence.md stands on: every layer, request by request, method by method, kept as a table.

    python -m benchmarks.edits --data FOLDER --part proxy|test [--models bundled,gemma,classroom] [--only NAME,NAME]
                               [--ways "ROME, identity;EMMET, covariance"] [--most 16] [--hours 2] [--out FOLDER]

The plan goes round by growing numbers of requests, so that a run stopped anywhere is a balanced one: every dataset,
method and model at 4 requests comes before any of them at 8. Requests whose edits the repository's table holds are not
measured again, on whichever machine they were; what is new is kept in the store (GOLDENLAYERS_CACHE), so that the run
goes on where it was. After each sweep its numbers, and no text of the data set, are written as one Parquet file into
`--out`; `python -m benchmarks.gather FOLDER` adds them to the table.
"""

import argparse
import dataclasses
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.gather import kept, together
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import METRICS, SweepResult
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, Workbench, open_workbench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.sweep import open_bed

CLASSROOM = "classroom"  # the third model: a tiny transformer taught invented facts, and asked for nothing else
MODELS = ("bundled", "gemma", CLASSROOM)
SOURCES = {CLASSROOM: "classroom:base"}  # of models that are not called what their source is
KEPT = ("rewrite", "rephrase", "locality", "portability", "locality_kl", "value_change", "loss")  # columns of the table


@dataclass(frozen=True)
class Data:
    """One data set: its name in the tables, where its requests are, and which of them are taken."""

    name: str
    source: str  # catalogue name, or file in the data folder
    known: bool = False  # only facts that the model answers itself


DATA = (
    Data("bundled", "bundled", True),
    Data("counterfact", "counterfact.json"),
    Data("zsre", "zsre_mend_eval.json"),
    Data("wiki_counterfact", "knowedit_wiki_counterfact_test_cf.json"),
    Data("wiki_recent", "knowedit_wiki_recent_test_first_alias.json"),
    Data("bundled-hard", "bundled-hard", True),
    Data(CLASSROOM, CLASSROOM, True),
)


@dataclass(frozen=True)
class Way:
    """One way of editing: its name in the tables, the method and the settings that differ from its defaults."""

    name: str
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    full: bool = True  # measured on as many requests as there are, not on the small sample


WAYS = (
    Way("ROME, identity", "rome"),
    Way("ROME, covariance", "rome", {"covariance": "samples"}),
    Way("EMMET, covariance", "emmet", full=False),
    Way("R-ROME, identity", "r-rome", full=False),
)
ROUNDS = {"proxy": (4, 8, 16, 32), "test": (4, 8, 16, 24, 48)}
SMALL = 8  # requests of the ways that are measured on a small sample
LARGEST = {"proxy": {"bundled": 32, CLASSROOM: 32}, "test": {"bundled": 48, CLASSROOM: 48}}
LARGE = {"proxy": 16, "test": 24}


def plan(part: str) -> Iterator[tuple[int, Data, Way]]:
    """(requests, data set, way) in the order in which they are measured; the last round of a pair is the largest."""
    for n in ROUNDS[part]:
        for way in WAYS:
            for data in DATA:
                full = way.full or data.name == CLASSROOM  # whose edits cost a tenth of a second
                if n <= (LARGEST[part].get(data.name, LARGE[part]) if full else SMALL):
                    yield n, data, way


def asked(model: str, data: Data) -> bool:
    """Whether a model is measured on a data set: the classroom's on what it was taught, the others on all else."""
    return (model == CLASSROOM) == (data.name == CLASSROOM)


def source_of(model: str) -> ModelSource:
    """Where the weights of a model of the tables are."""
    return ModelSource(SOURCES.get(model, model))


def measured(
    bench: Workbench, model: str, data: Data, way: Way, part: str, n: int, folder: str | None, have: pd.DataFrame
) -> pd.DataFrame:
    """The edits, as rows of the table, of those of the first n requests of a part that `have` lacks at some layer."""
    source = data.source
    if source.endswith(".json"):
        if folder is None:
            raise GoldenLayersError(f"{data.name} is in a file; give its folder with --data.")
        source = str(Path(folder) / source)
    choice = DatasetChoice(source, part, n, data.known, data.name)  # type: ignore[arg-type]
    last = [time.monotonic()]

    def report(done: int, total: int, note: str) -> None:
        if time.monotonic() - last[0] > 120:
            last[0] = time.monotonic()
            say(f"  {note}: {done} of {total}")

    progress = Progress(report)
    bed = open_bed(bench, SweepQuestion(source_of(model), choice, way.method, way.settings), progress)
    layers = tuple(range(bed.handle.n_layers))
    done = whole(have, bed.handle.fingerprint, data.name, way.name, layers)
    places = [place for place, request in enumerate(bed.requests) if short(request.digest) not in done]
    say(f"  {len(bed.requests) - len(places)} of {len(bed.requests)} requests were measured before")
    if not places:
        return pd.DataFrame()
    bed = dataclasses.replace(bed, requests=tuple(bed.requests[place] for place in places))
    start = time.perf_counter()
    computed = bed.measure(bed.requests, layers, progress)
    result = bed.result(layers, time.perf_counter() - start, computed)
    return table(result, places, model, data, way, part)


def whole(have: pd.DataFrame, fingerprint: str, data: str, way: str, layers: tuple[int, ...]) -> set[str]:
    """The requests, by their digests as in the table, of which it holds an edit at every layer."""
    if not len(have):
        return set()
    rows = have[(have["fingerprint"] == fingerprint) & (have["data"] == data) & (have["way"] == way)]
    counts = rows[rows["layer"].isin(layers)].groupby("request", observed=True)["layer"].nunique()
    return set(counts[counts == len(layers)].index.astype(str))


def short(digest: str) -> str:
    """A request's digest as the table has it."""
    return digest[:16]


def table(result: SweepResult, places: list[int], model: str, data: Data, way: Way, part: str) -> pd.DataFrame:
    """One row per request and layer: numbers, digests, no text. `places`: of each request among those of its choice."""
    names = [metric.name for metric in METRICS]
    shape = result.values.shape[:2]
    columns: dict[str, Any] = {
        "model": model,
        "fingerprint": result.fingerprint,
        "data": data.name,
        "part": part,
        "way": way.name,
        "position": np.repeat(np.asarray(places, dtype=np.int16), shape[1]),
        "request": np.repeat([short(digest) for digest in result.request_digests], shape[1]),
        "layer": np.tile(np.asarray(result.layers, dtype=np.int16), shape[0]),
        "score": result.score.ravel().astype(np.float32),
    }
    columns |= {name: result.values[:, :, names.index(name)].ravel().astype(np.float32) for name in KEPT}
    return pd.DataFrame(columns).assign(
        seconds_per_edit=np.float32(result.seconds_per_edit), judgement=str(result.provenance["judgement"])
    )


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder with the public benchmark files")
    parser.add_argument("--part", choices=("proxy", "test"), required=True)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--only", default="", help="names of data sets, by commas; all by default")
    parser.add_argument("--ways", default="", help="names of ways of editing, by semicolons; all by default")
    parser.add_argument("--most", type=int, default=0, help="no round of more requests than these")
    parser.add_argument("--hours", type=float, default=1e9, help="begin no further sweep after so long")
    parser.add_argument("--out", default="evidence-edits")
    options = parser.parse_args()
    end = time.monotonic() + 3600 * options.hours
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    bench, have = open_workbench(), kept()
    for n, data, way in plan(options.part):
        if (options.only and data.name not in options.only.split(",")) or (options.most and n > options.most):
            continue
        if options.ways and way.name not in options.ways.split(";"):
            continue
        for model in options.models.split(","):
            if time.monotonic() > end:
                return
            if not asked(model, data):
                continue
            say(f"{model}, {data.name} ({options.part}), {way.name}: {n} requests")
            try:
                rows = measured(bench, model, data, way, options.part, n, options.data, have)
            except GoldenLayersError as error:
                say(f"  not measured: {error}")
                continue
            name = re.sub(r"[^a-z0-9]+", "-", f"{model} {data.name} {options.part} {way.name}".lower())
            if len(rows):  # beside what an earlier round of more requests wrote
                file = out / f"{name}.parquet"
                old = [pd.read_parquet(file)] if file.exists() else []
                together([*old, rows]).to_parquet(file, index=False)


if __name__ == "__main__":
    main()
