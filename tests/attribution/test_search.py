"""The race: who is kept, what it spends, and that it finds the best layer where there is one to find."""

from collections.abc import Sequence

import numpy as np
import pytest

from goldenlayers_core.attribution.regret import golden_of, losses
from goldenlayers_core.attribution.search import FIRST, Race
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
    scores: np.ndarray, layers: Sequence[int], share: float, prior: np.ndarray | None = None, seed: int = 0
) -> tuple[int, int]:
    """(golden layer found, pairs spent) of a race over known (Q, L) scores with `share` of the full sweep's pairs."""
    race = Race(len(scores), layers, prior, seed)
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
        for seed in range(30):
            values = scores(seed, noise=0.35)
            layer, _ = simulate(values, range(30), 0.15, prior, seed)
            found.append(losses(values).mean(axis=0)[layer])
        return float(np.mean(found))

    curve = scores(0, 4000, noise=0.0).mean(axis=0)
    assert mean_loss(curve) < mean_loss(None)
    assert mean_loss(-curve) < mean_loss(None) + 0.05
    assert simulate(scores(1), range(30), 0.2, np.zeros(30), 1) == simulate(scores(1), range(30), 0.2, None, 1)


def test_nothing_to_race_is_refused() -> None:
    with pytest.raises(RequestError, match="at least"):
        Race(0, (1, 2))
    with pytest.raises(RequestError, match="at least"):
        Race(2, ())
