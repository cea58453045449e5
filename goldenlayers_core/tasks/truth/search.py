"""The budgeted search: the golden layer by real edits within a time budget; every pair is kept, and none made twice."""

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenlayers_core.attribution.search import Race
from goldenlayers_core.results import Floats, SearchResult, SearchRound
from goldenlayers_core.runtime import Progress, Store
from goldenlayers_core.tasks.manifest import provenance_of
from goldenlayers_core.tasks.questions import SearchQuestion
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.stored_sweep import SWEEP_VERSION
from goldenlayers_core.tasks.truth.sweep import Bed, open_bed
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_FIRST_GUESS: Final = 0.5  # seconds per pair, until the first is measured
_PRIORS: Final = ("edit-aware",)  # methods of score runs; LGA is no prior: it may rank layers the wrong way round


def search(bench: "Workbench", question: SearchQuestion, progress: Progress) -> str:
    """Run the race and store it; returns the run's id. Raises a GoldenLayersError of one sentence."""
    return save_search(bench.store, question, search_result(bench, question, progress))


def search_result(bench: "Workbench", question: SearchQuestion, progress: Progress) -> SearchResult:
    """Rounds of real edits until one layer is left, the time is up, or the requests have run out."""
    start = time.monotonic()
    bed = open_bed(bench, question, progress)
    layers = question.layers or tuple(range(bed.handle.n_layers))
    for layer in layers:
        bed.handle.check_layer(layer)
    prior, words = stored_prior(bench.store, bed.handle.fingerprint, layers)
    race = Race(len(bed.requests), layers, prior, seed=question.seed)
    cost, pairs, edited, rounds = _cost(bed), 0, 0, []
    while not race.over:
        left = question.seconds - (time.monotonic() - start)
        if race.standings and left <= 0:
            break
        began = time.monotonic()
        asked, among = race.ask(max(left, 0.0) / race.rounds_left / cost)
        part = _Part(progress, len(race.standings), race.n_rounds, start, question.seconds)
        computed = bed.measure([bed.requests[i] for i in asked], among, part)
        standing = race.tell(_scores(bed, asked, among))
        spent, pairs, edited = time.monotonic() - began, pairs + len(asked) * len(among), edited + computed
        cost = spent / computed if computed else cost
        rounds.append(SearchRound(standing.layers, standing.n_requests, standing.means, standing.kept, spent))
    found = _result(bed, question, race, tuple(rounds), words, pairs, time.monotonic() - start)
    return dataclasses.replace(found, n_computed=edited, seconds_per_edit=_cost(bed))


class _Part(Progress):
    """Progress of one round as a part of the whole race, in rounds: of the work or of the time, whichever is further.

    A round that measures more than the last one did takes longer, but the time budget ends the race all the same.
    """

    def __init__(self, whole: Progress, place: int, count: int, start: float, budget: float) -> None:
        super().__init__()
        self.whole, self.place, self.count = whole, place, count
        self.start, self.budget = start, budget  # seconds, on the monotonic clock

    def update(self, done: float, total: int, note: str = "") -> None:
        """Report to the whole, in rounds."""
        share = done / total if total else 1.0
        spent = min((time.monotonic() - self.start) / max(self.budget, 1e-9), 1.0)
        reached = max(self.place + share, self.count * spent)
        self.whole.update(reached, self.count, f"Round {self.place + 1} of {self.count}: {note}")

    def check(self) -> None:
        """Raises Cancelled when the whole was cancelled."""
        self.whole.check()


def stored_prior(store: Store, fingerprint: str, layers: tuple[int, ...]) -> tuple[Floats | None, str]:
    """(L,) mean predicted scores of the newest edit-aware run of these weights, and what that is in words."""
    for run in store.runs():
        if run.kind == "score" and run.fingerprint == fingerprint and run.word("method") in _PRIORS:
            values = open_scores(store, run.run_id)[0].values.mean(axis=0)
            return np.asarray(
                values[list(layers)]
            ), f"edit-aware analysis of {run.n_requests} requests of {run.dataset}"
    return None, "none"


def _cost(bed: Bed) -> float:
    """Seconds per pair, as measured before with this model and method; a guess where nothing was."""
    rows = bed.rows()
    known = rows.loc[rows.index.get_level_values("layer") >= 0, "seconds"] if len(rows) else rows.get("seconds")
    return float(known.mean()) if known is not None and len(known) else _FIRST_GUESS


def _scores(bed: Bed, asked: tuple[int, ...], among: tuple[int, ...]) -> Floats:
    """(requests, layers) real scores of pairs that are in the store."""
    part = dataclasses.replace(bed, requests=tuple(bed.requests[i] for i in asked))
    return part.result(among, 0.0, 0).score


def _result(
    bed: Bed,
    question: SearchQuestion,
    race: Race,
    rounds: tuple[SearchRound, ...],
    words: str,
    pairs: int,
    seconds: float,
) -> SearchResult:
    lead = race.lead()
    return SearchResult(
        method=bed.method.name,
        model=bed.handle.name,
        fingerprint=bed.handle.fingerprint,
        dataset=bed.words,
        config=json.dumps(vars(bed.config), sort_keys=True),
        layers=race.layers,
        n_layers=bed.handle.n_layers,
        n_pool=len(bed.requests),
        rounds=rounds,
        golden_layer=race.golden_layer,
        confidence=race.confidence().get(race.golden_layer, 0.0),
        rival=lead[0] if lead else None,
        lead=lead[1:] if lead else None,
        prior=words,
        budget=question.seconds,
        seconds=seconds,
        n_pairs=pairs,
        seed=question.seed,
        finished=race.over,
        provenance={**provenance_of(bed.handle), "code": SWEEP_VERSION, "judgement": JUDGEMENT},
    )
