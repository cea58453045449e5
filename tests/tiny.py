"""Tiny random models of every architecture row, built from configs whose sizes are asserted. No download."""

import copy
import os
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedTokenizerFast

from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.architectures import ARCHITECTURES, row_named
from goldenlayers_core.models.experts import Inner, Out
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.records import ModelSource
from tests.families import BASE, FAMILIES, GPT, HEADS, INNER, LAYERS, VOCABULARY, WIDTH

__all__ = [
    *("CONFIGS", "EVERY", "HEADS", "INNER", "LAYERS", "ROWS", "VOCABULARY", "WIDTH"),
    *("MODULES", "add_to", "copy_of", "kind_of", "parameter_of", "save_tiny", "tiny_handle", "tiny_model", "tokenizer"),
]

_OPT_KEYS = {k: v for k, v in BASE.items() if k not in ("intermediate_size", "num_key_value_heads", "head_dim")}

CONFIGS: dict[str, dict[str, Any]] = {
    "llama": BASE,
    "mistral": {**BASE, "sliding_window": 64},
    "qwen2": BASE,
    "qwen3": BASE,
    "gemma2": {**BASE, "sliding_window": 64, "query_pre_attn_scalar": 8},
    "gemma3_text": {**BASE, "sliding_window": 64, "query_pre_attn_scalar": 8},
    "gemma3": {
        "text_config": {**BASE, "sliding_window": 64, "query_pre_attn_scalar": 8},
        "vision_config": {
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
        },
        "mm_tokens_per_image": 4,
    },
    "gpt2": GPT,
    "gpt_neox": {k: v for k, v in BASE.items() if k not in ("num_key_value_heads", "head_dim")},
    "gptj": {**GPT, "rotary_dim": 4},
    "phi3": {**{k: v for k, v in BASE.items() if k != "head_dim"}, "original_max_position_embeddings": 128},
    "opt": {**_OPT_KEYS, "ffn_dim": INNER, "word_embed_proj_dim": WIDTH, "dropout": 0.0, "attention_dropout": 0.0},
    "bloom": {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    },
}
EVERY = (*CONFIGS, *FAMILIES)
ROWS = EVERY if os.environ.get("GOLDENLAYERS_FAMILIES") else tuple(CONFIGS)
"""What every test of all architectures runs on: thirteen rows, and all of them under `make families`."""

_TEXT = [
    "The capital of France is Paris and the capital of Italy is Rome.",
    "The language spoken in Brazil is Portuguese; in Japan it is Japanese.",
    "Who wrote Hamlet? Shakespeare wrote Hamlet, and Therefore Because I You.",
    "The mountain Mont Blanc, in the Alps, is a mountain that rises in Europe.",
]


@cache
def tokenizer() -> Any:
    """A byte-level BPE tokenizer of at most VOCABULARY entries, trained on four sentences."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(_TEXT, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def kind_of(row: str) -> str:
    """The `model_type` of a tiny model's name: falcon, of "falcon RW"."""
    return FAMILIES[row][0] if row in FAMILIES else row


MODULES = tuple(
    name
    for name in ROWS
    if not any(row.model_type == kind_of(name) and row.mlp_out.endswith("experts.out") for row in ARCHITECTURES)
)
"""Those of ROWS whose matrix to write to is a module of transformers."""


def tiny_model(row: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> Any:
    """A random model of one row. Every matrix gets entries large enough that layers differ; sizes are asserted."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        settings = FAMILIES[row][1] if row in FAMILIES else CONFIGS[row]
        model: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind_of(row), **settings), dtype=dtype)
        for name, parameter in model.named_parameters():
            if name.endswith("A_log"):  # a state that is forgotten slowly: a token reaches the end of its row
                parameter.fill_(-2.0)
            elif parameter.ndim >= 2:
                torch.nn.init.normal_(parameter, std=0.25)
            elif row in FAMILIES:  # gains and biases that are none would hide what is done with them
                parameter.data += 0.1 * torch.randn_like(parameter)
    text = model.config.get_text_config()
    assert (text.hidden_size, text.num_hidden_layers, text.vocab_size) == (WIDTH, LAYERS, VOCABULARY)
    return model.eval().requires_grad_(False)


def tiny_handle(row: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> ModelHandle:
    """A handle on a tiny random model of one row."""
    model = tiny_model(row, dtype, seed)
    handle = ModelHandle(
        name=f"tiny-{row}",
        source=ModelSource(f"tiny-{row}"),
        model=model,
        tokenizer=tokenizer(),
        architecture=row_named(kind_of(row)),
        fingerprint=weights_digest(model),
    )
    assert handle.n_layers == LAYERS
    return handle


def copy_of(model: Any) -> Any:
    """A second model of the same weights, also where a pass has left states with a gradient in modules."""
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor) and value.grad_fn is not None:
                setattr(module, name, value.detach())
    return copy.deepcopy(model)


def add_to(handle: ModelHandle, site: Any, change: torch.Tensor) -> None:
    """Add a change (d_out, d_in) to the weight behind a site of a model, or of a copy of it."""
    change = change.to(site.weight)
    if isinstance(site, Out):
        site.parameter.data += site.as_parameter(change)
    else:
        site.weight.data += change.T if handle.architecture.orientation == "in_out" else change


def parameter_of(site: Any) -> Any:
    """The parameter behind a site: its weight, or the fused one of a layer's experts."""
    return site.parameter if isinstance(site, Inner | Out) else site.weight


def save_tiny(folder: Path, row: str = "llama", seed: int = 0) -> Path:
    """A tiny model folder as it is released: config.json, safetensors, tokenizer."""
    whole_of(tiny_model(row, seed=seed), row).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def whole_of(model: Any, row: str) -> Any:
    """A tiny model as it is released: within a model of images and text, where transformers reads that one's text part
    and would save it as a text model."""
    if model.config.model_type == kind_of(row):
        return model
    whole: Any = AutoModelForImageTextToText.from_config(AutoConfig.for_model(kind_of(row), **FAMILIES[row][1]))
    whole.model.language_model.load_state_dict(model.model.state_dict())
    whole.lm_head.load_state_dict(model.lm_head.state_dict())
    return whole
