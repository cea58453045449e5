"""Fine-tuning as an overlay equals fine-tuning a copied weight, and the two objectives differ as they are defined."""

import math
from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import Supplies, get_method, overlay
from goldenlayers_core.editing.above import above
from goldenlayers_core.editing.ft import FtConfig, target_loss, trained
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.errors import Cancelled, EditError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.experts import Out
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.tokens import encode_answer, encode_prompt
from goldenlayers_core.records import EditRequest
from tests.tiny import ROWS, copy_of, parameter_of, tiny_handle

REQUEST = EditRequest("c1", "The capital of France is", "France", "Mont Blanc", "Paris")
CONFIG = FtConfig(steps=5, learning_rate=0.01)
SUPPLIES = Supplies()


def by_autograd(handle: ModelHandle, layer: int, objective: str, config: FtConfig) -> tuple[torch.Tensor, list[float]]:
    """(d_out, d_in) what the published loop does to the weight of a copied model, and its losses."""
    model = copy_of(handle.model)
    module = model.get_submodule(handle.architecture.blocks)[layer].get_submodule(handle.mlp(layer)[-1])
    weight = parameter_of(module)
    start = weight.detach().clone()
    weight.requires_grad_(True)
    adam = torch.optim.Adam([weight], lr=config.learning_rate)
    prompt = encode_prompt(handle.tokenizer, REQUEST.prompt)
    answer = encode_answer(handle.tokenizer, REQUEST.prompt, REQUEST.target_new)
    losses = []
    for _ in range(config.steps):
        adam.zero_grad()
        if objective == "ft-l":
            log_p = model(input_ids=torch.tensor([prompt])).logits[0, -1].log_softmax(dim=0)
            loss = -log_p[list(answer)].mean()
        else:
            logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(answer))
        losses.append(float(loss.detach()))
        if losses[-1] < config.stop_loss:
            break
        loss.backward()
        adam.step()
        if config.norm_constraint:
            bound = config.norm_constraint
            weight.data = torch.clamp(weight.data, min=start - bound, max=start + bound)
    change = (weight - start).detach()
    if isinstance(module, Out):
        return module.as_matrix(change), losses
    return (change.T if handle.architecture.orientation == "in_out" else change), losses


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("objective", ["ft-l", "ft-m"])
def test_it_equals_training_a_copy(row: str, objective: str) -> None:
    handle = tiny_handle(row, torch.float64)
    fact = edit_rows(handle, REQUEST, ("{}",))[0]
    for layer, config in ((1, CONFIG), (2, replace(CONFIG, norm_constraint=0.012))):
        delta, losses = trained(above(handle, [fact.ids], [0], layer), fact, config, objective)  # type: ignore[arg-type]
        wanted, published = by_autograd(handle, layer, objective, config)
        assert losses[: len(published)] == pytest.approx(published, rel=1e-6)
        # some norms of transformers are float32 whatever the model is, which Adam magnifies where a gradient is near 0
        close = torch.isclose(delta, wanted, rtol=1e-3, atol=1e-5)
        assert float(close.double().mean()) > 0.99
        assert float((delta - wanted).abs().mean()) < 1e-5


def test_the_norm_constraint_holds() -> None:
    handle = tiny_handle("llama")
    bound = 0.005
    free, held = (
        get_method("ft-m").run(handle, REQUEST, 1, replace(CONFIG, norm_constraint=b), SUPPLIES) for b in (0.0, bound)
    )
    assert held.factors[0].whole.abs().max() == pytest.approx(bound)  # reached, and not passed
    assert free.factors[0].whole.abs().max() > 1.5 * bound


