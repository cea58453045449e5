"""Hooks are removed whatever happens, and a skipped start is the same forward pass."""

import pytest
import torch

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.hooks import (
    as_batch,
    change_outputs,
    first_tensor,
    grad_from,
    hooks_on,
    keep_positions,
    record_inputs,
    record_outputs,
    start_at,
)
from tests.tiny import ROWS, tiny_handle

IDS = torch.tensor([[5, 9, 30, 40, 22], [7, 8, 9, 10, 11]])


@pytest.mark.parametrize("row", ROWS)
def test_starting_at_a_layer_gives_the_same_logits(row):
    handle = tiny_handle(row)
    with torch.inference_mode():
        blocks = list(handle.blocks)
        with record_outputs({"0": blocks[0]}) as seen:
            whole = handle.model(input_ids=IDS, use_cache=False).logits
        with start_at(blocks, 1, seen["0"], handle.architecture.block_returns):
            late = handle.model(input_ids=IDS, use_cache=False).logits
        after = handle.model(input_ids=IDS, use_cache=False).logits
    assert torch.allclose(late, whole, atol=1e-5)
    assert torch.equal(after, whole)
    assert hooks_on(handle.model) == hooks_on(tiny_handle(row).model)


@pytest.mark.parametrize("row", ROWS)
def test_every_site_has_its_input_and_output_width(row):
    handle = tiny_handle(row)
    sites = handle.sites("block")
    with torch.inference_mode(), record_inputs(sites) as inputs, record_outputs(sites) as outputs:
        handle.model(input_ids=IDS, use_cache=False)
    for name, module in sites.items():
        d_out, d_in = handle.matrix(module).shape
        assert as_batch(inputs[name], 2).shape == (2, 5, d_in)
        assert as_batch(outputs[name], 2).shape == (2, 5, d_out)


@pytest.mark.parametrize("row", ROWS)
def test_only_chosen_positions_go_through_the_head(row):
    handle = tiny_handle(row)
    rows, columns = torch.tensor([0, 1, 1]), torch.tensor([4, 0, 2])
    with torch.inference_mode():
        whole = handle.model(input_ids=IDS, use_cache=False).logits
        with keep_positions(handle.head, rows, columns):
            few = handle.model(input_ids=IDS, use_cache=False).logits
    assert few.shape[:2] == (1, 3)
    assert torch.allclose(few[0], whole[rows, columns], atol=1e-5)


def test_what_was_recorded_stays_when_a_model_adds_to_it_in_place():
    class Falcon(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mlp = torch.nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.mlp(x)
            out += 1.0
            return out

    block, x = Falcon(), torch.randn(2, 3, 4)
    with torch.inference_mode(), record_outputs({"mlp": block.mlp}) as seen:
        block(x)
        assert torch.equal(seen["mlp"], block.mlp(x))


def test_hooks_go_away_when_the_pass_fails():
    handle = tiny_handle("llama")
    hooks = hooks_on(handle.model)
    hidden = torch.zeros(2, 5, 32)

    def fail_inside() -> None:
        with (
            grad_from(handle.embedding),
            record_inputs(handle.sites("mlp")),
            change_outputs({handle.mlp_out(0): lambda _i, o: o}),
            keep_positions(handle.head, torch.tensor([0]), torch.tensor([0])),
            start_at(list(handle.blocks), 1, hidden, "tensor"),
        ):
            assert hooks_on(handle.model) > hooks
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail_inside()
    assert hooks_on(handle.model) == hooks


def test_shapes_are_checked():
    assert as_batch(torch.zeros(6, 4), 2).shape == (2, 3, 4)
    for wrong in (torch.zeros(5, 4), torch.zeros(3, 2, 4)):
        with pytest.raises(ModelError, match="batch 2 is needed"):
            as_batch(wrong, 2)
    with pytest.raises(ModelError, match="a tensor, or a tuple"):
        first_tensor({"hidden": 1})
