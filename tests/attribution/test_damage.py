"""Damage without probes: A and B equal plain autograd, and the product is the divergence where nothing is left out."""

import pytest
import torch

from goldenlayers_core.attribution.damage import Curvature, curvatures
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import change_outputs, hooks_on, record_inputs
from tests.attribution.test_lga import KeepDouble
from tests.tiny import ROWS, tiny_handle


def log_p(handle: ModelHandle, ids: torch.Tensor) -> torch.Tensor:
    return handle.model(input_ids=ids, use_cache=False).logits.log_softmax(dim=-1)


@pytest.mark.parametrize("row", ROWS)
def test_equals_one_row_at_a_time_by_autograd(row):
    handle = tiny_handle(row, torch.float64)
    rows = torch.randint(3, 200, (4, 7), generator=torch.Generator().manual_seed(0))
    with KeepDouble():
        found = curvatures(handle, rows.split(3))
        for layer in range(handle.n_layers):
            module = handle.mlp_out(layer)
            a_sum, b_sum = 0.0, 0.0
            for ids in rows[:, None]:
                shift = torch.zeros(7, handle.hidden_size, dtype=torch.float64, requires_grad=True)

                def add(_inputs: torch.Tensor, output: torch.Tensor, shift: torch.Tensor = shift) -> torch.Tensor:
                    return output + shift.reshape(output.shape)

                with record_inputs({"a": module}) as inputs, change_outputs({module: add}):
                    total = log_p(handle, ids)[0, :-1].gather(1, ids[0, 1:, None]).sum()
                (g,) = torch.autograd.grad(total, shift)
                a = inputs["a"].reshape(7, -1)[:-1]
                a_sum, b_sum = a_sum + a.T @ a, b_sum + g[:-1].T @ g[:-1]
            torch.testing.assert_close(found[layer].keys, a_sum / 24)
            torch.testing.assert_close(found[layer].gradients, b_sum / 24)
            assert found[layer].n_tokens == 24
    assert hooks_on(handle.model) == 0


def test_after_one_token_it_is_the_divergence_of_the_edited_model():
    """One token in front: no other token's effect and one key are left out of nothing, and only draws are random."""
    handle, layer = tiny_handle("llama", torch.float64), 1
    with KeepDouble():
        first = torch.tensor([[5]])
        before = log_p(handle, first)[0, 0]
        drawn = torch.multinomial(before.exp(), 6000, replacement=True, generator=torch.Generator().manual_seed(0))
        rows = torch.stack([torch.full_like(drawn, 5), drawn], dim=1)
        found = curvatures(handle, rows.split(1000))[layer]
        with record_inputs({"a": handle.mlp_out(layer)}) as inputs:
            log_p(handle, first)
        key = inputs["a"].reshape(-1)
        random = torch.Generator().manual_seed(1)
        for _ in range(3):
            u = torch.randn(1, len(key), generator=random, dtype=torch.float64)
            delta = torch.randn(1, handle.hidden_size, generator=random, dtype=torch.float64)
            delta *= 0.05 / (delta.norm() * (key @ u[0]).abs())
            moved = (key @ u[0]) * delta[0]
            with change_outputs({handle.mlp_out(layer): lambda _, output, moved=moved: output + moved}):
                after = log_p(handle, first)[0, 0]
            divergence = float((before.exp() * (before - after)).sum())
            assert float(found.damage(u, delta)[0]) == pytest.approx(divergence, rel=0.15)


def test_twice_as_long_a_change_does_four_times_the_damage():
    one = Curvature(torch.eye(3), 2 * torch.eye(2), 1)
    u, delta = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[3.0, 0.0]])
    assert float(one.damage(u, delta)) == pytest.approx(0.5 * 1 * 18)
    assert float(one.damage(u, 2 * delta)) == pytest.approx(4 * 9)
