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
_DELTA_NET: Final = {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
_VISION: Final = {
    "depth": 1,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_heads": 2,
    "out_hidden_size": WIDTH,
    "patch_size": 4,
    "num_position_embeddings": 4,
}
_MAMBA: Final = {
    "mamba_n_heads": 4,
    "mamba_d_head": WIDTH // 4,
    "mamba_d_state": 8,
    "mamba_expand": 2,
    "mamba_chunk_size": 16,
}
_NO_DIM: Final = {k: v for k, v in BASE.items() if k != "head_dim"}
_EXPERTS: Final = {
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
}
_SHARED: Final = {"shared_expert_intermediate_size": 20}
_DENSE_FIRST: Final = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "moe_intermediate_size": 24,
    "n_group": 1,
    "topk_group": 1,
    "routed_scaling_factor": 1.5,
}
_DEEPSEEK: Final = {
    **_DENSE_FIRST,
    "num_key_value_heads": HEADS,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
}

_ALIKE: Final = (
    *("gemma", "smollm3", "ernie4_5", "hunyuan_v1_dense", "seed_oss", "diffllama", "helium", "vaultgemma"),
    *("iquestcoder", "doge", "bitnet", "olmo", "olmo2", "arcee", "apertus", "nemotron", "jais2", "nanochat", "glm"),
    "glm4",
)

IN_FLOAT32: Final = ("gemma2", "granite_swa", "gpt_neo", "mpt", "vaultgemma")
"""Families whose attention takes its softmax in float32, whatever the model's own format."""
PARTLY_IN_FLOAT32: Final = (
    *("qwen3_5_text", "qwen3_5", "falcon_h1", "bamba", "recurrent_gemma", "olmo_hybrid", "qwen3_next"),
    *("qwen3_5_moe_text", "qwen3_5_moe", "mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v2 Lite"),
    *("deepseek_v2", "deepseek_v3", "glm4_moe", "glm4_moe_lite", "dots1", "ernie4_5_moe", "granitemoe", "phimoe"),
    "lfm2_moe",
)
"""Families whose running states, or whose routers, are float32, whatever the model's own format."""
NO_SUM: Final = ("doge", "gpt_neox_japanese", "falcon_h1", "opt 350M")
"""Families whose stream is no sum of what attention and MLP put out: gains on it, a bias of its own, a third part, a
norm of the sum."""
FAMILIES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    **{name: (name, BASE) for name in _ALIKE},
    **{name: (name, {**BASE, **_WINDOW}) for name in ("ministral", "ministral3", "cwm", "olmo3", "starcoder2")},
    "exaone4": ("exaone4", {**BASE, **_WINDOW, "sliding_window_pattern": 2}),
    "gemma4_unified_text": ("gemma4_unified_text", {**BASE, **_WINDOW}),
    "gemma4_unified_text keys as values": ("gemma4_unified_text", {**BASE, **_WINDOW, "attention_k_eq_v": True}),
    "olmo clipped": ("olmo", {**BASE, "clip_qkv": 0.5}),
    "opt 350M": (
        "opt",
        {
            **{k: v for k, v in _NO_KV.items() if k != "intermediate_size"},
            "ffn_dim": INNER,
            "word_embed_proj_dim": WIDTH // 2,
            "do_layer_norm_before": False,
            "dropout": 0.0,
            "attention_dropout": 0.0,
        },
    ),
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
    "qwen3_5_text": ("qwen3_5_text", {**BASE, **_DELTA_NET}),
    "qwen3_5": ("qwen3_5", {"text_config": {**BASE, **_DELTA_NET}, "vision_config": _VISION}),
    "falcon_h1": (
        "falcon_h1",
        {
            **BASE,
            **_MAMBA,
            "mamba_d_ssm": WIDTH,
            "lm_head_multiplier": 0.5,
            "embedding_multiplier": 2.0,
            "mlp_multipliers": [0.7, 0.6],
            "attention_out_multiplier": 0.8,
            "ssm_out_multiplier": 0.9,
        },
    ),
    "lfm2": (
        "lfm2",
        {
            **BASE,
            "layer_types": ["conv", "full_attention", "conv"],
            "block_auto_adjust_ff_dim": False,
            "conv_L_cache": 40,
        },
    ),
    "bamba": ("bamba", {**BASE, **_MAMBA, "mamba_d_head": 16, "attn_layer_indices": [1]}),
    "recurrent_gemma": (
        "recurrent_gemma",
        {
            **BASE,
            "intermediate_size": 2 * INNER,
            "lru_width": WIDTH,
            "attention_window_size": 64,
            "block_types": ["recurrent", "attention", "recurrent"],
            "logits_soft_cap": 5.0,
        },
    ),
    "olmo_hybrid": (
        "olmo_hybrid",
        {
            **BASE,
            "layer_types": ["linear_attention", "full_attention", "linear_attention"],
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 2,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 12,
        },
    ),
    "mixtral": ("mixtral", {**BASE, **_EXPERTS}),
    "qwen3_moe": ("qwen3_moe", {**BASE, **_EXPERTS, "mlp_only_layers": [0], "norm_topk_prob": True}),
    "qwen2_moe": ("qwen2_moe", {**_NO_DIM, **_EXPERTS, **_SHARED}),
    "olmoe": ("olmoe", {**_NO_DIM, **_EXPERTS}),
    "deepseek_v2 Lite": ("deepseek_v2", {**_NO_DIM, **_DEEPSEEK, "q_lora_rank": None}),
    "deepseek_v2": ("deepseek_v2", {**_NO_DIM, **_DEEPSEEK, "q_lora_rank": 12}),
    "deepseek_v3": ("deepseek_v3", {**_NO_DIM, **_DEEPSEEK, "q_lora_rank": 12}),
    "glm4_moe": ("glm4_moe", {**BASE, **_EXPERTS, **_DENSE_FIRST}),
    "dots1": ("dots1", {**BASE, **_EXPERTS, **_DENSE_FIRST}),
    "ernie4_5_moe": (
        "ernie4_5_moe",
        {**BASE, "moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 24, "moe_num_shared_experts": 1},
    ),
    "gpt_oss": ("gpt_oss", {**BASE, **_EXPERTS, **_WINDOW}),
    "granitemoe": ("granitemoe", {**_NO_DIM, **_GRANITE, **_EXPERTS}),
    "phimoe": ("phimoe", {**_NO_DIM, **_EXPERTS}),
    "glm4_moe_lite": (
        "glm4_moe_lite",
        {**_NO_DIM, **_DEEPSEEK, "q_lora_rank": 12, "mlp_layer_types": ["dense", "sparse", "sparse"]},
    ),
    "qwen3_next": ("qwen3_next", {**BASE, **_DELTA_NET, **_EXPERTS, **_SHARED}),
    "qwen3_5_moe_text": ("qwen3_5_moe_text", {**BASE, **_DELTA_NET, **_EXPERTS, **_SHARED}),
    "qwen3_5_moe": (
        "qwen3_5_moe",
        {"text_config": {**BASE, **_DELTA_NET, **_EXPERTS, **_SHARED}, "vision_config": _VISION},
    ),
    "lfm2_moe": (
        "lfm2_moe",
        {
            **BASE,
            **_EXPERTS,
            "layer_types": ["conv", "full_attention", "conv"],
            "conv_L_cache": 40,
            "num_dense_layers": 1,
        },
    ),
}


def near(row: str) -> float:
    """Within what two ways to one number agree in float64; less where transformers computes a part in float32."""
    return 1e-5 if row in PARTLY_IN_FLOAT32 else 1e-6 if row in IN_FLOAT32 else 1e-9
