"""Families that are refused by name, each with its reason: a wrong number would be worse than none."""

from typing import Any, Final

from goldenlayers_core.errors import UnknownArchitectureError

NO_MLP: Final = "its layers have no MLP whose output matrix an edit could write to"
_NO_MLP: Final = (
    NO_MLP,
    ("mamba", "mamba2", "falcon_mamba", "rwkv", "xlstm"),
)
_EXPERTS: Final = (
    "it is a mixture of experts in which they are computed in a way of its own, not as one matrix of fused experts",
    ("dbrx", "jetmoe", "llama4", "llama4_text", "longcat_flash", "nemotron_h", "deepseek_v4"),
)
_BESIDE: Final = (
    "it is a mixture of experts whose shared expert stands beside the others, and nothing holds all that its MLP adds",
    ("granitemoeshared", "granitemoehybrid"),
)
_UNTRIED: Final = (
    "it is a mixture of experts that has not been verified here",
    (
        *("flex_olmo", "minimax", "minimax_m2", "cohere2_moe", "mellum", "deepseek_v32", "hunyuan_v1_moe"),
        *("exaone_moe", "solar_open", "laguna", "afmoe", "mimo_v2_flash", "aria_text", "kimi_linear", "jamba"),
    ),
)
_UNTRIED_MIXERS: Final = ("it mixes tokens otherwise than by attention, and has not been verified here", ("lfm3",))
_SHARED_BLOCKS: Final = (
    "its blocks share one MLP, so that an edit of one layer would be an edit of many",
    ("zamba", "zamba2"),
)
_PER_LAYER: Final = (
    "every layer reads the tokens anew beside the residual stream, which a run from the middle does not see",
    ("gemma3n", "gemma3n_text", "gemma4", "gemma4_text"),
)
_LATENT: Final = (
    "its keys and values come from a compressed state that has not been verified here",
    ("youtu", "minicpm3"),
)
_IMAGES: Final = (
    "it takes images beside text, and transformers has no model of its text part alone; where that part is of a family "
    "that can be loaded (text_config in its config.json), save it as a folder of its own"
)
_ENCODERS: Final = (
    "it is an encoder, which does not continue a text token by token",
    (
        *("bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "distilbert", "albert", "electra"),
        *("deberta", "deberta-v2", "modernbert", "mpnet", "longformer", "big_bird", "xlm", "flaubert", "ernie"),
        *("esm", "fnet", "funnel", "ibert", "megatron-bert", "mobilebert", "nomic_bert", "roformer", "squeezebert"),
    ),
)
_ENCODER_DECODERS: Final = (
    "it is an encoder-decoder, and only decoders can be scored and edited here",
    (
        *("t5", "mt5", "umt5", "longt5", "switch_transformers", "t5gemma", "bart", "mbart", "blenderbot"),
        *("blenderbot-small", "pegasus", "pegasus_x", "led", "marian", "m2m_100", "nllb-moe", "plbart", "prophetnet"),
        *("bigbird_pegasus", "mvp", "fsmt", "encoder-decoder", "whisper", "speech_to_text"),
    ),
)
REFUSED: Final = (
    _NO_MLP,
    _EXPERTS,
    _BESIDE,
    _UNTRIED,
    _UNTRIED_MIXERS,
    _SHARED_BLOCKS,
    _PER_LAYER,
    _LATENT,
    _ENCODERS,
    _ENCODER_DECODERS,
)
"""(reason, every `model_type` that it holds for)."""

FORMS: Final = (
    (
        *("gemma4_unified_text", "num_kv_shared_layers", True),
        "some layers take the keys and values of others, which a run from the middle does not see",
    ),
    (
        *("doge", "is_moe", True),
        "it is a mixture of experts in which transformers sends a token to experts by what stands behind it, so that "
        "the same text is answered otherwise in a longer row",
    ),
    (
        *("ernie4_5_moe", "moe_num_shared_experts", False),
        "its layers have no shared expert, which is what is scored and edited in this family",
    ),
)
"""Forms of known families that are refused: `model_type`, a field of the config, whether it is set in them, reason."""


def check_form(config: Any) -> None:
    """Raises UnknownArchitectureError for a form of a known family that is refused."""
    for model_type, field, is_set, reason in FORMS:
        if config.model_type == model_type and bool(getattr(config, field, None)) == is_set:
            raise refusal_of(model_type, reason)


def reason_against(model_type: str) -> str:
    """Why a family is refused, as the end of a sentence; "" where nothing is known against it."""
    found = next((reason for reason, model_types in REFUSED if model_type in model_types), "")
    return found or (_IMAGES if _takes_images(model_type) else "")


def _takes_images(model_type: str) -> bool:
    """Whether a family is one of images and text of which transformers has no model that continues text alone."""
    from transformers.models.auto import modeling_auto  # loads no model's code, but transformers itself

    text, images = (
        getattr(modeling_auto, f"MODEL_FOR_{task}_MAPPING_NAMES") for task in ("CAUSAL_LM", "IMAGE_TEXT_TO_TEXT")
    )
    return model_type in images and model_type not in text


def refusal_of(model_type: str, reason: str) -> UnknownArchitectureError:
    """The error that says why a model is refused."""
    return UnknownArchitectureError(
        f"A model of the architecture {model_type!r} cannot be used here: {reason}; choose a model of another family "
        "(the command `models` lists them)."
    )
