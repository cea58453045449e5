"""The smallest change that meets several demands: by brute force, and where there is none."""

import numpy as np
import pytest
import torch

from goldenlayers_core.attribution.least_change import MOST_PARTS, smallest_change
from tests.attribution.test_edit_aware import least


def case(seed: int, parts: int, pull: float, width: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Three values with gradients that share a direction, or pull apart (`pull` -1), of very different lengths."""
    random = np.random.default_rng(seed)
    common = random.normal(size=width)
    signs = np.where(np.arange(parts) % 2, pull, 1.0)[:, None]
    gradients = random.normal(size=(3, parts, width)) + 2 * signs * common
    gradients *= 10.0 ** random.uniform(-3, 3, (3, parts, 1))
    return torch.tensor(gradients), torch.tensor(random.uniform(0, 6, (3, parts)))


@pytest.mark.parametrize("parts", range(1, MOST_PARTS + 1))
@pytest.mark.parametrize("pull", [-1.0, 0.0, 1.0])
def test_equals_brute_force(parts, pull):
    for seed in range(3):
        gradients, falls = case(seed, parts, pull)
        found = smallest_change(gradients, falls)
        scale = gradients.norm(dim=2, keepdim=True)
        for one, wide, fall, size in zip(found, gradients, falls, scale, strict=True):
            expected = least((wide / size).numpy(), (fall / size[:, 0]).numpy())
            np.testing.assert_allclose(one.numpy(), expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
            assert (-(wide @ one) >= fall * (1 - 1e-6) - 1e-9).all()


def test_one_demand_goes_straight_down_its_gradient():
    gradients, falls = case(0, 1, 1.0)
    found = smallest_change(gradients, falls)
    g = gradients[:, 0]
    torch.testing.assert_close(found, -falls * g / (g * g).sum(dim=1, keepdim=True))


def test_a_demand_that_the_others_meet_costs_nothing():
    gradients, falls = case(1, 2, 1.0)
    falls[:, 1] = 0.0
    alone = smallest_change(gradients[:, :1], falls[:, :1])
    meets = (-(gradients[:, 1] * alone).sum(dim=1)) >= 0
    assert meets.any()
    torch.testing.assert_close(smallest_change(gradients, falls)[meets], alone[meets])


def test_a_part_that_is_not_there_is_no_condition_and_opposite_demands_have_no_answer():
    g = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]])
    found = smallest_change(g, torch.tensor([[2.0, 0.0], [1.0, 1.0], [1.0, 1.0]]))
    torch.testing.assert_close(found[0], torch.tensor([-2.0, 0.0], dtype=torch.float64))
    assert found[1:].isnan().all()
    assert not smallest_change(g[:1], torch.zeros(1, 2)).any()  # nothing is asked for
