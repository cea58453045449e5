"""Content digests: of weights on disk (whenever they are loaded) and of weights in memory (for proofs)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from goldenlayers_core.models.memory import loaded_files

_IGNORED = frozenset({"_name_or_path", "transformers_version", "torch_dtype", "dtype"})

_WORDS = (
    "tokenizer",
    "vocab",
    "merges",
    "special_tokens_map",
    "added_tokens",
    "chat_template",
    "spiece",
    "sentencepiece",
)
_WORD_FILES = (".json", ".txt", ".model", ".jinja", ".spm", ".bpe")


def _feed(digest: Any, name: str, tensor: torch.Tensor) -> None:
    digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
    if tensor.numel():
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _config_text(config: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in config.items() if k not in _IGNORED}, sort_keys=True, default=str)


def folder_fingerprint(folder: Path) -> str:
    """32 hexadecimal digits of the SHA-256 of config and tensors (name, dtype, shape, bytes) in name order.

    Independent of sharding, and of weights that lie beside those that are loaded. Read from the weights each time a
    model is loaded: what a file beside them says of them is believed by nobody.
    """
    owner: dict[str, Path] = {}
    for file in loaded_files(folder):
        with safe_open(str(file), framework="pt") as tensors:
            owner.update(dict.fromkeys(tensors.keys(), file))
    digest = hashlib.sha256(_config_text(json.loads((folder / "config.json").read_text())).encode())
    for name in sorted(owner):
        with safe_open(str(owner[name]), framework="pt") as tensors:  # anew: what was mapped is let go after each
            _feed(digest, name, tensors.get_tensor(name))
    return digest.hexdigest()[:32]


def tokenizer_digest(folder: Path) -> str:
    """8 hexadecimal digits of the SHA-256 of everything in a folder that decides how a text becomes tokens.

    It is no part of the fingerprint, for an edit belongs to weights; what was measured belongs to both.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name.startswith(_WORDS) and file.suffix in _WORD_FILES:
            digest.update(f"{file.name}|".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def weights_digest(model: nn.Module) -> str:
    """32 hexadecimal digits over every parameter and buffer in memory: equal before and after means nothing changed."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        _feed(digest, name, tensor)
    return digest.hexdigest()[:32]
