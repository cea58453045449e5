"""What was read, held against what the model needs: nothing is filled in, left out or passed on without a word."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import torch

from goldenlayers_core.errors import ConfigError, ModelError
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.handle import part_at
from goldenlayers_core.models.offload import brought_in

_BLOCK: Final = re.compile(r"(^|\.)(layers|h|blocks|block)\.[0-9]+\.")
_ASIDE: Final = re.compile(r"(^|[._])(vision|visual|audio|image|multi_modal|mtp)")  # other towers, later tokens
_CONSTANTS: Final = (".inv_freq", ".attn.bias", ".attention.bias", ".masked_bias")  # masks and angles of old files
_SHOWN: Final = 3


def check_adapter(folder: Path) -> None:
    """Raises ModelError where a folder holds an adapter, which is no model or not all of one."""
    file = folder / "adapter_config.json"
    if not file.is_file():
        return
    try:
        base = json.loads(file.read_text(encoding="utf-8")).get("base_model_name_or_path") or "its base model"
    except (OSError, ValueError, AttributeError):
        base = "its base model"
    raise ModelError(
        f"The folder {folder.name} holds an adapter (adapter_config.json), which is a change of a model: load {base} "
        "and import the adapter as an edit, or take the adapter's files out of the folder."
    )


def check_dtype(name: str, architecture: Architecture, dtype: torch.dtype) -> None:
    """Raises ConfigError where transformers cannot compute a family in float64."""
    if dtype == torch.float64 and not architecture.in_float64:
        raise ConfigError(
            f"{name} cannot be computed in float64 ({architecture.title} in transformers builds its mask in float32); "
            "choose float32."
        )


def check_layout(name: str, model: Any, architecture: Architecture) -> None:
    """Raises ModelError where a model has not the parts that its row names."""
    named = filter(None, (architecture.blocks, architecture.embedding))  # a row that is only sought names none yet
    if gone := [path for path in named if part_at(model, path) is None]:
        raise ModelError(
            f"{name} is not laid out as {architecture.title} is known here: it has no {_listed(gone)}; save its "
            "language model as a folder of its own, and load that."
        )


def check_tensors(name: str, info: dict[str, Any], architecture: Architecture) -> None:
    """Raises ModelError with the names of tensors that the weights lack, or hold and the model has no place for."""
    missing = [key for key in info.get("missing_keys", ()) if is_text(key, architecture)]
    if missing:
        raise ModelError(
            f"The weights of {name} lack {_listed(missing)}, which would have been filled with random numbers; fetch "
            "or copy the model again."
        )
    left = [key for key in info.get("unexpected_keys", ()) if _matters(key)]
    if left:
        raise ModelError(
            f"The weights of {name} hold {_listed(left)}, for which its config.json has no place; use the "
            "configuration that belongs to these weights."
        )


def check_numbers(name: str, model: Any, dtype: torch.dtype, at: str = "") -> None:
    """Raises ModelError with the names of weights that hold values that are no numbers, or infinite. `at`: the path of
    `model`, where it is a part."""
    broken: list[str] = []
    names = dict(model.named_parameters())  # of tied weights the first name
    for where, module in model.named_modules():
        with brought_in(module):
            for key, tensor in module.named_parameters(where, recurse=False):
                if key in names and tensor.is_floating_point() and tensor.numel() and not _is_finite(tensor):
                    broken.append(f"{at}.{key}" if at else key)
    if not broken:
        return
    if dtype == torch.float16:
        raise ModelError(
            f"{name} holds values in {_listed(broken)} that are not finite in float16, which ends at 65,504; load it "
            "in bfloat16 or float32."
        )
    raise ModelError(
        f"The weights of {name} hold values that are not finite (NaN or infinite) in {_listed(broken)}; fetch or copy "
        "the model again, or choose another."
    )


def _is_finite(tensor: torch.Tensor) -> bool:
    return all(bool(value.isfinite()) for value in tensor.aminmax())


def check_tokenizer(name: str, tokenizer: Any, n_rows: int) -> None:
    """Raises ModelError where ordinary words have ids beyond the `n_rows` of the embedding.

    Words added to a tokenizer may: Gemma 3's marks an image and is no word of the text model.
    """
    if len(tokenizer) <= n_rows:
        return
    added = set(tokenizer.added_tokens_decoder)
    beyond = [index for index in tokenizer.get_vocab().values() if index >= n_rows and index not in added]
    if beyond:
        raise ModelError(
            f"The tokenizer of {name} knows {len(tokenizer):,} tokens and the model {n_rows:,}, so that "
            f"{len(beyond):,} words have no embedding; put the tokenizer that belongs to these weights beside them."
        )


def is_text(key: str, architecture: Architecture) -> bool:
    """Whether a parameter belongs to the language model: gemma3 has a vision tower beside it."""
    root = architecture.blocks.rpartition(".")[0]
    return key.startswith(f"{root}.") or key.split(".")[0] != root.split(".")[0]


def _matters(key: str) -> bool:
    if "lora_" in key:
        return True
    return bool(_BLOCK.search(key)) and not _ASIDE.search(key) and not key.endswith(_CONSTANTS)


def _listed(keys: Collection[str]) -> str:
    """The first names, in order, and how many more there are."""
    first, more = sorted(keys)[:_SHOWN], len(keys) - _SHOWN
    return f"{', '.join(first)} and {more:,} more" if more > 0 else ", ".join(first)
