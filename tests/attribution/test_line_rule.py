"""The rule that turns what one step does into a predicted score."""

import numpy as np
import pytest

from goldenlayers_core.attribution.edit_rule import CLAMP, kept_odds
from goldenlayers_core.attribution.line_rule import LINE_RULE, predict_line
from tests.attribution.test_edit_rule import effects


def leads(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 4, (6, 6))


def test_the_laws_by_hand():
    given, lead, rule = effects(), leads(), LINE_RULE
    seen = np.arcsinh(lead[:, 2])

    def sigma(odds: float) -> float:
        return 1 / (1 + np.exp(-odds))

    past = np.log(max(rule.overshoot * given.eta[0, 2] / given.size[0, 2] / CLAMP, 1))
    feasible = sigma(rule.feasible[0] + rule.feasible[1] * seen[0] - rule.feasible[2] * past)
    found = predict_line(given, lead)
    assert found.feasible[0, 2] == pytest.approx(feasible)
    rephrases = np.mean([sigma(rule.spread[0] + rule.spread[1] * seen[r]) for r in (2, 3)])
    assert found.spread[0, 2] == pytest.approx(feasible * rephrases)
    kept = rule.kept[0] + rule.kept[1] * seen[4] + rule.kept[2] * kept_odds(given)[4, 2]
    assert found.harm[0, 2] == pytest.approx(1 - sigma(kept))
    moved = feasible * sigma(rule.portability[0] + rule.portability[1] * seen[5])
    assert found.portability[0, 2] == pytest.approx(moved)
    parts = [found.feasible[0], found.spread[0], 1 - found.harm[0], found.portability[0]]
    np.testing.assert_allclose(found.score[0], np.mean(parts, axis=0))
    np.testing.assert_array_equal(found.score[1], found.feasible[1])  # it has no probe but its rewrite
    assert np.isnan(found.harm[1]).all()


def test_a_larger_lead_is_never_predicted_to_be_worse():
    given, lead = effects(), leads()
    low, high = predict_line(given, lead), predict_line(given, lead + 1)
    assert (high.feasible > low.feasible).all()
    assert (high.spread[0] > low.spread[0]).all()
    assert (high.harm[0] < low.harm[0]).all()
