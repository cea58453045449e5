"""A model told from its configuration alone: transformers builds it without memory for weights, and it is counted."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from goldenlayers_core.errors import ModelError, UnknownArchitectureError
from goldenlayers_core.models.accepted import Accepted
from goldenlayers_core.models.architectures import Architecture, architecture_of
from goldenlayers_core.models.gguf_reading import read_once
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.memory import loaded_files
from goldenlayers_core.models.quantised import method_of, told
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.fit import Outline

_LICENCE: Final = re.compile(r"^license(?:_name)?:\s*['\"]?([^'\"\n#]+)", re.MULTILINE)
_PAPERS: Final = ("LICENSE", "LICENSE.txt", "LICENSE.md", "GEMMA_TERMS.html")


def outline_of(folder: Path, name: str, licence: str = "", accepted: Accepted | None = None) -> Outline:
    """The outline of a folder with a config.json; weights and tokenizer may be missing. `accepted`: its row, where the
    table has none.

    Raises ModelError where the configuration cannot be read, or transformers cannot build a model of it.
    """
    words, here = folder / "tokenizer.json", sum(f.stat().st_size for f in loaded_files(folder) if f.is_file())
    config = _config(folder)
    row = accepted.row_for(str(config.model_type), folder) if accepted else None
    outline = _packed(_counted(config, name, row), config)
    return dataclasses.replace(
        outline,
        licence=licence or _licence(folder),
        weights_here=here,
        words_bytes=words.stat().st_size if words.is_file() else 0,
    )


def _packed(outline: Outline, config: Any) -> Outline:
    """With what its weights take in memory where they stay quantised there."""
    found = None if outline.reason else method_of(outline.name, vars(config))
    if found is None or found.treatment != "kept":
        return outline
    plain = outline.vocabulary * outline.width * (1 if outline.tied else 2)  # embedding and head stay as they are
    bits = 4 if "4-bit" in found.title else 8
    return dataclasses.replace(outline, packed=2 * plain + (outline.n_parameters - plain) * bits // 8)


def outline_of_gguf(file: Path, name: str, licence: str = "") -> Outline:
    """The outline of a GGUF file that is not converted yet, from its header. Raises a ModelError."""
    try:
        with read_once(file, lambda _done, _total: None):
            config = AutoConfig.from_pretrained(str(file.parent), gguf_file=file.name)  # nosec B615  # a local file
    except (ValueError, OSError, KeyError, IndexError, RuntimeError) as error:
        raise ModelError(
            f"{file.name} cannot be read ({str(error).splitlines()[0][:160]}); try another file."
        ) from error
    return dataclasses.replace(_counted(config, name), licence=licence, weights_here=file.stat().st_size)


def _counted(config: Any, name: str, known: Architecture | None = None) -> Outline:
    text = config.get_text_config()
    try:
        row, reason = known or architecture_of(config), ""
    except UnknownArchitectureError as error:
        row, reason = None, str(error)
    quantised, against = told(name, vars(config))
    reason = reason or against
    model = _without_weights(config, name, reason)
    own = dict(model.named_parameters()) if model is not None else {}
    heads = int(_first(text, "num_attention_heads", "n_head", "n_heads") or 1)
    width = int(_first(text, "hidden_size", "n_embd", "d_model") or 0)
    size = int(_first(text, "head_dim") or width // heads)
    return Outline(
        name=name,
        model_type=str(config.model_type),
        family=row.known_as if row else str(config.model_type),
        reason=reason,
        n_layers=int(_first(text, "num_hidden_layers", "n_layer", "n_layers") or 0),
        width=width,
        inner=_inner(model, row, text, width),
        query=heads * size,
        keyvalue=int(_first(text, "num_key_value_heads") or heads) * size,
        vocabulary=int(_first(text, "vocab_size") or 0),
        n_parameters=sum(p.numel() for p in own.values()),
        largest=max((p.numel() for p in own.values()), default=0),
        tied=model is not None and _tied(model),
        stored=str(getattr(config, "dtype", None) or "").removeprefix("torch."),
        quantised=quantised,
        packed=0,
        licence="",
        weights_here=0,
        words_bytes=0,
    )


def _config(folder: Path) -> Any:
    file = folder / "config.json"
    try:
        kind = json.loads(file.read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(f"{file} cannot be read as the JSON of a model; give the one that belongs to it.") from error
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)  # nosec B615  # a folder, not a hub name
    except Exception as error:  # whatever fields of the wrong kind make of transformers' own checks
        architecture_of(type("Named", (), {"model_type": kind}))  # says why, where it is not known
        raise ModelError(
            f"{file} does not describe a model ({str(error).splitlines()[0][:160]}); give the config.json that "
            "belongs to it."
        ) from error


def _without_weights(config: Any, name: str, reason: str) -> Any:
    """The model on torch's device without memory; None for one that is refused and no causal language model."""
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # whatever a configuration that does not hold together makes of the builder
        if reason:
            return None
        raise ModelError(
            f"transformers cannot build {name} from its configuration ({str(error).splitlines()[0][:160]}); check "
            "its config.json."
        ) from error


def _inner(model: Any, row: Architecture | None, text: Any, width: int) -> int:
    if model is not None and row is not None:
        handle = ModelHandle("", ModelSource(""), model, None, row, "")
        try:
            return max(int(handle.matrix(handle.mlp_out(layer)).shape[-1]) for layer in range(handle.n_layers))
        except AttributeError:  # an adapter of another kind
            pass
    return int(_first(text, "intermediate_size", "n_inner", "ffn_dim", "d_ff") or 4 * width)


def _tied(model: Any) -> bool:
    head = model.get_output_embeddings()
    return head is not None and head.weight is model.get_input_embeddings().weight


def _first(config: Any, *names: str) -> Any:
    """The first of some fields that is there and not empty; a list (one entry per layer) counts by its largest."""
    found = next((value for name in names if (value := _said(config, name))), None)
    return max(found) if isinstance(found, list | tuple) else found


def _said(config: Any, name: str) -> Any:
    """What a field says, None without it; where each layer has its own (Gemma 4's heads), all of them."""
    try:
        return getattr(config, name, None)
    except RuntimeError:  # transformers', for such a field
        return [value for one in config.per_layer_config if (value := getattr(one, name, None))]


def _licence(folder: Path) -> str:
    """What the papers of a folder say: the front matter of its model card, else the name of a licence file."""
    card = folder / "README.md"
    if card.is_file():
        front = card.read_text(encoding="utf-8", errors="replace")[:5000].split("---")
        found = _LICENCE.search(front[1]) if len(front) > 2 else None
        if found:
            return found[1].strip()
    return next((f"see {paper}" for paper in _PAPERS if (folder / paper).is_file()), "")
