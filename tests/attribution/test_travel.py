"""An edit travels upward and to the right only: the causal cone is exact; outside it is the key's leak."""

import numpy as np
import pytest
import torch

from goldenlayers_core.attribution.travel import relative_change, spoken, states
from goldenlayers_core.editing import Factors, overlay
from goldenlayers_core.editing.delta import Edit, make_edit
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on, record_inputs, record_outputs
from goldenlayers_core.models.tokens import encode_prompt, subject_last
from goldenlayers_core.records import EditRequest
from tests.families import near
from tests.tiny import LAYERS, ROWS, tiny_handle

PROMPT, SUBJECT, LAYER, NEW = "The capital of France is", "France", 1, 40
REQUEST = EditRequest("c1", PROMPT, SUBJECT, "Rome", "Paris")


@pytest.fixture(scope="module", params=ROWS)
def handle(request: pytest.FixtureRequest) -> ModelHandle:
    return tiny_handle(request.param, torch.float64)


def written(handle: ModelHandle, layer: int = LAYER) -> Edit:
    """A rank-one change of one layer."""
    d_out, d_in = handle.matrix(handle.mlp_out(layer)).shape
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(d, 1, generator=generator) * 0.5 for d in (d_out, d_in))
    return make_edit(handle, REQUEST, "random", [Factors(layer, left, right)], {})


def runs(handle: ModelHandle, edit: Edit) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
    """(L, T, width) before, edited and edited at the subject's last token alone; that token."""
    ids, at = encode_prompt(handle.tokenizer, PROMPT), subject_last(handle.tokenizer, PROMPT, SUBJECT)
    before = states(handle, ids)
    with overlay(handle, [edit]):
        edited = states(handle, ids)
    with overlay(handle, [edit], only_at=at):
        alone = states(handle, ids)
    return before, edited, alone, at


def test_nothing_changes_below_the_edited_layer_bit_by_bit(handle: ModelHandle) -> None:
    before, edited, alone, _ = runs(handle, written(handle))
    assert torch.equal(before[:LAYER], edited[:LAYER])
    assert torch.equal(before[:LAYER], alone[:LAYER])
    assert (relative_change(before, edited)[LAYER:] > 0).all()  # from there on everything does, for keys overlap


def test_written_at_one_token_nothing_before_it_changes_bit_by_bit(handle: ModelHandle) -> None:
    before, _, alone, at = runs(handle, written(handle))
    assert 0 < at < before.shape[1] - 1
    if handle.architecture.experts:  # experts are given other numbers of tokens: the sums are rounded in another order
        close = near(handle.name.removeprefix("tiny-"))
        torch.testing.assert_close(before[:, :at], alone[:, :at], rtol=close, atol=close)
    else:
        assert torch.equal(before[:, :at], alone[:, :at])
    change = relative_change(before, alone)
    assert (change[LAYER:, at] > 0).all()
    assert (change[LAYER, at + 1 :] == 0).all()  # it has not been attended to yet, in blocks that add MLP last
    assert (change[LAYER + 1 :, at + 1 :] > 0).all()


def test_what_changes_before_the_subject_is_the_keys_share_of_the_change(handle: ModelHandle) -> None:
    """(a_t . right) left, at every token: the equation of an overlay."""
    edit, ids = written(handle), encode_prompt(handle.tokenizer, PROMPT)
    site = {"mlp": handle.mlp_out(LAYER)}
    with record_inputs(site) as keys:
        states(handle, ids)
    with record_outputs(site) as clean:
        states(handle, ids)
    # the overlay's own hook changes the output before a later hook sees it
    with overlay(handle, [edit]), record_outputs(site) as edited:
        states(handle, ids)
    left, right = (getattr(edit.factors[0], side)[:, 0].double() for side in ("left", "right"))
    share = keys["mlp"].reshape(len(ids), -1) @ right
    moved = (edited["mlp"] - clean["mlp"]).reshape(len(ids), -1)
    torch.testing.assert_close(moved, share[:, None] * left, rtol=1e-9, atol=1e-9)


def test_the_log_odds_at_the_end_are_those_of_the_model(handle: ModelHandle) -> None:
    ids = encode_prompt(handle.tokenizer, PROMPT)
    said = spoken(handle, states(handle, ids), NEW)
    with torch.no_grad():
        p = handle.model(input_ids=torch.tensor([ids])).logits[0].softmax(dim=-1)[:, NEW]
    np.testing.assert_allclose(said.odds[-1].numpy(), (p / (1 - p)).log().numpy(), rtol=1e-6)
    assert said.odds.shape == (LAYERS, len(ids))


def test_the_model_is_as_it_was(handle: ModelHandle) -> None:
    digest = weights_digest(handle.model)
    runs(handle, written(handle))
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0
