"""GRACE: outside the radius nothing changes, inside the value is the output, of several keys the nearest answers."""

from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import Codebook, Edit, Supplies, batch_overlay, get_method, overlay
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.editing.grace import GraceConfig, grace
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import as_batch, hooks_on, record_inputs, record_outputs
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditRequest
from tests.families import near
from tests.tiny import ROWS, tiny_handle

REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
IDS = torch.tensor([[5, 20, 33, 40, 7], [9, 21, 60, 2, 8], [1, 2, 3, 4, 5]])
CONFIG = GraceConfig(steps=6, radius=0.05)
SUPPLIES = Supplies()


def seen(handle: ModelHandle, ids: torch.Tensor, layer: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs (B, T, d_in) and outputs (B, T, d_out) of the matrix as the module gives them, and logits."""
    site = {"x": handle.mlp_out(layer)}
    with torch.no_grad(), record_inputs(site) as inputs, record_outputs(site) as outputs:
        logits = handle.model(input_ids=ids).logits
    return as_batch(inputs["x"], len(ids)), as_batch(outputs["x"], len(ids)), logits


def book(handle: ModelHandle, keys: torch.Tensor, radii: list[float], seed: int = 0, layer: int = 1) -> Edit:
    d_out = handle.matrix(handle.mlp_out(layer)).shape[0]
    values = torch.randn(len(keys), d_out, generator=torch.Generator().manual_seed(seed))
    made = Codebook(layer, keys, values, torch.tensor(radii))
    return make_edit(handle, REQUEST, "grace", [], {}, codebooks=[made])


@pytest.mark.parametrize("row", ROWS)
def test_inside_the_radius_the_value_and_outside_nothing(row: str) -> None:
    handle = tiny_handle(row)
    inputs, outputs, _ = seen(handle, IDS)
    edit = book(handle, inputs[0, 2][None], [1e-3])
    with overlay(handle, [edit]):
        again, changed, _ = seen(handle, IDS)
    inside = (again - inputs[0, 2]).norm(dim=2) <= 1e-3
    assert inside[0, 2]
    assert torch.equal(changed[inside], edit.codebooks[0].values.expand(int(inside.sum()), -1))
    assert torch.equal(changed[~inside], outputs[~inside])
    with overlay(handle, [book(handle, inputs[0, 2][None] + 1.0, [1e-3])]):
        assert torch.equal(seen(handle, IDS)[2], seen(handle, IDS)[2])
        away = seen(handle, IDS)[2]
    assert torch.equal(away, seen(handle, IDS)[2])  # a key that nothing is near changes no bit
    assert hooks_on(handle.model) == 0


def test_the_nearest_key_answers_whichever_edit_it_belongs_to() -> None:
    handle = tiny_handle("llama")
    inputs, _, _ = seen(handle, IDS)
    key = inputs[1, 3]
    near, far = book(handle, (key + 0.001)[None], [1.0], seed=1), book(handle, (key + 0.002)[None], [50.0], seed=2)
    for stack in ([near, far], [far, near]):
        with overlay(handle, stack):
            got = seen(handle, IDS)[1][1, 3]
        assert torch.equal(got, near.codebooks[0].values[0])
    with overlay(handle, [near, far], enabled=[False, True]):
        assert torch.equal(seen(handle, IDS)[1][1, 3], far.codebooks[0].values[0])


@pytest.mark.parametrize("row", ROWS)
def test_each_sample_under_its_own_codebook(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    inputs, _, _ = seen(handle, IDS)
    edits = [book(handle, inputs[0, 1:3], [0.5, 0.5], 1), None, book(handle, inputs[2, 4][None], [1e9], 2, layer=2)]
    with batch_overlay(handle, edits):
        together = seen(handle, IDS)[2]
    for sample, edit in enumerate(edits):
        with overlay(handle, [edit] if edit else []):
            alone = seen(handle, IDS[sample : sample + 1])[2]
        torch.testing.assert_close(together[sample : sample + 1], alone, rtol=near(row), atol=near(row))


@pytest.mark.parametrize("row", ROWS)
def test_the_loss_is_that_of_the_overlaid_model(row: str) -> None:
    """What the optimisation saw is what the codebook does, also where the key reaches earlier tokens of the prompt."""
    handle = tiny_handle(row, torch.float64)
    fact = edit_rows(handle, REQUEST, ("{}",))[0]
    for config in (CONFIG, replace(CONFIG, radius=1.3), replace(CONFIG, direct_steps=False, cold_start=True)):
        edit = grace(handle, REQUEST, 1, config, SUPPLIES)
        with overlay(handle, [edit]), torch.no_grad():
            log_p = handle.model(input_ids=torch.tensor([fact.ids])).logits[0].log_softmax(dim=1)
        got = -float(log_p[list(fact.wanted), list(fact.answer)].mean())
        assert got == pytest.approx(dict(edit.notes)["loss"], rel=1e-4)
        assert edit.factors == ()
        assert edit.weight_change == 0.0


def test_key_and_radius_are_those_of_the_bare_prompt() -> None:
    handle = tiny_handle("llama")
    edit = grace(handle, REQUEST, 1, CONFIG, SUPPLIES)
    ids = encode_prompt(handle.tokenizer, REQUEST.prompt)
    key = seen(handle, torch.tensor([ids]))[0][0, -1]
    torch.testing.assert_close(edit.codebooks[0].keys[0], key, rtol=1e-5, atol=1e-6)
    assert float(edit.codebooks[0].radii) == pytest.approx(0.05 * float(key.norm()), rel=1e-5)
    with torch.no_grad():  # a layer of ten times the scale has ten times the radius
        handle.mlp_out(1).register_parameter("weight", handle.mlp_out(1).weight)  # the same tensor: only inputs grow
        handle.site(1, "mlp.up_proj").weight *= 10
    wide = grace(handle, REQUEST, 1, CONFIG, SUPPLIES)
    assert float(wide.codebooks[0].radii) == pytest.approx(10 * float(edit.codebooks[0].radii), rel=1e-4)


def test_cold_starts_are_seeded() -> None:
    handle = tiny_handle("llama")
    cold = replace(CONFIG, cold_start=True, steps=2)
    first, again, other = (grace(handle, REQUEST, 1, c, SUPPLIES) for c in (cold, cold, replace(cold, seed=1)))
    assert first == again
    assert first != other
    assert first != grace(handle, REQUEST, 1, replace(CONFIG, steps=2), SUPPLIES)
    with pytest.raises(ConfigError, match="Radius is 0"):
        GraceConfig(radius=0.0)


def test_the_model_is_as_before() -> None:
    handle = tiny_handle("gpt2")
    digest = weights_digest(handle.model)
    edit = get_method("grace").run(handle, REQUEST, 1, CONFIG, SUPPLIES)
    before = seen(handle, IDS)[2]
    with overlay(handle, [edit]):
        seen(handle, IDS)
    assert torch.equal(seen(handle, IDS)[2], before)
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0
