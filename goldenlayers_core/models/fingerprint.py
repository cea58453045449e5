"""Content digests: of weights on disk (computed once, then remembered) and of weights in memory (for proofs)."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

_IGNORED = frozenset({"_name_or_path", "transformers_version", "torch_dtype", "dtype", "quantization_config"})


def _feed(digest: Any, name: str, tensor: torch.Tensor) -> None:
    digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
    if tensor.numel():
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _config_text(config: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in config.items() if k not in _IGNORED}, sort_keys=True, default=str)


def folder_fingerprint(folder: Path, memory: Path | None = None) -> str:
    """32 hexadecimal digits of the SHA-256 of config and tensors (name, dtype, shape, bytes) in name order.

    Independent of sharding. With `memory` (a folder), the answer is kept there under the files' paths, sizes and
    times, so that a second call reads no weights.
    """
    files = sorted(folder.glob("*.safetensors"))
    stamp = [[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in [folder / "config.json", *files]]
    key = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:32]
    kept = memory / f"{key}.txt" if memory else None
    if kept and kept.is_file() and len(text := kept.read_text().strip()) == 32:
        return text
    owner: dict[str, Path] = {}
    for file in files:
        with safe_open(str(file), framework="pt") as tensors:
            owner.update(dict.fromkeys(tensors.keys(), file))
    digest = hashlib.sha256(_config_text(json.loads((folder / "config.json").read_text())).encode())
    opened = {file: safe_open(str(file), framework="pt") for file in files}
    for name in sorted(owner):
        _feed(digest, name, opened[owner[name]].get_tensor(name))
    found = digest.hexdigest()[:32]
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(found)
        draft.replace(kept)
    return found


def weights_digest(model: nn.Module) -> str:
    """32 hexadecimal digits over every parameter and buffer in memory: equal before and after means nothing changed."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        _feed(digest, name, tensor)
    return digest.hexdigest()[:32]
