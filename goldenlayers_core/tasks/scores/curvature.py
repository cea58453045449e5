"""What general text weighs in a model's layers, for the damage of an edit: summed up once per model, then read."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.attribution.damage import Curvature, curvatures
from goldenlayers_core.editing.estimate import SEEDS
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import generated, generation_config
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.runtime import Progress, Store

VERSION: Final = "curvature-1"
ROWS: Final = 64
LENGTH: Final = 48  # tokens of a row
_TOGETHER: Final = 8  # rows of a batch on a processor
_KIND: Final = "curvature"


def curvatures_of(store: Store, handle: ModelHandle, progress: Progress) -> Mapping[int, Curvature]:
    """A and B of every layer, over text that the model writes itself; from the store where they are there."""
    key, layers = f"{handle.result_key}-{VERSION}", range(handle.n_layers)
    have = store.names(_KIND)
    if any(f"{key}-{layer}" not in have for layer in layers):
        rows = own_rows(handle)
        size = _TOGETHER if handle.device.type == "cpu" else len(rows)
        batches = rows.split(size)
        for layer, one in curvatures(
            handle, batches, lambda done, total: progress.update(done, total, "Gradients on general text")
        ).items():
            _save(store, f"{key}-{layer}", one)
    return {layer: store.read_arrays(_KIND, f"{key}-{layer}", _opened) for layer in layers}


def own_rows(handle: ModelHandle, count: int = ROWS, length: int = LENGTH, seed: int = 0) -> Tensor:
    """(count, length) rows that the model wrote: common words, gone on with at temperature 1, no special tokens."""
    starts = [encode_prompt(handle.tokenizer, word) for word in SEEDS]
    common = min(map(len, starts))
    ids = torch.tensor([starts[i % len(starts)][:common] for i in range(count)])
    config = generation_config(handle, length - common)
    config.do_sample, config.temperature, config.top_k, config.top_p = True, 1.0, 0, 1.0
    config.suppress_tokens = sorted(set(handle.tokenizer.all_special_ids))
    devices = [handle.device] if handle.device.type == "cuda" else []
    with handle.lock, torch.inference_mode(), few_rows(handle), torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        written = generated(handle, ids, torch.ones_like(ids), config)
    return torch.cat([ids, torch.tensor(written)], dim=1)


def _save(store: Store, name: str, one: Curvature) -> None:
    """Both matrices are symmetric: their upper triangles are all of them."""
    arrays = {"keys": _upper(one.keys), "gradients": _upper(one.gradients)}
    store.save_arrays(_KIND, name, arrays, {"format": VERSION, "tokens": str(one.n_tokens)})


def _upper(matrix: Tensor) -> NDArray[np.float32]:
    square = matrix.float().cpu().numpy()
    return np.ascontiguousarray(square[np.triu_indices(len(square))])


def _opened(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> Curvature:
    return Curvature(_square(arrays["keys"]), _square(arrays["gradients"]), int(meta["tokens"]))


def _square(upper: NDArray[Any]) -> Tensor:
    width = int((np.sqrt(8 * len(upper) + 1) - 1) // 2)
    if len(upper) != width * (width + 1) // 2:
        raise ValueError(f"{len(upper)} numbers are no triangle")
    found = np.zeros((width, width), np.float32)
    found[np.triu_indices(width)] = upper
    return torch.from_numpy(found + np.triu(found, 1).T)
