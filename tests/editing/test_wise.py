"""WISE: below the threshold nothing changes, the mask is kept to, and the gate opens where it was trained to."""

from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import Edit, Factors, Supplies, batch_overlay, get_method, overlay
from goldenlayers_core.editing.delta import make_edit, whole_factors
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.wise import WiseConfig, margin_loss, mask_of, scope_of, trained, wise
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import as_batch, hooks_on, record_inputs, record_outputs
from goldenlayers_core.records import EditRequest
from tests.families import near
from tests.tiny import ROWS, tiny_handle

REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
TEMPLATES = ("{}", "Therefore it rises. {}")
SUPPLIES = Supplies(TEMPLATES)
CONFIG = WiseConfig(steps=4, learning_rate=0.01)
IDS = torch.tensor([[5, 20, 33, 40, 7], [9, 21, 60, 2, 8], [1, 2, 3, 4, 5]])


def gated(handle: ModelHandle, threshold: float, seed: int = 0, layer: int = 1) -> Edit:
    shape = handle.matrix(handle.mlp_out(layer)).shape
    change = 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return make_edit(handle, REQUEST, "wise", [whole_factors(layer, change, threshold)], {})


def seen(handle: ModelHandle, ids: torch.Tensor, layer: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    site = {"x": handle.mlp_out(layer)}
    with torch.no_grad(), record_inputs(site) as inputs, record_outputs(site) as outputs:
        logits = handle.model(input_ids=ids).logits
    return as_batch(inputs["x"], len(ids)), as_batch(outputs["x"], len(ids)), logits


@pytest.mark.parametrize("row", ROWS)
def test_below_the_threshold_nothing_changes(row: str) -> None:
    handle = tiny_handle(row)
    inputs, outputs, logits = seen(handle, IDS)
    distance = (inputs @ gated(handle, 0.0).factors[0].whole.T).norm(dim=2)  # (3, 5)
    middle = float(distance.flatten().sort().values[6:8].mean())
    edit = gated(handle, middle)
    with overlay(handle, [edit]):
        _, changed, _ = seen(handle, IDS)
    far = distance >= middle
    assert 0 < int(far.sum()) < far.numel()
    assert torch.equal(changed[~far], outputs[~far])
    assert bool((changed[far] != outputs[far]).any(dim=1).all())
    with overlay(handle, [gated(handle, 2 * float(distance.max()))]):
        assert torch.equal(seen(handle, IDS)[2], logits)


@pytest.mark.parametrize("row", ROWS)
def test_each_sample_behind_its_own_gate(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    inputs, _, _ = seen(handle, IDS)
    edits = []
    for sample, layer in ((0, 1), (2, 2)):
        distance = (inputs[sample].float() @ gated(handle, 0.0, sample, layer).factors[0].whole.T).norm(dim=1)
        edits.append(gated(handle, float(distance.median()), sample, layer))
    rank_one = make_edit(handle, REQUEST, "x", [Factors(1, torch.ones(32, 1), torch.ones(inputs.shape[2], 1))], {})
    own = [edits[0], rank_one, edits[1]]
    with batch_overlay(handle, own):
        together = seen(handle, IDS)[2]
    for sample, edit in enumerate(own):
        with overlay(handle, [edit]):
            alone = seen(handle, IDS[sample : sample + 1])[2]
        torch.testing.assert_close(together[sample : sample + 1], alone, rtol=near(row), atol=near(row))


def test_the_mask_is_kept_to_and_seeded() -> None:
    handle = tiny_handle("llama")
    first, again, other = (wise(handle, REQUEST, 1, c, SUPPLIES) for c in (CONFIG, CONFIG, replace(CONFIG, seed=1)))
    assert first == again
    assert first != other
    change = first.factors[0].whole
    mask = mask_of(change.shape, CONFIG)
    assert not change[~mask].any()
    assert float((change != 0).float().mean()) == pytest.approx(0.2, abs=0.03)  # 1536 entries: 3 standard deviations
    assert float((mask & (change != 0)).float().sum() / mask.float().sum()) > 0.95
    dense = wise(handle, REQUEST, 1, replace(CONFIG, density=1.0), SUPPLIES)
    assert float((dense.factors[0].whole != 0).float().mean()) > 0.95


@pytest.mark.parametrize("row", ROWS)
def test_the_loss_is_that_of_the_gated_model(row: str) -> None:
    """With a gate that is open in scope and closed elsewhere, the overlay gives the loss that training ended with."""
    handle = tiny_handle(row, torch.float64)
    rows = edit_rows(handle, REQUEST, TEMPLATES)[:-1]
    scope = scope_of(handle, rows, 1)
    delta, losses, nll = trained(scope, CONFIG)
    assert losses[-1] < losses[0]
    assert losses[-1] == pytest.approx(nll + float(margin_loss(scope, delta, CONFIG)))
    total, count = 0.0, 0
    site = {"x": handle.mlp_out(1)}
    for row_of in rows:
        ids = torch.tensor([row_of.ids])

        def only_in_scope(
            _module: object, args: tuple[torch.Tensor], out: torch.Tensor, at: int = row_of.lookup
        ) -> torch.Tensor:
            moved = as_batch(args[0] @ delta.T, 1).clone()
            moved[:, :at], moved[:, at + 1 :] = 0, 0
            return out + moved.reshape(out.shape)

        hook = site["x"].register_forward_hook(only_in_scope)
        try:
            with torch.no_grad():
                log_p = handle.model(input_ids=ids).logits[0].log_softmax(dim=1)
        finally:
            hook.remove()
        total -= float(log_p[list(row_of.wanted), list(row_of.answer)].sum())
        count += len(row_of.answer)
    assert total / count == pytest.approx(nll, rel=1e-6)


def test_the_gate_opens_in_scope() -> None:
    handle = tiny_handle("llama")
    edit = wise(handle, REQUEST, 1, CONFIG, SUPPLIES)
    scope = scope_of(handle, edit_rows(handle, REQUEST, TEMPLATES)[:-1], 1)
    inside, _ = scope.distances(edit.factors[0].whole)
    assert edit.factors[0].threshold == pytest.approx(0.88 * float(inside.min()), rel=1e-4)
    assert bool((inside >= edit.factors[0].threshold).all())


def test_the_last_layer_has_nothing_to_remember() -> None:
    """What is done at the subject in the last layer is seen by no later token."""
    with pytest.raises(EditError, match="choose an earlier layer"):
        wise(tiny_handle("llama"), REQUEST, 2, CONFIG, SUPPLIES)


def test_the_margins_push_apart() -> None:
    handle = tiny_handle("llama")
    rows = edit_rows(handle, REQUEST, TEMPLATES)[:-1]
    scope = scope_of(handle, rows, 1)
    apart = []
    for gamma in (0.0, 5.0):
        config = replace(CONFIG, steps=30, alpha=100.0, beta=0.0, gamma=gamma)
        inside, outside = scope.distances(trained(scope, config)[0])
        apart.append(float(inside.mean() - outside.mean()) / scope.unit)
    assert apart[1] > 1.1 * apart[0]


def test_the_model_is_as_before() -> None:
    handle = tiny_handle("opt")
    digest, before = weights_digest(handle.model), seen(handle, IDS)[2]
    edit = get_method("wise").run(handle, REQUEST, 1, CONFIG, SUPPLIES)
    with overlay(handle, [edit]):
        seen(handle, IDS)
    assert torch.equal(seen(handle, IDS)[2], before)
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0
