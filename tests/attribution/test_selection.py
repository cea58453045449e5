"""Tukey fences, ranking, ties, bootstrap."""

import numpy as np
import pytest

from goldenlayers_core.attribution.selection import fences, golden_layers, select
from goldenlayers_core.attribution.standing import behind
from goldenlayers_core.errors import ConfigError, RequestError
from goldenlayers_core.records import SelectionConfig


def test_outliers_are_set_aside_and_the_rest_ranked_by_signed_sum():
    values = np.array([[1.0, 2.0, 3.0, 2.5, 100.0, -90.0]] * 4)
    found = select(values)
    assert found.outliers == (4, 5)
    assert found.golden_layer == 2
    assert found.ranking == (2, 3, 1, 0)
    assert found.raw_ranking == (4, 2, 3, 1, 0, 5)
    np.testing.assert_allclose(found.totals, 4 * values[0])


def test_fences_use_linear_quartiles_and_keep_the_bounds():
    totals = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    low, high = fences(totals, 1.0)
    assert (low, high) == (-1.0, 5.0)
    edge = np.array([0.0, 1.0, 2.0, 3.0, 5.0])  # Q1 1, Q3 3: the fences are -1 and 5, and 5 stays
    assert golden_layers(edge, 1.0) == 4


def test_ties_go_to_the_shallower_layer():
    found = select(np.array([[1.0, 3.0, 3.0, 1.0]]))
    assert found.golden_layer == 1
    assert found.ranking == (1, 2, 0, 3)


def test_negative_scores_are_not_made_positive():
    found = select(np.array([[-5.0, -4.0, -6.0, -5.5]]))
    assert found.golden_layer == 1
    assert found.ranking[-1] == 2


def test_layers_with_equal_scores_have_no_outliers():
    found = select(np.ones((3, 5)))
    assert found.outliers == ()
    assert found.golden_layer == 0
    assert found.stability == 1.0


def test_bootstrap_is_seeded_and_sums_to_one():
    values = np.random.default_rng(3).normal(size=(20, 8))
    a, b = (select(values, SelectionConfig(seed=7)) for _ in range(2))
    np.testing.assert_array_equal(a.pick_share, b.pick_share)
    assert a.pick_share.sum() == pytest.approx(1.0)
    assert not np.array_equal(a.pick_share, select(values, SelectionConfig(seed=8)).pick_share)
    assert (a.interval[:, 0] <= a.totals).all()
    assert (a.totals <= a.interval[:, 1]).all()


def test_bootstrap_agrees_with_a_plain_loop():
    values = np.random.default_rng(5).normal(size=(6, 7))
    config = SelectionConfig(n_resamples=50, seed=2)
    counts = np.random.default_rng(2).multinomial(6, np.full(6, 1 / 6), size=50)
    picks = []
    for row in counts:
        totals = np.repeat(values, row, axis=0).sum(axis=0)
        q1, q3 = np.percentile(totals, [25, 75])
        inside = [layer for layer in range(7) if q1 - (q3 - q1) <= totals[layer] <= q3 + (q3 - q1)]
        picks.append(max(inside, key=lambda layer: (totals[layer], -layer)))
    expected = np.bincount(picks, minlength=7) / 50
    np.testing.assert_allclose(select(values, config).pick_share, expected)


def test_a_clear_winner_is_stable_and_noise_is_not():
    noise = np.random.default_rng(0).normal(size=(16, 12))
    clear = noise * 0.01 + np.linspace(0, 1, 12)
    assert select(clear).stability > 0.95
    assert select(noise).stability < 0.9


def test_one_request_and_one_layer():
    found = select(np.array([[2.0]]))
    assert (found.golden_layer, found.ranking, found.outliers) == (0, (0,), ())


def test_a_fence_so_tight_that_nothing_is_inside_falls_back_to_the_raw_ranking():
    found = select(np.array([[0.0, 1.0]]), SelectionConfig(fence=1e-6))
    assert found.golden_layer == 1
    assert found.outliers == ()


@pytest.mark.parametrize("values", [np.zeros((0, 4)), np.zeros((4, 0)), np.zeros(3), np.array([[1.0, np.nan]])])
def test_no_or_broken_scores_are_refused(values):
    with pytest.raises(RequestError):
        select(values)


@pytest.mark.parametrize("settings", [{"fence": 0.0}, {"fence": float("nan")}, {"n_resamples": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError):
        SelectionConfig(**settings)


def test_frame_has_one_row_per_layer():
    frame = select(np.array([[1.0, 2.0, 3.0, 2.5, 100.0, -90.0]])).to_frame()
    assert list(frame["layer"]) == list(range(6))
    assert list(frame["set_aside"]) == [False] * 4 + [True] * 2
    assert frame["rank"].isna().tolist() == [False] * 4 + [True] * 2


def test_predicted_scores_are_averaged_and_nothing_is_set_aside():
    values = np.array([[0.1, 0.2, 0.9, 0.2], [0.2, 0.2, 0.7, 0.2]])
    assert 2 in select(values).outliers
    found = select(values, by="mean")
    assert (found.golden_layer, found.outliers, found.by) == (2, (), "mean")
    assert found.ranking == found.raw_ranking == (2, 1, 3, 0)
    np.testing.assert_allclose(found.totals, values.mean(axis=0))
    assert (found.interval[:, 0] <= found.totals).all()
    assert (found.totals <= found.interval[:, 1]).all()
    assert found.pick_share[2] == 1


def test_layers_of_equal_means_are_apart_by_nothing() -> None:
    scores = np.array([[0.1, 0.3], [0.2, 0.1], [0.3, 0.2]])  # sums in another order: 0.6 and 0.6000000000000001
    found = behind(scores, (0, 1), 0, 1)
    assert found is not None
    assert found.mean == 0.0
    assert str(found.mean) == "0.0"
