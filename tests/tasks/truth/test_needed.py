"""How many requests a golden layer needs: by hand, by enumeration, and where a sweep cannot say."""

from itertools import product

import numpy as np
import pytest

from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.tasks.truth.needed import FEWEST, advised, chances, requests_needed
from tests.made_up import made_sweep


def test_the_chance_is_that_of_every_sample_there_is():
    scores = np.array([[1.0, 0.0, 0.96], [0.0, 1.0, 0.2], [0.9, 0.4, 0.9]])
    behind = scores.mean(axis=0).max() - scores.mean(axis=0)  # layer 2 is the best, layer 0 0.053 behind it
    found = chances(scores, (1, 2), (0.01, 0.06), n_resamples=20_000)
    for place, number in enumerate((1, 2)):
        picks = [scores[list(rows)].mean(axis=0).round(9).argmax() for rows in product(range(3), repeat=number)]
        for w, margin in enumerate((0.01, 0.06)):
            assert found[w, place] == pytest.approx(np.mean(behind[picks] <= margin), abs=0.015)


def test_more_requests_choose_better_and_the_fewest_that_are_enough_are_named():
    random = np.random.default_rng(0)
    scores = np.clip(np.linspace(0.7, 0.2, 12) + random.normal(0, 0.25, (48, 12)), 0, 1)
    found = requests_needed(made_sweep(48, layers=tuple(range(12)), n_layers=12, scores=scores))
    assert found is not None
    assert found.numbers == (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
    narrow, wide = found.chance
    assert (narrow <= wide).all()
    assert wide[-1] > wide[0]
    assert found.enough is not None
    place = found.numbers.index(found.enough)
    assert (wide[place:] >= found.wanted).all()
    assert place == 0 or wide[place - 1] < found.wanted
    assert advised(found) == max(found.enough, FEWEST)
    frame = found.to_frame()
    assert list(frame) == ["requests", "within_0.01", "within_0.05"]
    assert len(frame) == len(found.numbers)
    again = requests_needed(made_sweep(48, layers=tuple(range(12)), n_layers=12, scores=scores))
    assert again is not None
    assert again.chance.tolist() == found.chance.tolist()


def test_where_those_swept_are_not_enough_twice_as_many_are_advised():
    scores = np.eye(10)  # every request has another best layer, and no layer is better than the others
    scores[:, 0] += np.where(np.arange(10) == 0, 0.0, 0.08)
    found = requests_needed(made_sweep(10, layers=tuple(range(10)), n_layers=10, scores=scores))
    assert found is not None
    assert found.enough is None
    assert advised(found) == 20


def test_few_requests_or_a_single_layer_say_nothing():
    assert requests_needed(made_sweep(FEW - 1)) is None  # which the recommendation calls too few to tell
    assert requests_needed(made_sweep(12, layers=(3,))) is None
    assert requests_needed(made_sweep(FEW)) is not None
