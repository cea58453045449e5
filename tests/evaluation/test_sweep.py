"""The sweep equals what one edit after another gives: same factors, same metrics, on every architecture."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from goldenlayers_core.editing import Edit, RomeConfig, Supplies, get_method, overlay, rome, sample_templates
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.errors import Cancelled, EditError
from goldenlayers_core.evaluation import evaluate_edit
from goldenlayers_core.evaluation.sweep import UNEDITED, SweptPair, checked, sweep
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.tokens import encode_answer, encode_prompt
from goldenlayers_core.records import EditRequest, Probe
from tests.tiny import LAYERS, ROWS, tiny_handle

FRANCE = EditRequest(
    case_id="france",
    prompt="The capital of France is",
    subject="France",
    target_new="Rome",
    target_true="Paris",
    rephrases=(Probe("The capital city of France is", ("Rome",), "rephrase"),),
    locality=(
        Probe("The capital of Japan is", ("Tokyo",), "locality"),
        Probe("The Eiffel Tower is made of", (), "locality"),
    ),
    portability=(
        Probe("The river that flows through the capital of France is", ("Tiber", "the Tiber"), "portability"),
    ),
)
JAPAN = EditRequest(
    case_id="japan",
    prompt="Japan has the capital",
    subject="Japan",
    target_new="Mont Blanc",
    target_true="",
    locality=(Probe("France has the capital", ("Paris", "the city of Paris"), "locality"),),
)
TEMPLATES = ("{}", "Therefore it rises. {}")
SUPPLIES = Supplies(TEMPLATES)
CONFIG = RomeConfig(steps=8, learning_rate=0.1, stop_loss=0.2, direct_steps=False, patience=0)


def swept(
    handle: ModelHandle, requests: Sequence[EditRequest], layers: Sequence[int], config: RomeConfig = CONFIG
) -> dict[tuple[int, int], SweptPair]:
    found = sweep(handle, requests, layers, get_method("rome"), config, SUPPLIES)
    return {(pair.index, pair.layer): pair for pair in found}


def forced(handle: ModelHandle, prompt: str, answer: str, edits: Sequence[Edit]) -> tuple[float, float, list[int]]:
    """Share of likeliest tokens, mean log-probability, and the likeliest tokens, by one plain forward pass."""
    ids, tokens = encode_prompt(handle.tokenizer, prompt), encode_answer(handle.tokenizer, prompt, answer)
    with overlay(handle, edits), torch.no_grad():
        logits = handle.model(input_ids=torch.tensor([[*ids, *tokens]])).logits[0, len(ids) - 1 : -1]
    log_p, best = logits.log_softmax(dim=1), logits.argmax(dim=1).tolist()
    hits = [a == b for a, b in zip(best, tokens, strict=True)]
    return float(np.mean(hits)), float(log_p[range(len(tokens)), list(tokens)].mean()), best


def check_pair(handle: ModelHandle, request: EditRequest, edit: Edit, pair: SweptPair) -> None:
    """Every metric against `evaluate_edit` and plain forward passes."""
    report, got = evaluate_edit(handle, edit, request), pair.metrics
    for kind, (good, count) in report.rates().items():
        assert got[kind] == pytest.approx(good / count), (kind, pair.layer)
    rewrite = report.outcomes[0]
    assert got["p_new"] == pytest.approx(rewrite.after.target_new_probability, rel=1e-3)
    kl = [o.divergence for o in report.outcomes if o.kind == "locality"]
    assert got["locality_kl"] == pytest.approx(float(np.mean(kl)), rel=1e-3, abs=1e-6)
    assert got["weight_change"] == pytest.approx(edit.weight_change, rel=1e-3)
    tokens, new, _ = forced(handle, request.prompt, request.target_new, [edit])
    assert got["rewrite_tokens"] == pytest.approx(tokens)
    if request.target_true:
        assert got["efficacy"] == float(new > forced(handle, request.prompt, request.target_true, [edit])[1])
        assert got["p_true"] == pytest.approx(rewrite.after.target_true_probability, rel=1e-3)
    else:
        assert "efficacy" not in got
    asked = [p for p in request.locality if p.answers]
    same = []
    for p in asked:
        before, after = (forced(handle, p.prompt, p.answers[0], edits)[2] for edits in ([], [edit]))
        same.append(np.mean([a == b for a, b in zip(before, after, strict=True)]))
    assert got["locality_tokens"] == pytest.approx(float(np.mean(same)))
    shown = report.after.answer
    assert shown.startswith(pair.answer) or pair.answer == request.target_new


@pytest.mark.parametrize("row", ROWS)
def test_a_sweep_equals_single_edits(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    digest = weights_digest(handle.model)
    requests, layers = (FRANCE, JAPAN), range(LAYERS)
    made = dict(edits_at(handle, get_method("rome"), requests, layers, CONFIG, SUPPLIES))
    pairs = swept(handle, requests, layers)
    assert len(pairs) == len(requests) * (LAYERS + 1)
    for layer in layers:
        for i, request in enumerate(requests):
            single, many = rome(handle, request, layer, CONFIG, SUPPLIES), made[layer][i]
            assert isinstance(many, Edit)
            for one, other in zip(many.factors, single.factors, strict=True):
                torch.testing.assert_close(one.left @ one.right.T, other.left @ other.right.T, rtol=1e-4, atol=1e-6)
            check_pair(handle, request, single, pairs[i, layer])
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0


def test_the_unedited_model_comes_first() -> None:
    handle = tiny_handle("llama", torch.float64)
    before = next(iter(sweep(handle, [FRANCE], [1], get_method("rome"), CONFIG, SUPPLIES)))
    assert before.layer == UNEDITED
    assert before.metrics["locality"] == 1.0
    assert before.metrics["locality_tokens"] == 1.0
    assert before.metrics["locality_kl"] == 0.0
    assert "loss" not in before.metrics


@pytest.mark.parametrize(("method", "layers"), [("rome", (4, 28)), ("r-rome", (4,))])
def test_on_the_bundled_model(bundled: ModelHandle, method: str, layers: tuple[int, ...]) -> None:
    config = get_method(method).config_class(n_templates=1)
    supplies = Supplies(sample_templates(bundled, config.templates))
    requests = [replace(FRANCE, portability=()), replace(FRANCE, case_id="b", prompt="France has the capital")]
    pairs = {(p.index, p.layer): p for p in sweep(bundled, requests, layers, get_method(method), config, supplies)}
    for i, request in enumerate(requests):
        for layer in layers:
            edit = get_method(method).run(bundled, request, layer, config, supplies)
            check_pair(bundled, request, edit, pairs[i, layer])
    assert pairs[0, 4].metrics["rewrite"] == 1.0
    assert pairs[0, UNEDITED].answer.startswith("Paris")
    assert 0 < pairs[0, 4].metrics["steps"] <= 25


def test_alone_or_together_and_however_batched(bundled: ModelHandle) -> None:
    config = RomeConfig(n_templates=1)
    supplies = Supplies(sample_templates(bundled, config.templates))
    few = replace(FRANCE, rephrases=(), portability=())  # probes are what takes time
    requests = [few, replace(JAPAN, case_id="j"), replace(JAPAN, case_id="c", target_new="Berlin")]

    def run(chosen: Sequence[EditRequest], budget: int | None, layers: Sequence[int] = (9,)) -> list[SweptPair]:
        found = sweep(bundled, chosen, layers, get_method("rome"), config, supplies, token_budget=budget)
        return [p for p in found if p.layer == 9]

    together, narrow = run(requests, None, (9, 20)), run(requests, 24)
    alone = [run([request], None)[0] for request in requests]
    for one, two, three in zip(together, narrow, alone, strict=True):
        for name in ("rewrite", "locality", "steps"):
            assert one.metrics[name] == two.metrics[name] == three.metrics[name]
        for other in (two, three):
            assert one.metrics["p_new"] == pytest.approx(other.metrics["p_new"], rel=1e-2)
            assert one.metrics["weight_change"] == pytest.approx(other.metrics["weight_change"], rel=1e-3)


def test_direct_steps_reach_the_answer_in_fewer_passes(bundled: ModelHandle) -> None:
    supplies = Supplies(sample_templates(bundled, RomeConfig().templates))
    for layer in (3, 15):
        direct = rome(bundled, FRANCE, layer, RomeConfig(), supplies)
        adam = rome(bundled, FRANCE, layer, RomeConfig(direct_steps=False, patience=0), supplies)
        assert dict(direct.notes)["loss"] < RomeConfig().stop_loss
        assert dict(direct.notes)["steps"] < dict(adam.notes)["steps"]


def test_what_cannot_be_edited_is_reported() -> None:
    handle = tiny_handle("llama")
    lost = replace(FRANCE, case_id="lost", subject="Spain")
    empty = replace(FRANCE, case_id="empty", target_new=" ")
    good, bad = checked(handle, [lost, FRANCE, empty], TEMPLATES)
    assert good == [1]
    assert [case for case, _ in bad] == ["lost", "empty"]
    assert "Spain" in bad[0][1]


def test_cancel_and_refusals() -> None:
    handle = tiny_handle("llama")
    calls = [0]

    def stop() -> None:
        calls[0] += 1
        if calls[0] > 5:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        list(sweep(handle, [FRANCE], range(LAYERS), get_method("rome"), CONFIG, SUPPLIES, stop))
    assert hooks_on(handle.model) == 0
    with pytest.raises(EditError, match="Layer 9"):
        list(sweep(handle, [FRANCE], [9], get_method("rome"), CONFIG, SUPPLIES))


def test_an_edit_that_fails_leaves_the_request_as_it_was() -> None:
    handle = tiny_handle("llama")
    with torch.no_grad():
        weight = handle.matrix(handle.mlp_out(1))
        weight[0, 0] = math.nan
    found = dict(edits_at(handle, get_method("rome"), [FRANCE], [2], CONFIG, SUPPLIES))
    assert isinstance(found[2][0], str)
    assert "not finite" in found[2][0]


def test_long_targets_and_the_texts_that_are_kept() -> None:
    handle = tiny_handle("llama", torch.float64)
    request = replace(FRANCE, target_new="Rome\nI", rephrases=(Probe("The capital city is", ("Rome\nI",), "rephrase"),))
    config = replace(CONFIG, steps=20, learning_rate=0.5)
    pairs = swept(handle, [request], [0, 1], config)
    for layer in (0, 1):
        edit = rome(handle, request, layer, config, SUPPLIES)
        check_pair(handle, request, edit, pairs[0, layer])
        metrics = pairs[0, layer].metrics
        assert metrics["rewrite"] == float(metrics["rewrite_tokens"] == 1.0)
    for (_, layer), pair in pairs.items():
        assert len(pair.texts) == len(request.probes)
        if layer != UNEDITED:
            edit = rome(handle, request, layer, config, SUPPLIES)
            said = [o.after.answer for o in evaluate_edit(handle, edit, request).outcomes]
            kept = [text.strip().split("\n")[0].strip() for text in pair.texts]
            assert all(whole.startswith(text) or text.startswith(whole) for whole, text in zip(said, kept, strict=True))
