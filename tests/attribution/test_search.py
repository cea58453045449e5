"""The race: who is kept, what it spends, and that it finds the best layer where there is one to find."""

from collections.abc import Sequence

import numpy as np
import pytest

from goldenlayers_core.attribution.beliefs import believe
from goldenlayers_core.attribution.regret import golden_of, losses
from goldenlayers_core.attribution.search import FIRST, Race, thinned
from goldenlayers_core.errors import RequestError


def scores(seed: int, n_requests: int = 50, n_layers: int = 30, noise: float = 0.25) -> np.ndarray:
    """Like those of a real sweep: a smooth curve over the layers, and requests that differ."""
    random = np.random.default_rng(seed)
    layers = np.arange(n_layers)
    curve = 0.85 - 0.35 / (1 + np.exp(-(layers - 14) / 3)) - 0.1 * np.exp(-layers / 1.5)
    ease = random.normal(0, 0.15, (n_requests, 1))
    values: np.ndarray = np.clip(curve + ease + random.normal(0, noise, (n_requests, n_layers)), 0, 1)
    return values


def simulate(
    scores: np.ndarray,
    layers: Sequence[int],
    share: float,
    prior: np.ndarray | None = None,
    seed: int = 0,
    first: int = FIRST,
) -> tuple[int, int]:
    """(golden layer found, pairs spent) of a race over known (Q, L) scores with `share` of the full sweep's pairs."""
    race = Race(len(scores), layers, prior, seed, first)
    budget, spent = share * scores.size, 0
    while not race.over and spent < budget:
        requests, asked = race.ask((budget - spent) / race.rounds_left)
        columns = [list(layers).index(layer) for layer in asked]
        race.tell(scores[np.ix_(requests, columns)])
        spent += len(requests) * len(asked)
    return race.golden_layer, spent


def test_one_round_by_hand() -> None:
    race = Race(3, (2, 5, 7, 9), seed=0)
    assert race.n_rounds == 2
    asked, among = race.ask(0)
    assert len(asked) == FIRST  # every layer is edited with that many, whatever the budget
    assert among == (2, 5, 7, 9)
    standing = race.tell(np.array([[0.1, 0.9, 0.5, 0.2], [0.3, 0.7, 0.8, 0.2]]))
    assert standing.means == pytest.approx((0.2, 0.8, 0.65, 0.2))
    assert standing.kept == (5, 7)
    asked_next, among = race.ask(100)
    assert among == (5, 7)
    assert len(asked_next) == 1  # that is all there is
    assert set(asked) | set(asked_next) == {0, 1, 2}
    race.tell(np.array([[0.0, 1.0]]))
    assert race.over
    assert race.golden_layer == 7  # (0.5 + 0.8 + 1) / 3 against (0.9 + 0.7 + 0) / 3
    assert sum(race.confidence().values()) == pytest.approx(1.0)
    lead = race.lead()
    assert lead is not None
    assert lead[0] == 5
    assert lead[1] == pytest.approx((0.5 + 0.8 + 1.0 - 0.9 - 0.7) / 3)
    assert lead[2] <= lead[1] <= lead[3]


def test_within_a_fifth_of_the_cost_close_to_the_golden_layer() -> None:
    lost = []
    for seed in range(20):
        values = scores(seed)
        found, spent = simulate(values, range(30), 0.2, seed=seed)
        assert spent <= 0.2 * values.size
        mean = losses(values).mean(axis=0)
        lost.append(mean[found] - mean[golden_of(values, range(30))])
    assert np.mean(lost) < 0.03  # noise here is as large as between single requests of the bundled model


def test_a_sure_winner_is_found_with_the_least_budget() -> None:
    values = np.tile(np.linspace(0.9, 0.1, 16), (40, 1))
    for seed in range(5):
        assert simulate(values, range(16), 0.1, seed=seed)[0] == 0


def test_a_prior_helps_when_right_and_is_overruled_when_wrong() -> None:
    def mean_loss(prior: np.ndarray | None) -> float:
        found = []
        for seed in range(60):
            values = scores(seed, noise=0.35)
            layer, _ = simulate(values, range(30), 0.15, prior, seed)
            found.append(losses(values).mean(axis=0)[layer])
        return float(np.mean(found))

    curve = scores(0, 4000, noise=0.0).mean(axis=0)
    assert mean_loss(curve) < mean_loss(None)
    assert mean_loss(-curve) < mean_loss(None) + 0.05
    assert simulate(scores(1), range(30), 0.2, np.zeros(30), 1) == simulate(scores(1), range(30), 0.2, None, 1)


