"""A LoRA adapter made anywhere, as an edit: only such as change MLP output matrices and nothing else.

delta W = s B A with s = alpha / r (alpha / sqrt(r) for rank-stabilised LoRA); s is folded into left = s B, right = A^T.
"""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from goldenlayers_core.editing.delta import Edit, Fact, Factors, make_edit
from goldenlayers_core.editing.export.adapter import CONFIG, OURS, PREFIX, WEIGHTS
from goldenlayers_core.editing.export.header import Home, check_home, home_from, site_template
from goldenlayers_core.editing.export.reading import opened
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest

UNSTATED: Final = "facts not stated"
_KEY: Final = re.compile(r"(?P<module>.+?)\.lora_(?P<side>[AB])(\.(?P<adapter>[^.]+))?\.weight")
_UNHELD: Final = (  # settings under which an adapter is more than W + s B A
    ("use_dora", "DoRA's magnitudes"),
    ("lora_bias", "biases"),
    ("modules_to_save", "whole modules"),
    ("layer_replication", "repeated layers"),
    ("alora_invocation_tokens", "activation tokens"),
    ("use_qalora", "grouped inputs"),
    ("trainable_token_indices", "token embeddings"),
    ("arrow_config", "a router"),
    ("use_bdlora", "block-diagonal factors"),
    ("velora_config", "VeLoRA"),
    ("monteclora_config", "sampled factors"),
    ("megatron_config", "Megatron's layers"),
)


def adapter_files(files: Mapping[str, bytes]) -> tuple[str, str]:
    """The names of an adapter's config and weights among some files, whatever they are called; "" for one missing.

    A config is known by its content. Weights alone are an adapter's where they have peft's own name.
    """
    config = CONFIG if CONFIG in files else next((file for file in sorted(files) if _is_config(file, files[file])), "")
    named = [file for file in sorted(files) if file.endswith(".safetensors")]
    weights = WEIGHTS if WEIGHTS in files else named[0] if config and len(named) == 1 else ""
    return config, weights


def _is_config(file: str, data: bytes) -> bool:
    try:
        content = json.loads(data) if file.endswith(".json") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "peft_type" in content


def edit_from_adapter(handle: ModelHandle, files: Mapping[str, bytes], name: str) -> Edit:
    """The edit that an adapter's two files make.

    Raises EditError: files missing or damaged, another model, other modules, or more than a low-rank change.
    """
    config, tensors, ours = _opened(files, name)
    _check_config(config, name)
    factors = _factors(handle, config, tensors, name, _ranks(ours, name))
    home, requests, method, settings = _stated(ours, name)
    shapes = tuple((f.layer, f.left.shape[0], f.right.shape[0]) for f in factors)
    check_home(dataclasses.replace(home, shapes=shapes), handle, name)
    return make_edit(handle, requests, method, factors, settings)


