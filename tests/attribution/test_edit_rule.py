"""The rule that turns first-order effects into a predicted score."""

import dataclasses

import numpy as np
import pytest

from goldenlayers_core.attribution.edit_rule import CLAMP, RULE, Rule, predict
from goldenlayers_core.attribution.effects import Effects

KINDS = ("rewrite", "rewrite", "rephrase", "rephrase", "locality", "portability")


def effects(seed: int = 0, layers: int = 6) -> Effects:
    """Two requests; the first has two rephrases, a locality and a portability probe, the second only its rewrite."""
    random = np.random.default_rng(seed)
    size = random.uniform(5, 50, (2, layers))
    return Effects(
        indices=(3, 7),
        eta=size * random.uniform(0.3, 3, (2, layers)),
        size=size,
        owners=np.array([0, 1, 0, 0, 0, 0]),
        kinds=KINDS,
        loss=random.uniform(1, 8, 6),
        margin=random.uniform(0, 6, 6),
        slope=random.normal(0, 0.2, (6, layers)),
        bound=random.uniform(0.2, 0.5, (6, layers)),
        n_tokens=40,
    )


def test_the_score_is_the_mean_over_the_kinds_of_probe_a_request_has():
    found = predict(effects())
    assert found.score.shape == (2, 6)
    parts = np.stack([found.feasible[0], found.spread[0], 1 - found.harm[0], found.portability[0]])
    np.testing.assert_allclose(found.score[0], parts.mean(axis=0))
    assert ((parts > 0) & (parts < 1)).all()
    np.testing.assert_array_equal(found.score[1], found.feasible[1])
    for missing in (found.spread, found.harm, found.portability):
        assert np.isnan(missing[1]).all()


def test_the_laws_by_hand():
    given = effects()
    need = given.eta[0, 2] / given.size[0, 2]
    length = given.size[0, 2] * min(RULE.overshoot * need, CLAMP)
    past = np.log(max(RULE.overshoot * need / CLAMP, 1))
    feasible = 1 / (1 + np.exp(-(RULE.feasible[0] - RULE.feasible[1] * past)))
    b, c = RULE.spread, RULE.kept
    rephrases = [b[0] + b[1] * np.arcsinh(given.slope[r, 2] * length) - b[2] * given.margin[r] for r in (2, 3)]
    kept = c[0] + c[1] * np.arcsinh(given.slope[4, 2] * length) + c[2] * given.margin[4]
    kept -= c[3] * np.log1p(given.bound[4, 2] * length)
    found = predict(given)
    assert found.feasible[0, 2] == pytest.approx(feasible)
    assert found.spread[0, 2] == pytest.approx(feasible * np.mean([1 / (1 + np.exp(-z)) for z in rephrases]))
    assert found.harm[0, 2] == pytest.approx(1 - 1 / (1 + np.exp(-kept)))


def test_the_unit_of_the_activations_does_not_matter():
    given = effects()
    longer = {name: getattr(given, name) * 7 for name in ("eta", "size")}
    flatter = {name: getattr(given, name) / 7 for name in ("slope", "bound")}
    scaled = dataclasses.replace(given, **longer, **flatter)
    np.testing.assert_allclose(predict(scaled).score, predict(given).score)


def test_a_layer_that_does_not_reach_the_answer_is_infeasible_harmless_and_finite():
    given = effects()
    eta, slope = given.eta.copy(), given.slope.copy()
    eta[:, -1], slope[:, -1] = np.inf, 0
    found = predict(dataclasses.replace(given, eta=eta, slope=slope))
    assert np.isfinite(found.score).all()
    assert found.feasible[0, -1] < found.feasible[0, :-1].min()
    assert found.harm[0, -1] < 0.5


def test_beyond_the_clamp_the_edit_grows_no_longer():
    given = effects()
    at, beyond = (dataclasses.replace(given, eta=given.size * factor) for factor in (CLAMP, 10 * CLAMP))
    np.testing.assert_allclose(predict(beyond).harm[0], predict(at).harm[0])
    assert (predict(beyond).feasible < predict(at).feasible).all()


def test_more_reach_spreads_more_and_harms_more():
    rule = Rule(2.0, (3.0, 0.5), (-1.0, 2.0, 0.2), (1.0, 2.0, 0.2, 0.3), (-1.0, 2.0, 1.0))
    given = effects()
    signs = np.array([1, 1, 1, 1, -1, 1])[:, None]
    weak = dataclasses.replace(given, slope=np.abs(given.slope) * signs)
    strong = dataclasses.replace(weak, slope=2 * weak.slope)
    assert (predict(strong, rule).spread[0] > predict(weak, rule).spread[0]).all()
    assert (predict(strong, rule).harm[0] > predict(weak, rule).harm[0]).all()


def test_a_need_that_the_clamp_allows_is_as_good_as_none():
    given = effects()
    easy, easier = (dataclasses.replace(given, eta=given.size * need) for need in (1.4, 0.1))
    np.testing.assert_allclose(predict(easy).feasible, predict(easier).feasible)
