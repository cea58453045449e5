"""The budgeted search, raced over all edits of a model that were measured."""

from collections.abc import Iterator

import numpy as np

from benchmarks.evidence.carried import whole
from benchmarks.evidence.tables import ALL, DAMAGE, EDIT_AWARE, LINE_CHECK, Edits, Estimates, Floats, Place, Sweep
from benchmarks.evidence.words import TITLES, heading, number
from benchmarks.search import Pool, raced
from goldenlayers_core.results import spearman
from goldenlayers_core.results.bootstrap import interval, resampled_means

SHARES, SEEDS = (0.1, 0.2), 20  # of the sweep's edits; races of each
WAY = "ROME, identity"
NOTHING = "nothing"
BEGINNINGS = (DAMAGE, LINE_CHECK, EDIT_AWARE, NOTHING)
COLUMNS = ("model", "requests x layers", "lead", "noise", "begins with", "Spearman", "10 %", "20 %", "goal")
WORDS = (
    "A search of a tenth (and a fifth) of all edits of a model, proxy and test part together: how far the layer "
    f"that it ends with is behind the best fixed layer of all of them, mean of {SEEDS} orders of the requests (95 "
    "% bootstrap interval over the orders). It begins with an estimate of the proxy requests, or with nothing. "
    "The goal was .01 at a tenth, on every model. *Lead*: of the best fixed layer over the second best; *noise*: "
    "standard deviation of a score about its layer's mean, the request's own mean taken off.\n"
)


def search(edits: Edits, estimates: Estimates) -> Iterator[str]:
    """A table of races, per model."""
    yield "## What the budgeted search finds with a tenth of the edits\n"
    yield WORDS
    yield from heading(COLUMNS)
    for model in edits.fingerprints:
        places = [place for place in edits.places() if (place.model, place.way) == (model, WAY)]
        found = [one for place in places if (one := whole(edits, place)) is not None]
        if found:
            place = places[0] if len(places) == 1 else Place(model, ALL, WAY)
            yield from _rows(model, found, dict(_beginnings(place, estimates)))
    yield ""


def _beginnings(place: Place, estimates: Estimates) -> Iterator[tuple[str, Floats | None]]:
    made = {one.name: one.values.mean(axis=0) for one in estimates.of(place, "proxy")}
    for name in BEGINNINGS:
        if name in made or name == NOTHING:
            yield name, made.get(name)


def _rows(model: str, found: list[Sweep], beginnings: dict[str, Floats | None]) -> Iterator[str]:
    scores = np.concatenate([one.score for one in found])
    pool = Pool(model, ALL, WAY, scores, found[0].layers)
    means = scores.mean(axis=0)
    lead = float(np.diff(np.sort(means))[-1])
    noise = float((scores - scores.mean(axis=1, keepdims=True) - means + means.mean()).std())
    size = f"{scores.shape[0]} x {scores.shape[1]}"
    for name, prior in beginnings.items():
        behind = [np.array([raced(pool, share, prior, seed)[0] for seed in range(SEEDS)]) for share in SHARES]
        rank = None if prior is None else spearman(prior, means)
        cells = [TITLES.get(model, model), size, f"{lead:.3f}", f"{noise:.2f}", name, number(rank)]
        cells += [_cell(values) for values in behind] + ["met" if behind[0].mean() <= 0.01 else "missed"]
        yield "| " + " | ".join(cells) + " |"


def _cell(behind: Floats) -> str:
    low, high = interval(resampled_means(behind, 2000, 0))
    return f"{behind.mean():.3f} [{low:.3f}, {high:.3f}]"
