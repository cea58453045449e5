"""What is said of models of the hub is what their configurations make, and only what can be loaded is offered."""

from typing import Any, Final

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from goldenlayers_core.models.presets import PRESETS, Preset

_LLAMA_7B: Final = {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32}
CONFIGURED: Final[dict[str, dict[str, Any]]] = {
    "openai-community/gpt2": {"n_embd": 768, "n_layer": 12, "n_head": 12},
    "openai-community/gpt2-xl": {"n_embd": 1600, "n_layer": 48, "n_head": 25},
    "EleutherAI/gpt-j-6b": {
        "n_embd": 4096,
        "n_layer": 28,
        "n_head": 16,
        "rotary_dim": 64,
        "vocab_size": 50400,
        "tie_word_embeddings": False,
    },
    "EleutherAI/pythia-1b": {
        "vocab_size": 50304,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 8,
    },
    "HuggingFaceTB/SmolLM2-360M": {
        "vocab_size": 49152,
        "hidden_size": 960,
        "intermediate_size": 2560,
        "num_hidden_layers": 32,
        "num_attention_heads": 15,
        "num_key_value_heads": 5,
        "tie_word_embeddings": True,
    },
    "meta-llama/Llama-2-7b-hf": {**_LLAMA_7B, "num_attention_heads": 32, "num_key_value_heads": 32},
    "meta-llama/Llama-3.1-8B": {
        **_LLAMA_7B,
        "vocab_size": 128256,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
    "Qwen/Qwen2.5-0.5B": {
        "vocab_size": 151936,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen2.5-7B": {
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
    "Qwen/Qwen3-1.7B": {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    },
}
"""Sizes of their config.json; the rest is transformers' own default."""


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_sizes_are_those_of_the_configuration(preset: Preset) -> None:
    config = AutoConfig.for_model(preset.model_type, **CONFIGURED[preset.name])
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    assert sum(weight.numel() for weight in model.parameters()) == preset.n_parameters
    assert config.num_hidden_layers == preset.n_layers


def test_weights_that_are_safetensors_elsewhere_only_are_named_with_their_revision() -> None:
    named = {preset.name: preset.named for preset in PRESETS}
    assert named["EleutherAI/gpt-j-6b"] == "EleutherAI/gpt-j-6b, revision refs/pr/40"
    assert named["openai-community/gpt2-xl"] == "openai-community/gpt2-xl"
