"""Two sweeps beside each other: on what they share, and where they share nothing."""

import dataclasses

import numpy as np
import pytest

from goldenlayers_core.tasks.truth.compared import compared
from tests.made_up import made_sweep

SCORES = np.array([[1.0, 0.5, 0.0], [0.8, 0.6, 0.2], [0.0, 0.9, 0.9]])


def swept(scores: np.ndarray, digests: tuple[str, ...], **more: object):
    made = made_sweep(len(scores), layers=(0, 1, 2), n_layers=3, scores=scores)
    return dataclasses.replace(made, request_digests=digests, **more)  # type: ignore[arg-type]


def test_shared_requests_alone_are_compared_and_each_layer_is_judged_by_the_other():
    a = swept(SCORES, ("p", "q", "only a"))
    b = swept(SCORES[[1, 0]][:, ::-1], ("q", "p"), method="emmet")
    found = compared(a, b)
    assert (found.n_shared, found.n_requests) == (2, (3, 2))
    assert found.golden == (0, 2)  # a alone would be (0.6, 0.67, 0.37): layer 1
    assert a.golden_layer == 1
    assert found.curves[0].mean == pytest.approx(found.curves[1].mean[::-1])
    mine, theirs = found.carried
    assert mine is not None
    assert theirs is not None
    assert (mine.layer, mine.mean) == (0, pytest.approx(0.8))
    assert (theirs.layer, theirs.mean) == (2, pytest.approx(0.8))
    assert mine.low <= mine.mean <= mine.high
    assert found.correlation == pytest.approx(-1.0)
    assert (found.same_model, found.same_method) == (True, False)
    assert len(found.to_frame()) == 6


def test_sweeps_that_share_nothing_stand_for_their_own_requests():
    found = compared(swept(SCORES, ("p", "q", "r")), swept(SCORES[:2], ("s", "t")))
    assert found.n_shared == 0
    assert found.golden == (1, 0)
    assert found.same_method


def test_models_of_other_depths_and_layers_not_measured_carry_nothing():
    other = made_sweep(4, layers=tuple(range(18)), n_layers=18, fingerprint="g" * 32)
    found = compared(swept(SCORES, ("p", "q", "r")), other)
    assert found.carried == (None, None)
    assert (found.correlation, found.n_layers, found.same_model) == (None, 0, False)
    some = dataclasses.replace(made_sweep(3, layers=(1,), n_layers=3))
    carried, back = compared(swept(SCORES[:2], ("p", "q")), some).carried
    assert carried is None  # layer 0 was not measured there
    assert back is not None
    assert back.layer == 1
