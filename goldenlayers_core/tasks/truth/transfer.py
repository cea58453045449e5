"""Golden layers carried elsewhere: found on some requests, judged on others by real edits. No torch."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenlayers_core.attribution.regret import N_RESAMPLES, regret
from goldenlayers_core.errors import DatasetError
from goldenlayers_core.results import Generalisation, SweepResult
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.questions import DatasetChoice
from goldenlayers_core.tasks.real_edits import used_in
from goldenlayers_core.tasks.serial import restored
from goldenlayers_core.tasks.truth.judgement import SEED
from goldenlayers_core.tasks.workbench import part_of

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

MOST: Final = 8  # sets of requests in the matrix
LEAST: Final = 4  # requests of a set; fewer judge nothing


@dataclass(frozen=True)
class Part:
    """Requests that were swept, under one name."""

    words: str
    sweep: SweepResult


def swept_runs(bench: "Workbench", fingerprint: str, used: MethodUsed) -> tuple[RunManifest, ...]:
    """The sweeps of a model's weights with an editing method and its covariance setting, the newest first."""
    return tuple(
        m for m in bench.store.runs() if m.kind == "sweep" and m.fingerprint == fingerprint and used_in(m) == used
    )


def generalisation(
    bench: "Workbench",
    fingerprint: str,
    used: MethodUsed,
    opened: Callable[[str], SweepResult],
    n_resamples: int = N_RESAMPLES,
) -> Generalisation | None:
    """Regrets of every golden layer on every set of requests that was swept; None where there is no sweep.

    `opened` reads a stored sweep by its run's id. A sweep over both splits of a dataset counts as two sets.
    """
    found: dict[str, Part] = {}
    for run in swept_runs(bench, fingerprint, used):
        for part in parts(bench, run, opened(run.run_id)):
            known = found.get(part.words)
            if part.sweep.n_requests >= LEAST and (known is None or part.sweep.n_requests > known.sweep.n_requests):
                found[part.words] = part
    kept = sorted(found.values(), key=lambda part: -part.sweep.n_requests)[:MOST]
    return matrix(sorted(kept, key=lambda part: part.words), used, n_resamples) if kept else None


def parts(bench: "Workbench", run: RunManifest, sweep: SweepResult) -> tuple[Part, ...]:
    """A run's requests: proxy and test split apart where it swept both, else as they are."""
    choice = restored(DatasetChoice, run.part("choice"))
    whole = Part(choice.words, sweep)
    if choice.split != "all":
        return (whole,)
    try:
        dataset = bench.dataset(choice.dataset)
        proxy = {request.digest for request in part_of(dataset, "proxy")}
    except DatasetError:  # an upload that is gone: its requests stay one set
        return (whole,)
    inside = np.array([digest in proxy for digest in sweep.request_digests])
    if min(inside.sum(), (~inside).sum()) < LEAST:
        return (whole,)
    return tuple(
        Part(split.words, sweep.only(np.flatnonzero(rows)))
        for split, rows in (
            (dataclasses.replace(choice, split="proxy"), inside),
            (dataclasses.replace(choice, split="test"), ~inside),
        )
    )


def matrix(found: Sequence[Part], used: MethodUsed, n_resamples: int = N_RESAMPLES) -> Generalisation:
    """Every part's golden layer, judged on every part."""
    size = len(found)
    values, interval = np.full((size, size), np.nan), np.full((size, size, 2), np.nan)
    for g, row in enumerate(found):
        for d, column in enumerate(found):
            judged = regret(column.sweep.score, column.sweep.layers, row.sweep.golden_layer, n_resamples, SEED)
            if judged is not None:
                values[g, d], interval[g, d] = judged.mean, (judged.low, judged.high)
    digests = [frozenset(part.sweep.request_digests) for part in found]
    return Generalisation(
        used=used,
        found_on=tuple(part.words for part in found),
        golden_layers=tuple(part.sweep.golden_layer for part in found),
        judged_on=tuple(part.words for part in found),
        n_requests=tuple(part.sweep.n_requests for part in found),
        regret=values,
        interval=interval,
        same=tuple(tuple(bool(a & b) for b in digests) for a in digests),
        n_resamples=n_resamples,
        seed=SEED,
    )
