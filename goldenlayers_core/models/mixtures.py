"""Rows of mixtures of experts: `models.experts` makes two linear maps of a layer's fused experts.

Where every token also goes through a shared expert, that one is written to; else the experts that the token is routed
to. The first blocks of some families have a plain MLP.
"""

from dataclasses import replace
from typing import Final

from goldenlayers_core.models.architecture import GATED, Architecture, like_llama
from goldenlayers_core.models.hybrids import DELTA_NET, LFM, hybrid


def _mixture(row: Architecture, shared: str = "", mlp: str = "mlp", dense: bool = True) -> Architecture:
    """`shared`: name of the shared expert in the MLP; `dense`: whether some blocks may have a plain MLP."""
    routed = (f"{mlp}.experts.inner", f"{mlp}.experts.out")
    own = tuple(f"{mlp}.{shared}.{name}" for name in ("gate_proj", "up_proj", "down_proj")) if shared else ()
    return replace(row, mlp=routed + own, experts=f"{mlp}.experts", mlp_whole=mlp, dense_mlp=GATED if dense else ())


_LATENT: Final = ("self_attn.kv_a_proj_with_mqa", "self_attn.kv_b_proj", "self_attn.o_proj")


def _latent(row: Architecture) -> Architecture:
    """Multi-head latent attention; the smaller models have one query projection, the larger ones two."""
    two = ("self_attn.q_a_proj", "self_attn.q_b_proj", *_LATENT)
    return replace(row, attention=("self_attn.q_proj", *_LATENT), other_mixer=two)


MIXTURES: Final[tuple[Architecture, ...]] = (
    _mixture(like_llama("mixtral", "Mixtral", names="Mixtral 8x7B, 8x22B"), dense=False),
    _mixture(like_llama("qwen3_moe", "Qwen3-MoE", names="Qwen3 30B-A3B, 235B-A22B")),
    _mixture(
        # what the shared expert adds is times a gate
        like_llama(
            "qwen2_moe", "Qwen2-MoE", names="Qwen1.5-MoE-A2.7B, Qwen2 57B-A14B", adds_mlp_out=False, added=("", "")
        ),
        shared="shared_expert",
    ),
    _mixture(like_llama("olmoe", "OLMoE", names="OLMoE 1B-7B"), dense=False),
    _mixture(_latent(like_llama("deepseek_v2", "DeepSeek V2", names="DeepSeek V2, V2-Lite")), shared="shared_experts"),
    _mixture(_latent(like_llama("deepseek_v3", "DeepSeek V3", names="DeepSeek V3, R1")), shared="shared_experts"),
    _mixture(like_llama("glm4_moe", "GLM-4.5", names="GLM-4.5, 4.6, Air"), shared="shared_experts"),
    _mixture(like_llama("dots1", "dots.llm1"), shared="shared_experts"),
    _mixture(like_llama("ernie4_5_moe", "ERNIE 4.5 MoE", names="ERNIE 4.5 21B-A3B"), shared="shared_experts"),
    _mixture(like_llama("gpt_oss", "gpt-oss", names="gpt-oss 20B, 120B"), dense=False),
    _mixture(
        like_llama(
            "granitemoe",
            "Granite MoE",
            names="Granite 3 1B-A400M, 3B-A800M",
            adds_mlp_out=False,
            added=("", ""),
            added_times="residual_multiplier",
            logits_over="logits_scaling",
        ),
        mlp="block_sparse_moe",
        dense=False,
    ),
    _mixture(like_llama("phimoe", "Phi-MoE", names="Phi-3.5-MoE"), dense=False),
    _mixture(
        _latent(like_llama("glm4_moe_lite", "GLM-4 MoE Lite", names="GLM-4.7-Flash")),
        shared="shared_experts",
    ),
    _mixture(
        hybrid(
            like_llama("qwen3_next", "Qwen3-Next", names="Qwen3-Next 80B-A3B", adds_mlp_out=False, added=("", "")),
            tuple(f"linear_attn.{name}" for name in ("in_proj_qkvz", "in_proj_ba", "out_proj")),
        ),
        shared="shared_expert",
    ),
    *(
        _mixture(
            hybrid(like_llama(kind, title, adds_mlp_out=False, added=("", "")), DELTA_NET),
            shared="shared_expert",
            dense=False,
        )
        for kind, title in (("qwen3_5_moe_text", "Qwen3.5 MoE (text)"), ("qwen3_5_moe", "Qwen3.5 MoE"))
    ),
    replace(
        _mixture(replace(LFM, model_type="lfm2_moe", title="LFM2 MoE", names="LFM2 8B-A1B"), mlp="feed_forward"),
        dense_mlp=LFM.mlp,
    ),
)
