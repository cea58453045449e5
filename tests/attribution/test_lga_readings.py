"""Both readings of LGA come from one set of passes, and equal autograd on every architecture row and scope."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from goldenlayers_core.attribution import head_loss
from goldenlayers_core.attribution.lga import ScoredBatch, iter_lga, score_batch
from goldenlayers_core.attribution.packing import Pair, batches
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import LOSSES_ON, SCOPES, EditRequest, LgaConfig, config_digest
from goldenlayers_core.tasks.serial import restored
from tests.attribution.test_lga import REQUESTS, KeepDouble, request
from tests.tiny import ROWS, VOCABULARY, parameter_of, tiny_handle

OLD = [r.target_true for r in REQUESTS]


def autograd(handle: ModelHandle, pairs: list[Pair], scope: str, loss_on: str, reduction: str) -> np.ndarray:
    """(3, Q, L) inner products and norms from full weight gradients of the loss itself, one text at a time."""
    sites = handle.sites(scope)
    weights = [parameter_of(m) for m in sites.values()]
    sums = np.zeros((3, len(pairs), handle.n_layers))
    for q, pair in enumerate(pairs):
        gradients = []
        for answer in (pair.old, pair.new):
            for weight in weights:
                weight.requires_grad_(True)
            text = torch.tensor([pair.prompt + answer])
            logits = handle.model(input_ids=text, use_cache=False).logits
            first = 1 if loss_on == "sequence" else len(pair.prompt)
            loss = cross_entropy(logits[0, first - 1 : -1], text[0, first:], reduction=reduction)
            gradients.append(torch.autograd.grad(loss, weights))
            for weight in weights:
                weight.requires_grad_(False)
        for site, old, new in zip(sites, *gradients, strict=True):
            layer = int(site.split("/")[0])
            for i, (a, b) in enumerate(((old, new), (old, old), (new, new))):
                sums[i, q, layer] += float((a.double() * b.double()).sum())
    sums[1:] = np.sqrt(sums[1:])
    return sums


def ours(handle: ModelHandle, config: LgaConfig, requests: list[EditRequest] = REQUESTS) -> dict[str, np.ndarray]:
    """Per reading (4, Q, L): values, both norms, and the values of summed losses."""
    found = {name: np.full((4, len(requests), handle.n_layers), np.nan) for name in LOSSES_ON}
    for batch in iter_lga(handle, requests, [r.target_true for r in requests], config):
        for reading in batch.readings:
            numbers = (reading.values, reading.norm_old, reading.norm_new, reading.summed)
            found[reading.loss_on][:, list(batch.indices)] = numbers
    return found


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("row", ROWS)
def test_both_readings_equal_per_sample_autograd_in_float64(row, scope):
    handle = tiny_handle(row, torch.float64)
    pairs = prepare(handle, REQUESTS, OLD)
    assert any(len(p.old) != len(p.new) for p in pairs)  # so that the prompt weighs differently in the two texts
    with KeepDouble():
        found = ours(handle, LgaConfig(scope=scope))
        for loss_on in LOSSES_ON:
            expected = autograd(handle, pairs, scope, loss_on, "mean")
            assert np.abs(expected).min() > 0
            np.testing.assert_allclose(found[loss_on][:3], expected, rtol=1e-8, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("row", ["llama", "gemma2", "opt"])  # packed, capped logits, apart
def test_losses_summed_over_tokens_are_those_of_means_times_the_tokens(row):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        found = ours(handle, LgaConfig())
        for loss_on in LOSSES_ON:
            summed = autograd(handle, prepare(handle, REQUESTS, OLD), "mlp", loss_on, "sum")[0]
            np.testing.assert_allclose(found[loss_on][3], summed, rtol=1e-8, atol=1e-12 * np.abs(summed).max())


@pytest.mark.parametrize("row", ROWS)
def test_batches_and_pieces_of_the_head_change_nothing(row, monkeypatch):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        whole = ours(handle, LgaConfig(token_budget=4096))
        monkeypatch.setattr(head_loss, "CHUNK_LOGITS", 3 * VOCABULARY)
        pieces = ours(handle, LgaConfig(token_budget=4096))
        alone = ours(handle, LgaConfig(token_budget=1))
    for loss_on in LOSSES_ON:
        np.testing.assert_allclose(pieces[loss_on], whole[loss_on], rtol=1e-8)
        np.testing.assert_allclose(alone[loss_on], whole[loss_on], rtol=1e-8)


def test_a_prompt_of_one_token_has_no_loss_of_its_own():
    handle = tiny_handle("llama", torch.float64)
    (pair,) = prepare(handle, REQUESTS[:1], OLD[:1])
    short = dataclasses.replace(pair, prompt=pair.prompt[:1])
    (batch,) = batches(handle, [short], 4096)
    assert (short.lengths[2], batch.n_prompt_heads) == (0, 0)
    with KeepDouble():
        found = score_batch(handle, batch, LgaConfig(), handle.model)
    answer, sequence = found.readings
    np.testing.assert_allclose(sequence.values, answer.values)
    assert np.abs(answer.values).min() > 0


@pytest.mark.parametrize("row", ROWS)
def test_every_scope_comes_from_the_same_passes(row):
    """What `ours` checks against autograd scope by scope is there whichever scope was asked for."""
    handle = tiny_handle(row)
    found = [next(iter_lga(handle, REQUESTS, OLD, LgaConfig(scope, token_budget=4096))) for scope in SCOPES]
    for scope, one in zip(SCOPES, found, strict=True):
        assert one.readings == one.scopes[scope] == found[0].scopes[scope]
    values = {scope: found[0].scopes[scope][1].values for scope in SCOPES}
    np.testing.assert_allclose(values["block"], values["attention"] + values["mlp"], rtol=1e-9)
    assert not np.allclose(values["mlp"], values["mlp_out"])
    assert len({one.mean_abs_new.sum() for one in found}) == len(SCOPES)  # of the scope asked for


def test_what_was_asked_for_comes_first():
    handle = tiny_handle("llama")

    def first(loss_on: str) -> ScoredBatch:
        config = LgaConfig(loss_on=loss_on, token_budget=4096)
        return next(iter_lga(handle, REQUESTS[:1], OLD[:1], config))

    answer, sequence = first("answer"), first("sequence")
    assert [r.loss_on for r in answer.readings] == ["answer", "sequence"]
    assert [r.loss_on for r in sequence.readings] == ["sequence", "answer"]
    np.testing.assert_array_equal(sequence.values, answer.readings[1].values)
    assert not np.allclose(sequence.values, answer.values)
    with pytest.raises(ConfigError, match="choose one of sequence, answer"):
        LgaConfig(loss_on="prompt")


def test_the_logits_of_long_prompts_are_formed_in_pieces(bundled):
    """What is alive at once of the vocabulary's width is bounded, however many prompt tokens there are."""
    shapes: list[int] = []

    def watched(inputs, forward=bundled.head.forward):
        shapes.append(inputs.shape[:-1].numel())
        return forward(inputs)

    long = request("The capital of France is Paris, and the capital of Italy is " * 12, "Rome", "Paris")
    (pair,) = prepare(bundled, [long], [long.target_true])
    (batch,) = batches(bundled, [pair], 1)
    most = head_loss.CHUNK_LOGITS // bundled.vocabulary_size
    assert len(batch.head_rows) > most
    hooks = hooks_on(bundled.model)
    head = head_loss.HeadLoss(bundled, batch, watched)
    hidden = torch.randn(1, batch.ids.shape[1], bundled.hidden_size, requires_grad=True)
    logits = head(hidden)
    assert logits.shape == (1, 0, bundled.vocabulary_size)
    assert max(shapes) <= most
    assert sum(shapes) == len(batch.head_rows)
    assert head.states.grad_fn is not None
    assert not head.gradients.requires_grad
    assert hooks_on(bundled.model) == hooks


def test_what_was_stored_before_there_were_readings_is_of_the_answer():
    was = {"scope": "block", "old_answer": "model", "precision": "bfloat16", "token_budget": None}
    assert restored(LgaConfig, was) == LgaConfig("block", "model", "bfloat16", loss_on="answer")
    assert config_digest(LgaConfig(loss_on="answer")) == "2f949142ae48c21a5ac05b85f85c2dde"
    assert config_digest(restored(LgaConfig, was)) == "61d3ba87e1db3a2ccc8979d720c9a607"
    assert config_digest(LgaConfig(loss_on="sequence")) != config_digest(LgaConfig(loss_on="answer"))
    assert restored(LgaConfig, {**was, "loss_on": "sequence"}).loss_on == "sequence"
