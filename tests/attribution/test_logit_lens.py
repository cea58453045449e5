"""The lens at the last layer is the model itself, and what the layers add is all of the logit difference."""

import dataclasses

import numpy as np
import pytest
import torch

from goldenlayers_core.attribution.logit_lens import logit_lens
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import encode_prompt
from tests.families import NO_SUM
from tests.tiny import LAYERS, ROWS, tiny_handle

PROMPT = "The capital of France is"
NEW, OLD = 40, 77


def logits_of(handle: ModelHandle, prompt: str = PROMPT) -> torch.Tensor:
    """(V,) what the model itself says after the prompt."""
    ids = torch.tensor([encode_prompt(handle.tokenizer, prompt)])
    with torch.no_grad():
        out: torch.Tensor = handle.model(input_ids=ids).logits[0, -1]
    return out


@pytest.fixture(scope="module", params=ROWS)
def handle(request: pytest.FixtureRequest) -> ModelHandle:
    return tiny_handle(request.param, torch.float64)


def test_at_the_last_layer_it_reads_what_the_model_says(handle: ModelHandle) -> None:
    log_p = logits_of(handle).log_softmax(dim=0)
    reading = logit_lens(handle, PROMPT, NEW, OLD)
    assert reading.probability[:, -1] == pytest.approx([float(log_p[t].exp()) for t in (NEW, OLD)], rel=1e-10)
    assert reading.rank[:, -1].tolist() == [int((log_p > log_p[t]).sum()) + 1 for t in (NEW, OLD)]


def test_the_lens_itself_gives_the_models_own_answer_at_the_last_layer(handle: ModelHandle) -> None:
    """Not only by construction: a model cut off after a layer answers what the lens read there."""
    reading = logit_lens(handle, PROMPT, NEW, OLD)
    blocks = handle.blocks
    kept = list(blocks)
    try:
        del blocks[LAYERS - 1]
        log_p = logits_of(handle).log_softmax(dim=0)
    finally:
        blocks.append(kept[-1])
    assert reading.probability[:, LAYERS - 1] == pytest.approx([float(log_p[t].exp()) for t in (NEW, OLD)], rel=1e-8)


def test_the_parts_add_up_to_the_logit_difference(handle: ModelHandle) -> None:
    reading = logit_lens(handle, PROMPT, NEW, OLD)
    if handle.name.removeprefix("tiny-") in NO_SUM:  # then no parts are told
        assert not reading.has_contributions
        return
    assert reading.has_contributions
    total = reading.base + reading.attention.sum() + reading.mlp.sum()
    assert total == pytest.approx(reading.difference, rel=1e-6, abs=1e-7)  # RMS norms compute in float32
    cap = getattr(handle.model.config.get_text_config(), handle.architecture.logits_cap, None)
    logits = logits_of(handle)
    uncapped = logits if cap is None else torch.atanh(logits / cap) * cap
    assert reading.difference == pytest.approx(float(uncapped[NEW] - uncapped[OLD]), rel=1e-6, abs=1e-8)


def test_the_parts_are_what_each_layer_adds() -> None:
    """Without a layer's MLP the difference of the streams is exactly what was called its part."""
    handle = tiny_handle("llama", torch.float64)
    reading = logit_lens(handle, PROMPT, NEW, OLD)
    weight = handle.mlp_out(LAYERS - 1).weight
    kept = weight.clone()
    try:
        weight.zero_()
        without = logit_lens(handle, PROMPT, NEW, OLD)
    finally:
        weight.copy_(kept)
    assert without.mlp[-1] == pytest.approx(0.0, abs=1e-12)
    assert reading.mlp[-1] != pytest.approx(0.0, abs=1e-6)
    # the scale of the whole stream is folded in, so the other parts keep their proportions
    ratio = without.attention / reading.attention
    assert ratio == pytest.approx(np.full(LAYERS, ratio[0]), rel=1e-8)


def test_where_the_parts_are_no_sum_none_is_told() -> None:
    handle = tiny_handle("gemma2", torch.float64)
    wrong = dataclasses.replace(handle.architecture, mlp_added="mlp.down_proj")  # what is added is behind a norm
    reading = logit_lens(dataclasses.replace(handle, architecture=wrong), PROMPT, NEW, OLD)
    assert not reading.has_contributions
    assert np.isnan(reading.mlp).all()
    assert np.isfinite(reading.probability).all()


def test_in_float32_the_parts_still_add_up() -> None:
    reading = logit_lens(tiny_handle("gpt2"), PROMPT, NEW, OLD)
    assert reading.base + reading.attention.sum() + reading.mlp.sum() == pytest.approx(reading.difference, abs=1e-3)


def test_a_prompt_the_model_cannot_take_is_one_sentence() -> None:
    handle = tiny_handle("llama")
    with pytest.raises(RequestError, match="takes at most 128; shorten it"):
        logit_lens(handle, "word " * 400, NEW, OLD)
    with pytest.raises(RequestError, match="write at least one word"):
        logit_lens(handle, "", NEW, OLD)
