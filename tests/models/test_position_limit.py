"""Where a model's angles change with the longest row of a batch, no row is as long as that."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from goldenlayers_core.attribution.logit_lens import logit_lens
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.architectures import row_named
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.records import ModelSource
from tests.tiny import CONFIGS, HEADS, WIDTH, tiny_handle, tokenizer

FIRST = 48  # tokens of the length it was first trained at; 128 are stated
HALF = WIDTH // HEADS // 2


def long_model() -> ModelHandle:
    rotary = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * HALF,
        "long_factor": [4.0] * HALF,
        "original_max_position_embeddings": FIRST,
    }
    given = CONFIGS["phi3"] | {"original_max_position_embeddings": FIRST, "rope_parameters": rotary}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("phi3", **given)).eval()
    return ModelHandle("long", ModelSource("long"), model, tokenizer(), row_named("phi3"), "0" * 16)


def logits(handle: ModelHandle, n_tokens: int, beside: int) -> torch.Tensor:
    """Of one row of tokens, in a batch with another."""
    ids = torch.arange(3, 3 + max(n_tokens, beside)).repeat(2, 1)
    mask = torch.zeros_like(ids)
    mask[0, :n_tokens], mask[1, :beside] = 1, 1
    with torch.no_grad():
        return handle.model(ids, attention_mask=mask).logits[0, :n_tokens]


def test_a_longer_text_would_change_the_numbers_of_the_one_beside_it_and_is_refused() -> None:
    handle = long_model()
    alone = logits(handle, 20, 20)
    assert torch.allclose(logits(handle, 20, FIRST), alone, atol=1e-6)
    assert (logits(handle, 20, FIRST + 1) - alone).abs().max() > 1e-5  # what the limit is for
    assert last_position(handle) == FIRST - 1
    with pytest.raises(RequestError, match=f"takes at most {FIRST}; shorten it"):
        logit_lens(handle, "word " * 30, 5, 6)


def test_settings_of_each_layer_type_are_looked_through_and_other_models_keep_their_length() -> None:
    assert last_position(tiny_handle("phi3")) == 127
    handle = long_model()
    config = handle.model.config
    config.rope_parameters = {"full_attention": config.rope_parameters, "sliding_attention": {"rope_type": "default"}}
    assert last_position(handle) == FIRST - 1
