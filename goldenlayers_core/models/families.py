"""Rows of the families beyond the first thirteen; each has a tiny model in tests/families.py."""

from dataclasses import replace
from typing import Final

from goldenlayers_core.models.architecture import FUSED, PLAIN, SPLIT_ATTENTION, Architecture, like_llama

_LIKE_LLAMA: Final = (
    like_llama("ministral", "Ministral"),
    like_llama("ministral3", "Ministral 3"),
    like_llama("gemma", "Gemma", names="Gemma 1, CodeGemma"),
    like_llama("smollm3", "SmolLM3"),
    like_llama("ernie4_5", "ERNIE 4.5", names="ERNIE 4.5 0.3B"),
    like_llama("hunyuan_v1_dense", "HunYuan", names="HunYuan 0.5B to 7B"),
    like_llama("seed_oss", "Seed-OSS"),
    like_llama("diffllama", "DiffLlama"),
    like_llama("helium", "Helium"),
    like_llama("vaultgemma", "VaultGemma"),
    like_llama("iquestcoder", "IQuest-Coder"),
    like_llama("cwm", "CWM", names="Code World Model"),
    like_llama("stablelm", "StableLM", names="StableLM 2 and 3B, Stable Code"),
    replace(like_llama("doge", "Doge"), packs_branches=False),  # keeps the strongest keys of a row
    like_llama("bitnet", "BitNet"),
    like_llama("olmo", "OLMo"),
    like_llama("olmo2", "OLMo 2", adds_mlp_out=False),
    like_llama("olmo3", "OLMo 3", adds_mlp_out=False),
    like_llama("exaone4", "EXAONE 4.0", adds_mlp_out=False),
    like_llama("gemma4_unified_text", "Gemma 4 unified (text)", adds_mlp_out=False),
    like_llama("arcee", "Arcee", names="AFM-4.5B", mlp=PLAIN),
    like_llama("apertus", "Apertus", mlp=PLAIN),
    like_llama("nemotron", "Nemotron", names="Minitron, Nemotron-4", mlp=PLAIN),
    like_llama("jais2", "Jais 2", mlp=PLAIN),
    like_llama("nanochat", "nanochat", mlp=("mlp.fc1", "mlp.fc2")),
    like_llama("starcoder2", "StarCoder2", mlp=("mlp.c_fc", "mlp.c_proj")),
    like_llama("glm", "GLM", names="GLM-4 9B, GLM-Edge", mlp=FUSED),
    like_llama(
        "glm4",
        "GLM-4-0414",
        adds_mlp_out=False,
        names="GLM-4 32B, GLM-Z1",
        mlp=FUSED,
        added=("post_self_attn_layernorm", "post_mlp_layernorm"),
    ),
    like_llama("cohere", "Cohere", names="Command R, Aya 23", logits_times="logit_scale"),
    like_llama("cohere2", "Cohere 2", names="Command R7B, Command A", logits_times="logit_scale"),
    *(
        like_llama(
            kind,
            title,
            adds_mlp_out=False,  # times 0.22 in released models
            names=names,
            added=("", ""),
            added_times="residual_multiplier",
            logits_over="logits_scaling",
        )
        for kind, title, names in (
            ("granite", "Granite", "Granite 3 dense"),
            ("granite_swa", "Granite (sliding window)", ""),
        )
    ),
    like_llama(
        "hyperclovax",
        "HyperCLOVA X",
        adds_mlp_out=False,
        names="HyperCLOVA X SEED",
        added=("post_norm1", "post_norm2"),
        added_times="residual_multiplier",
        logits_times="logits_scaling",
    ),
)

_PHI: Final = Architecture(
    model_type="phi",
    title="Phi",
    names="Phi-1, Phi-1.5, Phi-2",
    blocks="model.layers",
    embedding="model.embed_tokens",
    final_norm="model.final_layernorm",
    mlp=("mlp.fc1", "mlp.fc2"),
    attention=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.dense"),
)
_PERSIMMON: Final = replace(
    _PHI,
    model_type="persimmon",
    title="Persimmon",
    names="",
    mlp=("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    attention=("self_attn.query_key_value", "self_attn.dense"),
)
_GPT_BIGCODE: Final = Architecture(
    model_type="gpt_bigcode",
    title="GPT-BigCode",
    names="StarCoder, SantaCoder",
    blocks="transformer.h",
    embedding="transformer.wte",
    final_norm="transformer.ln_f",
    mlp=("mlp.c_fc", "mlp.c_proj"),
    attention=("attn.c_attn", "attn.c_proj"),
)
_GPT_NEO: Final = replace(
    _GPT_BIGCODE,
    model_type="gpt_neo",
    title="GPT-Neo",
    names="GPT-Neo 125M to 2.7B, TinyStories",
    attention=tuple(f"attn.attention.{name}" for name in ("q_proj", "k_proj", "v_proj", "out_proj")),
    block_returns="tuple",
    packs_branches=False,  # its local layers measure the window in columns, whatever the positions
)
_CODEGEN: Final = replace(
    _GPT_BIGCODE,
    model_type="codegen",
    title="CodeGen",
    names="",
    mlp=("mlp.fc_in", "mlp.fc_out"),
    attention=("attn.qkv_proj", "attn.out_proj"),
    block_returns="tuple",
)
_MPT: Final = Architecture(
    model_type="mpt",
    title="MPT",
    blocks="transformer.blocks",
    embedding="transformer.wte",
    final_norm="transformer.norm_f",
    mlp=("ffn.up_proj", "ffn.down_proj"),
    attention=("attn.Wqkv", "attn.out_proj"),
    block_returns="tuple",
    packs_branches=False,  # ALiBi: positions come from the mask
)
_FALCON: Final = Architecture(
    model_type="falcon",
    title="Falcon",
    names="Falcon 7B, 40B, 180B, RW, Falcon 2",
    blocks="transformer.h",
    embedding="transformer.word_embeddings",
    final_norm="transformer.ln_f",
    mlp=("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    attention=("self_attention.query_key_value", "self_attention.dense"),
    block_returns="tuple",
    packs_branches=False,  # Falcon-RW has ALiBi: positions come from the mask
)
_BIOGPT: Final = Architecture(
    model_type="biogpt",
    title="BioGPT",
    blocks="biogpt.layers",
    embedding="biogpt.embed_tokens",
    final_norm="biogpt.layer_norm",
    mlp=("fc1", "fc2"),
    attention=(*SPLIT_ATTENTION[:3], "self_attn.out_proj"),
)
_XGLM: Final = replace(
    _BIOGPT,
    model_type="xglm",
    title="XGLM",
    in_float64=False,
    blocks="model.layers",
    embedding="model.embed_tokens",
    final_norm="model.layer_norm",
)
_GPT_NEOX_JAPANESE: Final = Architecture(
    model_type="gpt_neox_japanese",
    title="GPT-NeoX Japanese",
    blocks="gpt_neox_japanese.layers",
    embedding="gpt_neox_japanese.embed_in",
    final_norm="gpt_neox_japanese.final_layer_norm",
    mlp=("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    attention=("attention.query_key_value", "attention.dense"),
    block_returns="tuple",
)

FAMILIES: Final[tuple[Architecture, ...]] = (
    *_LIKE_LLAMA,
    _PHI,
    _PERSIMMON,
    _GPT_BIGCODE,
    _GPT_NEO,
    _CODEGEN,
    _MPT,
    _FALCON,
    _BIOGPT,
    _XGLM,
    _GPT_NEOX_JAPANESE,
)
