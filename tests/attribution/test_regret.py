"""Regret against the per-request oracle, ties, and the bootstrap."""

import numpy as np
import pytest

from goldenlayers_core.attribution.regret import (
    best_share,
    golden_of,
    golden_share,
    losses,
    oracle_layers,
    regret,
)
from goldenlayers_core.errors import RequestError

SCORES = np.array([[1.0, 0.5, 0.0], [0.5, 0.5, 0.25], [0.0, 1.0, 0.5], [1.0, 1.0, 0.0]])
LAYERS = (0, 4, 8)


def test_regret_by_hand() -> None:
    found = regret(SCORES, LAYERS, 4)
    assert found is not None
    assert found.mean == pytest.approx((0.5 + 0 + 0 + 0) / 4)
    assert found.score == pytest.approx(0.75)
    assert 0.0 <= found.low <= found.mean <= found.high <= 0.5
    assert found.n_requests == 4
    assert regret(SCORES, LAYERS, 5) is None
    assert golden_of(SCORES, LAYERS) == 4
    np.testing.assert_allclose(losses(SCORES).mean(axis=0), [0.25, 0.125, 0.6875])


def test_ties_are_shown_as_ties() -> None:
    assert oracle_layers(SCORES, LAYERS) == ((0,), (0, 4), (4,), (0, 4))
    np.testing.assert_allclose(best_share(SCORES), [0.75, 0.75, 0.0])
    assert best_share(SCORES, epsilon=0.25)[2] == pytest.approx(0.25)
    assert golden_of(np.ones((2, 3)), LAYERS) == 0  # the shallower one


def test_bootstrap_is_seeded_and_tells_a_sure_choice_from_an_unsure_one() -> None:
    sure = np.tile([0.1, 0.9, 0.2], (20, 1)) + np.random.default_rng(0).normal(0, 0.05, (20, 3))
    assert golden_share(sure)[1] == 1.0
    unsure = golden_share(SCORES)
    assert unsure.sum() == pytest.approx(1.0)
    assert 0.05 < unsure[0] < 0.95
    np.testing.assert_array_equal(golden_share(SCORES, seed=3), golden_share(SCORES, seed=3))
    one, other = regret(SCORES, LAYERS, 0, seed=1), regret(SCORES, LAYERS, 0, seed=1)
    assert one == other


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(RequestError, match="at least one request"):
        losses(np.zeros((0, 3)))