def _stated(ours: Mapping[str, str], name: str) -> tuple[Home, list[EditRequest], str, dict[str, Any]]:
    """The model, the facts, the method and its config, as far as an adapter of ours says them."""
    if not ours:
        return Home(), [EditRequest("imported", "", name, UNSTATED, "")], "adapter", {}
    try:
        facts = [Fact(**fact) for fact in json.loads(ours["facts"])]
        requests = [EditRequest(f.case_id, f.prompt, f.subject, f.target_new, f.target_true) for f in facts]
        methods = json.loads(ours["methods"])
        method = str(methods[0]) if len(methods) == 1 else "adapter"
        return home_from(ours), requests, method, dict(json.loads(ours["config"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise EditError(f"The header of {name} is damaged ({error}); export the adapter again.") from error


def _opened(files: Mapping[str, bytes], name: str) -> tuple[dict[str, Any], dict[str, Tensor], dict[str, str]]:
    """(adapter_config.json, tensors, our own header or {})."""
    at = adapter_files(files)
    for found, needed in zip(at, (CONFIG, WEIGHTS), strict=True):
        if not found:
            raise EditError(f"{name} has no {needed}; give the whole adapter folder, or both of its files.")
    try:
        config = json.loads(files[at[0]])
        if not isinstance(config, dict):
            raise ValueError("it is no JSON object")
    except (ValueError, RecursionError) as error:
        raise EditError(f"The {at[0]} of {name} cannot be read ({error}); save the adapter again.") from error
    tensors, header = opened(files[at[1]], f"{at[1]} of {name}")
    try:
        ours = json.loads(header.get("golden_layers", "{}"))
        if ours and ours["format"] != OURS:
            raise ValueError(f"its format is {ours['format']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise EditError(f"The header of {name} is damaged ({error}); export the adapter again.") from error
    return config, tensors, ours


def _check_config(config: Mapping[str, Any], name: str) -> None:
    if config.get("peft_type") != "LORA":
        raise EditError(f"{name} is an adapter of type {config.get('peft_type')!r}; only LORA can be held as an edit.")
    extra = next((words for field, words in _UNHELD if config.get(field)), None)
    if config.get("bias", "none") != "none":
        extra = "biases"
    if any(not str(parameter).endswith(".weight") for parameter in config.get("target_parameters") or ()):
        extra = "bare parameters"
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower().split("_")[0] in ("pissa", "olora", "corda", "loftq"):
        extra = f"changed base weights ({start})"
    if extra:
        raise EditError(f"{name} holds {extra} beside its low-rank change, which an edit cannot; train it without.")


def _ranks(ours: Mapping[str, str], name: str) -> dict[int, int]:
    """The ranks without the zeros that an adapter of ours was filled up with, by layer."""
    try:
        return {int(layer): int(rank) for layer, rank in json.loads(ours.get("ranks", "{}")).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise EditError(f"The header of {name} is damaged ({error}); export the adapter again.") from error


def _site(handle: ModelHandle) -> re.Pattern[str]:
    """The modules an edit may change, with or without what peft and a model's outer class put before their names."""
    found = []
    for template in dict.fromkeys(site_template(handle, layer) for layer in range(handle.n_layers)):
        outer, dot, inner = template.partition(".")
        pattern = f"(?:{re.escape(PREFIX)})*(?:{re.escape(outer + dot)})?{re.escape(inner)}"
        found.append(pattern.replace(r"\{\}", r"(\d+)"))
    return re.compile("|".join(found))


def _factors(
    handle: ModelHandle, config: Mapping[str, Any], tensors: Mapping[str, Tensor], name: str, ranks: Mapping[int, int]
) -> list[Factors]:
    site = _site(handle)
    sides: dict[int, dict[str, Tensor]] = {}
    scales: dict[int, float] = {}
    names = set()
    for key, tensor in sorted(tensors.items()):
        found = _KEY.fullmatch(key)
        module = found["module"].removeprefix(PREFIX) if found else key
        at = site.fullmatch(module)
        if not found or not at:
            raise EditError(
                f"{name} changes {module}, and an edit can only hold changes of {site_template(handle).format('N')}; "
                "train it with that as its only target module."
            )
        names.add(found["adapter"] or "default")
        sides.setdefault(int(at[at.lastindex or 1]), {})[found["side"]] = tensor.float()
        scales[int(at[at.lastindex or 1])] = _scale(config, module, name)
    if len(names) > 1:
        raise EditError(f"{name} holds {len(names)} adapters ({', '.join(sorted(names))}); save one of them alone.")
    if not sides or any(set(pair) != {"A", "B"} for pair in sides.values()):
        raise EditError(f"{name} lacks one of the two matrices of a layer; save the adapter again.")
    made = []
    for layer, pair in sorted(sides.items()):
        left, right = scales[layer] * pair["B"][:, : ranks.get(layer)], pair["A"][: ranks.get(layer)].T.contiguous()
        if not bool(left.isfinite().all() and right.isfinite().all()):
            raise EditError(f"{name} has numbers at layer {layer} that are not finite; save it again, as float32.")
        made.append(Factors(layer, left, right))
    return made


def _scale(config: Mapping[str, Any], module: str, name: str) -> float:
    """alpha / r of a module, by the patterns that peft matches against the end of its name."""

    def of(pattern: str, default: str) -> float:
        for key, value in dict(config.get(pattern) or {}).items():
            if re.match(rf"(.*\.)?({key})$", module):
                return float(value)
        return float(config[default])

    try:
        rank, alpha = of("rank_pattern", "r"), of("alpha_pattern", "lora_alpha")
        scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, re.error) as error:
        raise EditError(f"The rank or alpha of {name} is damaged ({error}); save the adapter again.") from error
    return scale
