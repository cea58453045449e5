"""What a row of the table of architectures says: where one family of models keeps its layers and matrices."""

from dataclasses import dataclass
from typing import Final, Literal

from goldenlayers_core.records import Scope

Orientation = Literal["out_in", "in_out"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family of decoder-only models. Paths are dotted; those of matrices start at a block."""

    model_type: str  # as in config.json
    title: str
    blocks: str  # path of the list of blocks
    embedding: str  # path of the token embedding
    final_norm: str  # path of the norm before the LM head, in the models that have one
    mlp: tuple[str, ...]  # every MLP weight matrix, the one the editors write to last
    attention: tuple[str, ...]  # every attention weight matrix
    projected: str = ""  # path of a map between final norm and LM head, in the models that have one
    orientation: Orientation = "out_in"  # torch.nn.Linear; "in_out" is GPT-2's Conv1D
    block_returns: Literal["tensor", "tuple"] = "tensor"
    # in blocks that mix tokens otherwise (a state, a convolution), every matrix of what stands in attention's place
    other_mixer: tuple[str, ...] = ()
    experts: str = ""  # path of the fused experts, in the blocks that have them ("": in none)
    dense_mlp: tuple[str, ...] = ()  # every MLP weight matrix of the blocks that have no experts
    mlp_whole: str = ""  # path of what puts out all that an MLP does, where its last matrix does not
    keeps_keys: bool = True  # every block keeps keys and values of all tokens; False: whole rows are rerun
    packs_branches: bool = True  # accepts a 4-D mask with explicit positions (not where positions come from the mask)
    adds_mlp_out: bool = True  # the MLP output is added to the residual stream as it is, without a norm between
    # paths of what is added to the residual stream where that is not the last matrix's output ("": it is)
    attention_added: str = ""
    mlp_added: str = ""  # in the blocks that have it
    added_times: str = ""  # field of the config: what is added is multiplied by it ("": by nothing)
    logits_times: str = ""  # field of the config: what the LM head gives is multiplied by it
    logits_cap: str = "final_logit_softcapping"  # field of the config, where it has it: tanh keeps logits below
    logits_over: str = ""  # field of the config: what the LM head gives is divided by it
    in_float64: bool = True  # transformers computes it in float64
    literature_layer: int | None = None  # layer published ROME configurations use; None: none published
    literature_source: str = ""
    names: str = ""  # released models of the family, where the title does not name them

    @property
    def mlp_out(self) -> str:
        """Path of the matrix that ROME and its relatives write to."""
        return self.mlp[-1]

    @property
    def known_as(self) -> str:
        """The title, and the released models that people know the family by."""
        return f"{self.title} ({self.names})" if self.names else self.title

    def matrices(self, scope: Scope) -> tuple[str, ...]:
        """Paths, within a block, of the weight matrices that `scope` names; in the blocks that have them."""
        mlp = self.mlp + self.dense_mlp
        chosen: dict[str, tuple[str, ...]] = {
            "mlp": mlp,
            "mlp_out": (self.mlp_out, *self.dense_mlp[-1:]),
            "attention": self.attention + self.other_mixer,
            "block": self.attention + self.other_mixer + mlp,
        }
        return chosen[scope]


GATED: Final = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
PLAIN: Final = ("mlp.up_proj", "mlp.down_proj")
FUSED: Final = ("mlp.gate_up_proj", "mlp.down_proj")
SPLIT_ATTENTION: Final = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
_EASYEDIT: Final = "EasyEdit's ROME configuration"


def like_llama(
    model_type: str,
    title: str,
    root: str = "model",
    layer: int | None = None,
    adds_mlp_out: bool = True,
    names: str = "",
    mlp: tuple[str, ...] = GATED,
    added: tuple[str, str] = ("post_attention_layernorm", "post_feedforward_layernorm"),
    added_times: str = "",
    logits_times: str = "",
    logits_over: str = "",
) -> Architecture:
    """A row of the many families that are laid out as Llama is. `added`: the norms behind attention and MLP, where
    `adds_mlp_out` is False and there are any."""
    source = f"{_EASYEDIT} for {title}" if layer is not None else ""
    return Architecture(
        model_type=model_type,
        title=title,
        blocks=f"{root}.layers",
        embedding=f"{root}.embed_tokens",
        final_norm=f"{root}.norm",
        mlp=mlp,
        attention=SPLIT_ATTENTION,
        adds_mlp_out=adds_mlp_out,
        attention_added="" if adds_mlp_out else added[0],
        mlp_added="" if adds_mlp_out else added[1],
        added_times=added_times,
        logits_times=logits_times,
        logits_over=logits_over,
        literature_layer=layer,
        literature_source=source,
        names=names,
    )
