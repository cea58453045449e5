"""Tiny configs of the families beyond the first thirteen: {name: (model_type, settings)}; no download.

A name is the row's `model_type`, with a word behind it where a family comes in several forms.
"""

from typing import Any, Final

VOCABULARY, WIDTH, LAYERS, HEADS, INNER = 300, 32, 3, 4, 48
BASE: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "head_dim": WIDTH // HEADS,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GPT: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    "n_embd": WIDTH,
    "n_layer": LAYERS,
    "n_head": HEADS,
    "n_inner": INNER,
    "n_positions": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "resid_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "attn_pdrop": 0.0,
}
_NO_KV: Final = {k: v for k, v in BASE.items() if k not in ("num_key_value_heads", "head_dim")}
_FALCON: Final = {k: v for k, v in _NO_KV.items() if k != "intermediate_size"} | {"ffn_hidden_size": INNER}
_WINDOW: Final = {"sliding_window": 64}
_GRANITE: Final = {
    "residual_multiplier": 0.22,
    "logits_scaling": 8.0,
    "embedding_multiplier": 2.0,
    "attention_multiplier": 0.3,
}

_ALIKE: Final = (
    *("gemma", "smollm3", "ernie4_5", "hunyuan_v1_dense", "seed_oss", "diffllama", "helium", "vaultgemma"),
    *("iquestcoder", "doge", "bitnet", "olmo", "olmo2", "arcee", "apertus", "nemotron", "jais2", "nanochat", "glm"),
    "glm4",
)

IN_FLOAT32: Final = ("gemma2", "granite_swa", "mpt", "vaultgemma")
"""Families whose attention takes its softmax in float32, whatever the model's own format."""
FAMILIES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    **{name: (name, BASE) for name in _ALIKE},
    **{name: (name, {**BASE, **_WINDOW}) for name in ("ministral", "ministral3", "cwm", "olmo3", "starcoder2")},
    "exaone4": ("exaone4", {**BASE, **_WINDOW, "sliding_window_pattern": 2}),
    "gemma4_unified_text": ("gemma4_unified_text", {**BASE, **_WINDOW}),
    "stablelm": ("stablelm", BASE),
    "stablelm parallel": ("stablelm", {**BASE, "use_parallel_residual": True}),
    "cohere": ("cohere", {**BASE, "logit_scale": 0.25}),
    "cohere2": ("cohere2", {**BASE, **_WINDOW, "logit_scale": 0.25}),
    "granite": ("granite", {**BASE, **_GRANITE}),
    "granite_swa": ("granite_swa", {**BASE, **_GRANITE, **_WINDOW}),
    "hyperclovax": ("hyperclovax", {**BASE, **_GRANITE, "logits_scaling": 0.125, "use_post_norm": True}),
    "phi": ("phi", {k: v for k, v in BASE.items() if k != "head_dim"}),
    "persimmon": ("persimmon", _NO_KV),
    "gpt_bigcode": ("gpt_bigcode", GPT),
    "gpt_neo": (
        "gpt_neo",
        {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "intermediate_size": INNER,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "attention_types": [[["global", "local", "global"], 1]],
            "window_size": 64,
            "max_position_embeddings": 128,
            "resid_dropout": 0.0,
            "embed_dropout": 0.0,
            "attention_dropout": 0.0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
    ),
    "codegen": ("codegen", {**GPT, "n_ctx": 128, "rotary_dim": 4}),
    "mpt": (
        "mpt",
        {
            "vocab_size": VOCABULARY,
            "d_model": WIDTH,
            "n_heads": HEADS,
            "n_layers": LAYERS,
            "expansion_ratio": 2,
            "max_seq_len": 128,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
    ),
    "falcon 7B": ("falcon", {**_FALCON, "multi_query": True, "parallel_attn": True}),
    "falcon 40B": ("falcon", {**_FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon RW": (
        "falcon",
        {**_FALCON, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
    ),
    "biogpt": (
        "biogpt",
        {**_NO_KV, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "layerdrop": 0.0},
    ),
    "xglm": (
        "xglm",
        {
            "vocab_size": VOCABULARY,
            "d_model": WIDTH,
            "ffn_dim": INNER,
            "num_layers": LAYERS,
            "attention_heads": HEADS,
            "max_position_embeddings": 128,
            "dropout": 0.0,
            "attention_dropout": 0.0,
            "layerdrop": 0.0,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
    ),
    "gpt_neox_japanese": ("gpt_neox_japanese", {**_NO_KV, "intermediate_multiple_size": 2}),
}
