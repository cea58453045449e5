"""The budgeted search: the golden layer by real edits within a time budget; every pair is kept, and none made twice.

The budget runs from when the model and the requests are ready. It is kept to within a tenth or one edit, whichever is
longer: no edit is begun after it, nor one that would outlast it by more, and what outlasts it all the same is given up.
"""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenlayers_core.attribution.search import FIRST, Race, thinned
from goldenlayers_core.results import SearchResult, SearchRound
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.manifest import provenance_of
from goldenlayers_core.tasks.questions import SearchQuestion
from goldenlayers_core.tasks.truth.clock import GRACE, Clock, TimeUp
from goldenlayers_core.tasks.truth.estimates import written_with
from goldenlayers_core.tasks.truth.prior import Prior, made_prior, stored_prior
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.stored_sweep import SWEEP_VERSION
from goldenlayers_core.tasks.truth.sweep import Bed, open_bed
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_COMPARABLE: Final = 2  # edits that a further round needs: a single layer's compares nothing
_TOGETHER: Final = 8  # requests whose edits at a layer are usually made in one batch


def search(bench: "Workbench", question: SearchQuestion, progress: Progress) -> str:
    """Run the race and store it; returns the run's id. Raises a GoldenLayersError of one sentence."""
    return save_search(bench.store, question, search_result(bench, question, progress))


def search_result(bench: "Workbench", question: SearchQuestion, progress: Progress) -> SearchResult:
    """Rounds of real edits until one layer is left, the time is up, or the requests have run out."""
    loading = Clock(0.0)
    bed = open_bed(bench, question, progress)
    layers = question.layers or tuple(range(bed.handle.n_layers))
    for layer in layers:
        bed.handle.check_layer(layer)
    spent = _Spent(loading=loading.spent)
    clock = Clock(question.seconds)
    prior = stored_prior(bench.store, bed.handle.fingerprint, layers, written_with(question))
    race = Race(len(bed.requests), layers, seed=question.seed)
    cost = _cost(bed) or _pilot(bed, race, progress, spent)
    if prior.values is None:
        before = clock.spent
        prior = made_prior(bench, question, layers, cost, progress)
        spent.estimating = clock.spent - before
    race.prior = prior.values
    race.first = FIRST if clock.left / cost >= 4 * FIRST * len(layers) else 1
    while not race.over and (clock.left > 0 or not race.standings):
        if not _round(bed, race, clock, cost, progress, spent):
            break
        cost = spent.rounds[-1].seconds / spent.last if spent.last else cost
    return _result(bed, question, race, prior, spent, clock.spent)


@dataclass
class _Spent:
    """What a search has taken so far."""

    loading: float = 0.0  # seconds, before the budget began to run
    estimating: float = 0.0
    pairs: int = 0
    computed: int = 0
    last: int = 0  # computed in the last round
    rounds: tuple[SearchRound, ...] = ()


def _round(bed: Bed, race: Race, clock: Clock, cost: float, progress: Progress, spent: _Spent) -> bool:
    """One round of the race; whether there is time for another."""
    began, edits = time.monotonic(), max(clock.left, 0.0) / cost
    if race.standings and edits < _COMPARABLE:
        return False
    asked, among = race.ask(edits / race.rounds_left)
    requests = [bed.requests[i] for i in asked]
    part = _Part(progress, len(race.standings), race.n_rounds, clock.start, clock.seconds)
    part.cost, part.batch, part.must = cost, cost * min(len(asked), _TOGETHER), not spent.pairs
    up = False
    try:
        bed.measure(requests, thinned(among, edits / len(asked)), part)
    except TimeUp:
        up = True
    scores = bed.scores(requests, among)
    spent.last, spent.computed = part.measured, spent.computed + part.measured
    if np.isnan(scores).all():
        return False
    spent.pairs += int((~np.isnan(scores)).sum())
    standing = race.tell(scores)
    seconds = time.monotonic() - began
    spent.rounds += (SearchRound(standing.layers, standing.n_requests, standing.means, standing.kept, seconds),)
    return not up


class _Part(Progress):
    """Progress of one round as a part of the whole race, in rounds: of the work or of the time, whichever is further.

    A round that measures more than the last one did takes longer, but the time budget ends the race all the same: no
    batch of edits begins after it, or where it would outlast it by more than a tenth; one under way may take an edit.
    """

    def __init__(self, whole: Progress, place: int, count: int, start: float, budget: float) -> None:
        super().__init__()
        self.whole, self.place, self.count = whole, place, count
        self.start, self.budget = start, budget  # seconds, on the monotonic clock
        self.cost = self.batch = 0.0  # expected seconds of an edit, and of the edits that are made together
        self.must = False  # whether one edit has to be made, whatever the time
        self.measured, self.known = 0, -1.0  # pairs measured now; pairs that were in the store
        self.between = True  # whether the last batch is done and the next one not begun

    def update(self, done: float, total: int, note: str = "") -> None:
        """Report to the whole, in rounds. Raises Cancelled; a batch that is measured is never given up."""
        self.known = done if self.known < 0 else self.known
        self.measured, self.between = round(done - self.known), True
        share = done / total if total else 1.0
        spent = min((time.monotonic() - self.start) / max(self.budget, 1e-9), 1.0)
        reached = max(self.place + share, self.count * spent)
        words = note if spent < 1 else "finishing what is under way"
        self.whole.update(reached, self.count, f"Round {self.place + 1} of {self.count}: {words}")

    def check(self) -> None:
        """Raises Cancelled when the whole was cancelled, TimeUp when the budget says so."""
        self.whole.check()
        between, self.between = self.between, False
        if self.must and not self.measured:
            return
        left, tenth = self.start + self.budget - time.monotonic(), GRACE * self.budget
        if left < -max(tenth, self.cost) or (between and (left <= 0 or left + tenth < self.batch)):
            raise TimeUp("The time of the search is up.")


def _cost(bed: Bed) -> float:
    """Seconds per pair, as measured before with this model and method; 0 where nothing was."""
    rows = bed.rows()
    if not len(rows):
        return 0.0
    known = rows.loc[rows.index.get_level_values("layer") >= 0, "seconds"]
    return float(known.mean()) if len(known) else 0.0


def _pilot(bed: Bed, race: Race, progress: Progress, spent: _Spent) -> float:
    """Seconds of the first edit, by which the rounds are planned; it is one that the race needs anyway.

    The model is read for the first time, too: that counts as one more edit at most.
    """
    began = time.monotonic()
    spent.computed += bed.measure([bed.requests[race.order[0]]], thinned(race.layers, 1), progress)
    return min(time.monotonic() - began, 2 * _cost(bed))


def _result(
    bed: Bed, question: SearchQuestion, race: Race, prior: Prior, spent: _Spent, seconds: float
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
        rounds=spent.rounds,
        golden_layer=race.golden_layer,
        confidence=race.confidence()[race.golden_layer],
        rival=lead[0] if lead else None,
        lead=lead[1:] if lead else None,
        prior=prior.words,
        budget=question.seconds,
        seconds=seconds,
        n_pairs=spent.pairs,
        seed=question.seed,
        finished=race.over and not race.cut,
        provenance={**provenance_of(bed.handle), "code": SWEEP_VERSION, "judgement": JUDGEMENT},
        n_computed=spent.computed,
        seconds_per_edit=_cost(bed),
        loading=spent.loading,
        estimating=spent.estimating,
        neighbours=True,
    )