def test_at_a_tenth_of_the_edits_a_prior_brings_it_close_and_a_reversed_one_costs_nothing() -> None:
    def behind(prior: np.ndarray | None) -> float:
        lost = []
        for seed in range(20):
            values = scores(seed)
            found, spent = simulate(values, range(30), 0.1, prior, seed, first=1)
            assert spent <= 0.1 * values.size
            mean = values.mean(axis=0)
            lost.append(mean.max() - mean[found])
        return float(np.mean(lost))

    curve = scores(0, 4000, noise=0.0).mean(axis=0)
    none = behind(None)
    assert behind(curve) < min(none, 0.015)
    assert behind(-curve) < none + 0.005
    noisy = curve + np.random.default_rng(3).normal(0, curve.std() / 2, 30)
    assert max(behind(noisy), behind(-noisy)) < none + 0.01


def test_what_is_believed_of_a_layer_comes_from_its_neighbours_the_estimate_and_the_edits() -> None:
    layers, nothing = tuple(range(12)), np.full((1, 12), np.nan)
    estimate = np.linspace(1.0, 0.0, 12)
    assert believe(nothing, layers).mean == pytest.approx(np.zeros(12))
    assert np.argsort(-believe(nothing, layers, estimate).mean).tolist() == list(layers)
    seen = nothing.copy()
    seen[0, [3, 9]] = 0.9, 0.3  # one request at two layers
    mean = believe(seen, layers).mean
    assert mean[3] > mean[4] > mean[8] > mean[9]
    easier = believe(seen + 0.1, layers).mean  # an easier request says the same
    assert easier == pytest.approx(mean)
    reversed_ = np.tile(np.linspace(0.0, 1.0, 12), (6, 1)) + np.random.default_rng(0).normal(0, 0.1, (6, 12))
    assert int(believe(reversed_, layers, estimate).mean.argmax()) >= 10
    useless = np.full(12, np.inf)
    assert believe(seen, layers, useless).mean == pytest.approx(mean)
    share = believe(reversed_, layers).best_share()
    assert share.sum() == pytest.approx(1.0)
    assert share[9:].sum() > 0.8


def test_a_round_that_the_time_cut_short_counts_as_far_as_it_went() -> None:
    race = Race(6, (0, 1, 2, 3), seed=0)
    asked, _ = race.ask(16)
    scores = np.full((len(asked), 4), np.nan)
    scores[:, 2], scores[0, 3] = 0.9, 0.1
    standing = race.tell(scores)
    assert race.cut
    assert (standing.layers, standing.n_requests) == ((2, 3), len(asked))
    assert standing.means == pytest.approx((0.9, 0.1))
    assert race.golden_layer == 2
    lead = race.lead()
    assert lead is not None
    assert lead[:2] == (3, pytest.approx(0.8))  # over the one request that both have
    only = Race(6, (0, 1, 2, 3), np.array([0.0, 0.0, 1.0, 0.0]))
    assert only.golden_layer == 2  # before any edit, the prior's
    only.tell(np.array([[0.5, np.nan, np.nan, np.nan]]))
    assert only.golden_layer == 0  # afterwards none that was not edited
    assert only.lead() is None


def test_the_confidence_is_kept_as_a_promise() -> None:
    """Where it says 60 %, the layer is the pool's best one, or level with it, about as often."""
    said, kept = [], []
    for seed in range(40):
        values = scores(seed, n_requests=400)
        race = Race(400, range(30), seed=seed, first=1)
        while not race.over:
            asked, layers = race.ask(40)
            race.tell(values[np.ix_(asked, list(layers))])
        said.append(race.confidence()[race.golden_layer])
        expected = values.mean(axis=0)
        kept.append(expected[race.golden_layer] >= expected.max() - 0.01)
    assert np.mean(said) < np.mean(kept) + 0.1


def test_nothing_to_race_is_refused() -> None:
    with pytest.raises(RequestError, match="at least"):
        Race(0, (1, 2))
    with pytest.raises(RequestError, match="at least"):
        Race(2, ())


def test_layers_that_there_is_no_time_for_are_left_out_evenly():
    assert thinned(tuple(range(30)), 99.0) == tuple(range(30))
    assert thinned(tuple(range(30)), 3.9) == (5, 15, 25)
    assert thinned((4, 7, 9), 0.0) == (7,)
