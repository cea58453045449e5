"""Where each model family keeps its layers and matrices: one row each, and nothing is ever guessed from a shape."""

from typing import Any, Final

from goldenlayers_core.errors import UnknownArchitectureError
from goldenlayers_core.models.architecture import FUSED, Architecture, Orientation, like_llama
from goldenlayers_core.models.families import FAMILIES
from goldenlayers_core.models.hybrids import HYBRIDS
from goldenlayers_core.models.mixtures import MIXTURES
from goldenlayers_core.models.refused import check_form, reason_against, refusal_of

__all__ = ["ARCHITECTURES", "Architecture", "Orientation", "architecture_of", "known_architectures", "row_named"]

_GPT2: Final = Architecture(
    model_type="gpt2",
    title="GPT-2",
    names="GPT-2 to XL, DistilGPT-2, GPT-SW3",
    blocks="transformer.h",
    embedding="transformer.wte",
    final_norm="transformer.ln_f",
    mlp=("mlp.c_fc", "mlp.c_proj"),
    attention=("attn.c_attn", "attn.c_proj"),
    orientation="in_out",
    literature_layer=17,
    literature_source="ROME (Meng et al. 2022) for GPT-2 XL, 48 layers",
)
_GPT_NEOX: Final = Architecture(
    model_type="gpt_neox",
    title="GPT-NeoX and Pythia",
    names="Dolly, StableLM Alpha, RedPajama",
    blocks="gpt_neox.layers",
    embedding="gpt_neox.embed_in",
    final_norm="gpt_neox.final_layer_norm",
    mlp=("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    attention=("attention.query_key_value", "attention.dense"),
)
_GPTJ: Final = Architecture(
    model_type="gptj",
    title="GPT-J",
    blocks="transformer.h",
    embedding="transformer.wte",
    final_norm="transformer.ln_f",
    mlp=("mlp.fc_in", "mlp.fc_out"),
    attention=("attn.q_proj", "attn.k_proj", "attn.v_proj", "attn.out_proj"),
    block_returns="tuple",
    literature_layer=5,
    literature_source="ROME (Meng et al. 2022) for GPT-J, 28 layers",
)
_PHI3: Final = Architecture(
    model_type="phi3",
    title="Phi-3",
    names="Phi-3.5, Phi-4, Phi-4-mini",
    blocks="model.layers",
    embedding="model.embed_tokens",
    final_norm="model.norm",
    mlp=FUSED,
    attention=("self_attn.qkv_proj", "self_attn.o_proj"),
)
_OPT: Final = Architecture(
    model_type="opt",
    title="OPT",
    blocks="model.decoder.layers",
    embedding="model.decoder.embed_tokens",
    final_norm="model.decoder.final_layer_norm",
    projected="model.decoder.project_out",  # OPT-350m
    mlp=("fc1", "fc2"),
    attention=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"),
    adds_mlp_out=False,  # OPT-350m norms the sum
)
_BLOOM: Final = Architecture(
    model_type="bloom",
    title="BLOOM",
    names="BLOOMZ",
    blocks="transformer.h",
    embedding="transformer.word_embeddings",
    final_norm="transformer.ln_f",
    mlp=("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    attention=("self_attention.query_key_value", "self_attention.dense"),
    block_returns="tuple",
    packs_branches=False,
)

ARCHITECTURES: Final[tuple[Architecture, ...]] = (
    like_llama("llama", "Llama", layer=5, names="Llama 1 to 3, SmolLM2, TinyLlama, Vicuna, Yi, DeepSeek LLM"),
    like_llama("mistral", "Mistral", layer=5, names="Mistral 7B, Nemo, Zephyr"),
    like_llama("qwen2", "Qwen2", layer=5, names="Qwen1.5, Qwen2.5, QwQ, DeepSeek-R1-Distill-Qwen"),
    like_llama("qwen3", "Qwen3"),
    like_llama("gemma2", "Gemma 2", adds_mlp_out=False),
    like_llama("gemma3_text", "Gemma 3 (text)", adds_mlp_out=False),
    like_llama("gemma3", "Gemma 3", root="model.language_model", adds_mlp_out=False),
    _GPT2,
    _GPT_NEOX,
    _GPTJ,
    _PHI3,
    _OPT,
    _BLOOM,
    *FAMILIES,
    *HYBRIDS,
    *MIXTURES,
)


def known_architectures() -> tuple[str, ...]:
    """The `model_type` of every row."""
    return tuple(row.model_type for row in ARCHITECTURES)


def architecture_of(config: Any) -> Architecture:
    """The row for a transformers config.

    Raises UnknownArchitectureError: with the reason where the family, or this form of it, is known and refused, else
    with the known rows.
    """
    row = row_named(str(getattr(config, "model_type", "") or "unnamed"))
    check_form(config)
    return row


def row_named(model_type: str) -> Architecture:
    """The row of a `model_type`. Raises UnknownArchitectureError as `architecture_of` does."""
    for row in ARCHITECTURES:
        if row.model_type == model_type:
            return row
    if reason := reason_against(model_type):
        raise refusal_of(model_type, reason)
    raise UnknownArchitectureError(
        f"The architecture {model_type!r} is not known here; known are {', '.join(known_architectures())}. "
        "Choose a model of one of these families, or have it examined (the command `models --discover`, or the Model "
        "page): what it is like is then proposed as a row, for you to accept."
    )
