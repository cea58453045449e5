"""Products by oneDNN equal torch's own, forwards and backwards, and leave the model as it was."""

import pytest
import torch

from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import grad_from, hooks_on
from goldenlayers_core.models.products import applies, few_rows
from tests.tiny import ROWS, tiny_handle

IDS = torch.tensor([[5, 20, 33, 40, 7], [9, 21, 60, 2, 8]])


def logits_and_gradient(handle: ModelHandle) -> tuple[torch.Tensor, torch.Tensor]:
    with grad_from(handle.embedding) as leaves:
        out = handle.model(input_ids=IDS, use_cache=False).logits
    (gradient,) = torch.autograd.grad(out.log_softmax(dim=-1)[..., 3].sum(), leaves[0])
    return out.detach(), gradient


@pytest.mark.parametrize("row", ROWS)
def test_products_equal_torchs_own(row: str) -> None:
    handle = tiny_handle(row)
    plain = logits_and_gradient(handle)
    with handle.lock, few_rows(handle):
        # GPT-2's own matrices are no nn.Linear; its LM head is
        assert hooks_on(handle.model) > 0 or not applies(handle)
        ours = logits_and_gradient(handle)
        again = logits_and_gradient(handle)
    for one, other, third in zip(plain, ours, again, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
        assert torch.equal(other, third)
    assert hooks_on(handle.model) == 0
    assert all(map(torch.equal, plain, logits_and_gradient(handle)))


def test_nested_and_interrupted() -> None:
    handle = tiny_handle("llama")
    with few_rows(handle):
        outer = hooks_on(handle.model)
        with few_rows(handle):
            assert hooks_on(handle.model) == outer
        assert hooks_on(handle.model) == outer
    with pytest.raises(RuntimeError, match="inside"), few_rows(handle):
        raise RuntimeError("inside")
    assert hooks_on(handle.model) == 0


def test_other_dtypes_are_left_alone() -> None:
    handle = tiny_handle("llama", torch.float64)
    assert not applies(handle)
    with few_rows(handle):
        assert hooks_on(handle.model) == 0
