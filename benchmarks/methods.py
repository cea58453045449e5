"""Every registered editing method on the same requests at the same layer: what takes, what else moves, what it costs.

    python -m benchmarks.methods [--limit 100] [--layer N] [--methods rome,grace] [--all] [--timed 3] [--model bundled]
                                 [--markdown FILE]

Requests are those of the bundled dataset's test split whose facts the model knows (with `--all`, known or not). The
layer is the golden layer of a sweep in the store, else layer 4 (docs/evidence.md); windows stand around it.
Every method has its defaults. Each pair of request and method is kept in the store (GOLDENLAYERS_CACHE), as in a
sweep, so that the run can be stopped and goes on where it was. Rates are means over requests of the mean over a
request's probes, by real greedy generation; intervals are 95 % percentile bootstraps over requests. "alone" is the time
of computing one edit by itself, for the first `--timed` requests; "in the sweep" is that of computing and measuring one
among many. Both leave out what is computed once per model (context templates, key covariances).
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from goldenlayers_core.editing import get_method, methods
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import PROBE_METRICS, Floats
from goldenlayers_core.results.bootstrap import resampled_means
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, Workbench, open_workbench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.truth.sweep import Bed, open_bed

LAYER = 4  # the bundled model's best fixed layer on test requests (docs/evidence.md)
RESAMPLES = 2000
COLUMNS = (*PROBE_METRICS, "score")


@dataclass(frozen=True)
class Row:
    """One method, measured; or why not."""

    method: str
    layers: str
    n: int
    values: dict[str, Floats]  # by column, (Q,) one per request; NaN where it has no such probe
    weight_change: float
    alone: float  # seconds
    swept: float  # seconds
    failed: str = ""


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def quiet() -> Progress:
    last = [time.monotonic()]

    def report(done: int, total: int, note: str) -> None:
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            say(f"  {note}: {done} of {total}")

    return Progress(report)


def golden(bench: Workbench, model: ModelSource, given: int | None) -> tuple[int, str]:
    """The layer, and where it is from."""
    if given is not None:
        return given, "chosen by hand"
    found = recommend(bench.store, bench.model(model).fingerprint)
    if found is not None and found.kind == "sweep":
        return found.layer, found.evidence
    return LAYER, "docs/evidence.md"


def row(bench: Workbench, question: SweepQuestion, timed: int) -> Row:
    """Measure what is not in the store, and take the rest from it."""
    bed = open_bed(bench, question, quiet())
    (layer,) = question.layers
    acts = bed.method.layers_of(layer, bed.config, bed.handle.n_layers)
    words = "none" if not acts else f"{acts[0]}" if len(acts) == 1 else f"{acts[0]}-{acts[-1]}"
    bed.measure(bed.requests, [layer], quiet())
    found = bed.result([layer], 0.0, 0)
    values = {name: found.of(name)[:, 0] for name in PROBE_METRICS} | {"score": found.score[:, 0]}
    change = float(np.nanmean(found.of("weight_change")[:, 0]))
    return Row(
        bed.method.title, words, found.n_requests, values, change, alone(bed, layer, timed), found.seconds_per_edit
    )


def alone(bed: Bed, layer: int, count: int) -> float:
    """Median seconds of computing one edit by itself."""
    seconds = []
    for request in bed.requests[:count]:
        start = time.perf_counter()
        try:
            bed.method.run(bed.handle, request, layer, bed.config, bed.supplies, None)
        except GoldenLayersError as error:
            say(f"  {request.case_id}: {error}")
            continue
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) if seconds else float("nan")


def cell(values: Floats) -> str:
    """Mean and interval over the requests that have a value."""
    have = values[~np.isnan(values)]
    if not len(have):
        return "-"
    low, high = np.quantile(resampled_means(have[:, None], RESAMPLES, 0)[:, 0], (0.025, 0.975))
    return f"{have.mean():.3f} [{low:.2f}, {high:.2f}]"


def table(rows: Sequence[Row]) -> list[str]:
    """Markdown."""
    lines = [
        "| method | layers | " + " | ".join(COLUMNS) + " | weight change | alone, s | in the sweep, s |",
        "|---" * (len(COLUMNS) + 5) + "|",
    ]
    for one in rows:
        if one.failed:
            lines.append(f"| {one.method} | not measured: {one.failed} |" + " |" * (len(COLUMNS) + 3))
            continue
        rates = " | ".join(cell(one.values[name]) for name in COLUMNS)
        change = f"{one.weight_change:.3f}" if one.weight_change else "0"
        lines.append(f"| {one.method} | {one.layers} | {rates} | {change} | {one.alone:.2f} | {one.swept:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--limit", type=int, default=100, help="requests of the test split")
    parser.add_argument("--layer", type=int)
    parser.add_argument("--methods", default=",".join(m.name for m in methods()))
    parser.add_argument("--all", action="store_true", help="facts the model does not know, too")
    parser.add_argument("--timed", type=int, default=3, help="requests whose edits are timed alone")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    bench, model = open_workbench(), ModelSource(options.model)
    layer, source = golden(bench, model, options.layer)
    choice = DatasetChoice("bundled", "test", options.limit, not options.all)
    rows: list[Row] = []
    for name in options.methods.split(","):
        say(name)
        try:
            rows.append(row(bench, SweepQuestion(model, choice, name, layers=(layer,)), options.timed))
        except GoldenLayersError as error:
            rows.append(Row(get_method(name).title, "", 0, {}, 0.0, 0.0, 0.0, str(error)))
        count = max(one.n for one in rows)
        words = f"{count} requests ({choice.words}), {bench.model(model).name}, layer {layer} ({source})"
        lines = [f"Machine: {machine()}.", "", f"{words}.", "", *table(rows)]
        if options.markdown:
            Path(options.markdown).write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