def test_the_two_objectives() -> None:
    """By one plain forward pass each: FT-L reads every token after the prompt, FT-M each one where it belongs."""
    handle = tiny_handle("gpt2", torch.float64)
    fact = edit_rows(handle, REQUEST, ("{}",))[0]
    here = above(handle, [fact.ids], [0], 1)
    nothing = torch.zeros(handle.matrix(handle.mlp_out(1)).shape, dtype=torch.float64)
    answer, n = list(fact.answer), len(fact.ids) - len(fact.answer) + 1
    assert len(answer) > 1
    with torch.no_grad():
        log_p = handle.model(input_ids=torch.tensor([fact.ids])).logits[0].log_softmax(dim=1)
        at_prompt, in_place = log_p[n - 1, answer], log_p[range(n - 1, n - 1 + len(answer)), answer]
        assert float(target_loss(here, fact, nothing, "ft-l")) == pytest.approx(-float(at_prompt.mean()))
        assert float(target_loss(here, fact, nothing, "ft-m")) == pytest.approx(-float(in_place.mean()))
    # what cannot be reached: m different tokens share one place, so that their mean loss is at least log m
    config = FtConfig(steps=60, learning_rate=0.02)
    loss = {name: dict(get_method(name).run(handle, REQUEST, 1, config, SUPPLIES).notes)["loss"] for name in _NAMES}
    assert len(set(answer)) == len(answer)
    assert loss["ft-l"] >= math.log(len(answer)) - 1e-6
    assert loss["ft-m"] < math.log(len(answer)) - 0.1


_NAMES = ("ft-l", "ft-m")


def test_one_token_is_one_objective() -> None:
    handle = tiny_handle("llama")
    request = replace(REQUEST, target_new="Paris")
    while len(encode_answer(handle.tokenizer, request.prompt, request.target_new)) > 1:
        request = replace(request, target_new=request.target_new[:-1])
    first, second = (get_method(name).run(handle, request, 1, CONFIG, SUPPLIES) for name in _NAMES)
    assert torch.equal(first.factors[0].whole, second.factors[0].whole)
    assert (first.method, second.method) == _NAMES


def test_the_model_is_as_before_and_may_be_cancelled() -> None:
    handle = tiny_handle("opt")
    digest = weights_digest(handle.model)
    get_method("ft-m").run(handle, REQUEST, 1, CONFIG, SUPPLIES)

    def cancel(step: int, _total: int, _note: str) -> None:
        if step == 2:
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        get_method("ft-m").run(handle, REQUEST, 1, CONFIG, SUPPLIES, cancel)
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0
    assert not any(p.requires_grad or p.grad is not None for p in handle.model.parameters())


@pytest.mark.parametrize("name", ["ft-l", "ft-m", "grace", "wise"])
def test_bad_input_is_one_sentence(name: str) -> None:
    handle, method = tiny_handle("llama"), get_method(name)
    config = method.config_class()
    for change, layer, error, says in (
        ({"subject": "Spain"}, 1, RequestError, "is not in the prompt"),
        ({"target_new": "  "}, 1, RequestError, "is empty"),
        ({"prompt": "France " * 200}, 1, RequestError, "shorten it"),
        ({}, 3, EditError, "has layers 0 to 2"),
    ):
        with pytest.raises(error, match=says) as caught:
            method.run(handle, replace(REQUEST, **change), layer, config, SUPPLIES)
        assert "\n" not in str(caught.value)
    with torch.no_grad():
        handle.head.weight[0, 0] = torch.inf  # type: ignore[index, union-attr, operator]
    with pytest.raises(EditError, match="not finite"):
        method.run(handle, REQUEST, 1, config, SUPPLIES)
    assert hooks_on(handle.model) == 0


def test_on_top_of_an_earlier_edit_it_sees_the_edited_model() -> None:
    handle = tiny_handle("llama", torch.float64)
    method = get_method("ft-m")
    earlier = method.run(handle, replace(REQUEST, target_new="Rome"), 1, CONFIG, SUPPLIES)
    with handle.lock, overlay(handle, [earlier]):
        later = method.run(handle, REQUEST, 1, CONFIG, SUPPLIES)
        start = later.notes
    assert dict(start)["loss"] != dict(method.run(handle, REQUEST, 1, CONFIG, SUPPLIES).notes)["loss"]
    ids = torch.tensor([edit_rows(handle, REQUEST, ("{}",))[0].ids])
    fact = edit_rows(handle, REQUEST, ("{}",))[0]
    with overlay(handle, [earlier, later]), torch.no_grad():
        log_p = handle.model(input_ids=ids).logits[0].log_softmax(dim=1)
    got = -log_p[list(fact.wanted), list(fact.answer)].mean()
    assert float(got) == pytest.approx(dict(later.notes)["loss"], rel=1e-4)
