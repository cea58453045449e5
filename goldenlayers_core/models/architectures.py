"""Where each model family keeps its layers and matrices: one row each, and nothing is ever guessed from a shape."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from goldenlayers_core.errors import UnknownArchitectureError
from goldenlayers_core.records import Scope

Orientation = Literal["out_in", "in_out"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family of decoder-only models. Paths are dotted; those of matrices start at a block."""

    model_type: str  # as in config.json
    title: str
    blocks: str  # path of the list of blocks
    embedding: str  # path of the token embedding
    final_norm: str  # path of the norm before the LM head
    mlp: tuple[str, ...]  # every MLP weight matrix, the one the editors write to last
    attention: tuple[str, ...]  # every attention weight matrix
    orientation: Orientation = "out_in"  # torch.nn.Linear; "in_out" is GPT-2's Conv1D
    block_returns: Literal["tensor", "tuple"] = "tensor"
    packs_branches: bool = True  # accepts a 4-D mask with explicit positions (not where positions come from the mask)
    adds_mlp_out: bool = True  # the MLP output is added to the residual stream as it is, without a norm between
    # paths of what is added to the residual stream where that is not the last matrix's output ("": it is)
    attention_added: str = ""
    mlp_added: str = ""
    literature_layer: int | None = None  # layer published ROME configurations use; None: none published
    literature_source: str = ""

    @property
    def mlp_out(self) -> str:
        """Path of the matrix that ROME and its relatives write to."""
        return self.mlp[-1]

    def matrices(self, scope: Scope) -> tuple[str, ...]:
        """Paths, within a block, of the weight matrices that `scope` names."""
        chosen: dict[str, tuple[str, ...]] = {
            "mlp": self.mlp,
            "mlp_out": (self.mlp_out,),
            "attention": self.attention,
            "block": self.attention + self.mlp,
        }
        return chosen[scope]


_GATED: Final = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
_SPLIT_ATTENTION: Final = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
_EASYEDIT: Final = "EasyEdit's ROME configuration"


def _like_llama(
    model_type: str, title: str, root: str = "model", layer: int | None = None, adds_mlp_out: bool = True
) -> Architecture:
    source = f"{_EASYEDIT} for {title}" if layer is not None else ""
    return Architecture(
        model_type=model_type,
        title=title,
        blocks=f"{root}.layers",
        embedding=f"{root}.embed_tokens",
        final_norm=f"{root}.norm",
        mlp=_GATED,
        attention=_SPLIT_ATTENTION,
        adds_mlp_out=adds_mlp_out,
        attention_added="" if adds_mlp_out else "post_attention_layernorm",
        mlp_added="" if adds_mlp_out else "post_feedforward_layernorm",
        literature_layer=layer,
        literature_source=source,
    )


_GPT2: Final = Architecture(
    model_type="gpt2",
    title="GPT-2",
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
    blocks="model.layers",
    embedding="model.embed_tokens",
    final_norm="model.norm",
    mlp=("mlp.gate_up_proj", "mlp.down_proj"),
    attention=("self_attn.qkv_proj", "self_attn.o_proj"),
)
_OPT: Final = Architecture(
    model_type="opt",
    title="OPT",
    blocks="model.decoder.layers",
    embedding="model.decoder.embed_tokens",
    final_norm="model.decoder.final_layer_norm",
    mlp=("fc1", "fc2"),
    attention=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"),
    adds_mlp_out=False,  # OPT-350m norms the sum
)
_BLOOM: Final = Architecture(
    model_type="bloom",
    title="BLOOM",
    blocks="transformer.h",
    embedding="transformer.word_embeddings",
    final_norm="transformer.ln_f",
    mlp=("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    attention=("self_attention.query_key_value", "self_attention.dense"),
    block_returns="tuple",
    packs_branches=False,
)

ARCHITECTURES: Final[tuple[Architecture, ...]] = (
    _like_llama("llama", "Llama", layer=5),
    _like_llama("mistral", "Mistral", layer=5),
    _like_llama("qwen2", "Qwen2", layer=5),
    _like_llama("qwen3", "Qwen3"),
    _like_llama("gemma2", "Gemma 2", adds_mlp_out=False),
    _like_llama("gemma3_text", "Gemma 3 (text)", adds_mlp_out=False),
    _like_llama("gemma3", "Gemma 3", root="model.language_model", adds_mlp_out=False),
    _GPT2,
    _GPT_NEOX,
    _GPTJ,
    _PHI3,
    _OPT,
    _BLOOM,
)


def known_architectures() -> tuple[str, ...]:
    """The `model_type` of every row."""
    return tuple(row.model_type for row in ARCHITECTURES)


def architecture_of(config: Any) -> Architecture:
    """The row for a transformers config.

    Raises UnknownArchitectureError with the list of known rows.
    """
    model_type = str(getattr(config, "model_type", "") or "unnamed")
    for row in ARCHITECTURES:
        if row.model_type == model_type:
            return row
    raise UnknownArchitectureError(
        f"The architecture {model_type!r} is not known here; known are {', '.join(known_architectures())}. "
        "Choose a model of one of these families, or add a row to goldenlayers_core/models/architectures.py."
    )
