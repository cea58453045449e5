"""Rows of families whose blocks mix tokens by attention or by something else: a running state, a convolution.

Such a block has no keys and values of every token, so that whole rows are rerun where the others rerun suffixes.
"""

from dataclasses import replace
from typing import Final

from goldenlayers_core.models.architecture import SPLIT_ATTENTION, Architecture, like_llama

LFM: Final = Architecture(
    model_type="lfm2",
    title="LFM2",
    names="LFM2 350M to 2.6B",
    blocks="model.layers",
    embedding="model.embed_tokens",
    final_norm="model.embedding_norm",
    mlp=("feed_forward.w1", "feed_forward.w3", "feed_forward.w2"),
    attention=(*SPLIT_ATTENTION[:3], "self_attn.out_proj"),
    other_mixer=("conv.in_proj", "conv.out_proj"),
    keeps_keys=False,
    packs_branches=False,
)
DELTA_NET: Final = tuple(
    f"linear_attn.{name}" for name in ("in_proj_qkv", "in_proj_z", "in_proj_b", "in_proj_a", "out_proj")
)
_FEED_FORWARD: Final = ("feed_forward.gate_proj", "feed_forward.up_proj", "feed_forward.down_proj")


def hybrid(row: Architecture, other_mixer: tuple[str, ...]) -> Architecture:
    """The row, with another mixer than attention in some blocks."""
    return replace(row, other_mixer=other_mixer, keeps_keys=False, packs_branches=False)


HYBRIDS: Final[tuple[Architecture, ...]] = (
    hybrid(like_llama("qwen3_5_text", "Qwen3.5 (text)"), DELTA_NET),
    hybrid(like_llama("qwen3_5", "Qwen3.5"), DELTA_NET),  # of a multimodal folder transformers reads the text model
    replace(
        like_llama(
            "falcon_h1",
            "Falcon-H1",
            adds_mlp_out=False,  # times a multiplier
            mlp=_FEED_FORWARD,
            added=("", "feed_forward"),
            logits_times="lm_head_multiplier",
        ),
        final_norm="model.final_layernorm",
        attention=("mamba.in_proj", "mamba.out_proj", *SPLIT_ATTENTION),  # side by side in every block
        block_returns="tuple",
        keeps_keys=False,
        packs_branches=False,
    ),
    LFM,
    replace(
        hybrid(like_llama("bamba", "Bamba", mlp=_FEED_FORWARD), ("mamba.in_proj", "mamba.out_proj")),
        final_norm="model.final_layernorm",
        block_returns="tuple",
    ),
    Architecture(
        model_type="recurrent_gemma",
        title="RecurrentGemma",
        names="Griffin",
        blocks="model.layers",
        embedding="model.embed_tokens",
        final_norm="model.final_norm",
        mlp=("mlp_block.gate_proj", "mlp_block.up_proj", "mlp_block.down_proj"),
        attention=tuple(f"temporal_block.{name}" for name in ("q_proj", "k_proj", "v_proj", "o_proj")),
        other_mixer=tuple(f"temporal_block.{name}" for name in ("linear_y", "linear_x", "linear_out")),
        logits_cap="logits_soft_cap",
        keeps_keys=False,
        packs_branches=False,
    ),
    hybrid(
        like_llama("olmo_hybrid", "OLMo Hybrid", adds_mlp_out=False),
        tuple(f"linear_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "a_proj", "b_proj", "g_proj", "o_proj")),
    ),
)
