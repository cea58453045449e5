"""What a sweep says: hand-made scores whose answers can be counted by hand."""

import numpy as np
import pytest

from goldenlayers_core.attribution.regret import losses
from goldenlayers_core.tasks.truth.judgement import (
    agreement,
    curve,
    difference,
    failures,
    left_out_regret,
    rivals,
    steadiness,
)
from tests.made_up import made_sweep

SCORES = np.array([[0.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.5, 0.5]])


def small(scores=SCORES, layers=(2, 4, 6)):
    return made_sweep(len(scores), layers=layers, n_layers=8, scores=scores)


def test_a_curve_is_the_mean_and_its_interval_holds_it():
    found = curve(small(), "score")
    assert found.mean.tolist() == [0.25, 0.875, 0.5]
    assert (found.interval[:, 0] <= found.mean).all()
    assert (found.interval[:, 1] >= found.mean).all()
    assert (found.n_requests, found.layers, found.n_layers) == (4, (2, 4, 6), 8)


def test_a_metric_without_probes_has_no_mean():
    found = curve(small(), "portability")
    assert found.n_requests == 0
    assert np.isnan(found.mean).all()


def test_differences_are_paired():
    apart = difference(small(), 4, 2)
    assert apart.mean == pytest.approx(0.625)
    assert apart.low <= 0.625 <= apart.high
    assert difference(small(), 4, 3) is None


def test_rivals_are_what_the_golden_layer_does_not_beat():
    many = np.tile(SCORES, (20, 1))
    sweep = small(np.hstack([many, many[:, 1:2]]), (2, 4, 6, 7))
    assert sweep.golden_layer == 4
    assert rivals(sweep) == (7,)


def test_shares_of_resamples_sum_to_one_and_favour_the_golden_layer():
    share = steadiness(small())
    assert share.sum() == pytest.approx(1)
    assert share.argmax() == 1


def test_the_left_out_regret_is_chosen_without_the_request_it_judges():
    scores = small().score
    by_hand = []
    for q in range(4):
        others = np.delete(scores, q, axis=0).mean(axis=0)
        by_hand.append(losses(scores)[q, others.argmax()])
    assert left_out_regret(small()) == pytest.approx(np.mean(by_hand))
    assert left_out_regret(small(SCORES[:1])) is None


def test_equal_hits_in_another_order_are_a_tie():
    thirds = np.array([[0.3, 0.1], [0.2, 0.2], [0.1, 0.3]])  # summed in another order the last bit differs
    assert made_sweep(3, layers=(0, 1), n_layers=2, scores=thirds).golden_layer == 0


def test_failures_are_the_worst_first():
    assert list(failures(small(), 6)) == [2, 0, 3]
    assert list(failures(small(), 4)) == [3]


def test_an_estimate_that_reverses_the_layers_correlates_minus_one():
    sweep = small()
    totals = np.zeros(8)
    totals[[2, 4, 6]] = -sweep.score.mean(axis=0)
    found = agreement(sweep, totals, 2, "LGA", 4)
    assert found.correlation == pytest.approx(-1)
    assert found.low <= found.high <= 1
    assert found.to_frame()["real_rank"].tolist() == [3, 1, 2]
