"""Keys and values kept from one forward pass for another: nothing done at a token changes what stands before it."""

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from goldenlayers_core.models.handle import ModelHandle

Pair = tuple[Tensor, Tensor]

_STATES: Final = frozenset({"conv1d_state", "recurrent_states"})  # of RecurrentGemma's modules


def fresh_cache(handle: ModelHandle) -> DynamicCache | None:
    """Where a forward pass is to leave its keys and values; None for a model whose rows are rerun as a whole."""
    return DynamicCache() if handle.architecture.keeps_keys else None


def forget(handle: ModelHandle) -> None:
    """Drop what a family keeps in its modules from one pass to the next: text of one token would go on from it."""
    if not handle.architecture.keeps_keys:
        for module in handle.model.modules():
            for name in _STATES & vars(module).keys():
                setattr(module, name, None)


def running_cache(handle: ModelHandle) -> DynamicCache:
    """A cache for rows of one length that grow together, where running states serve as keys and values do."""
    forget(handle)
    return DynamicCache(config=handle.model.config)


def grow(handle: ModelHandle, ids: Tensor, cache: DynamicCache, at: int) -> Any:
    """The forward pass of (R, n) more tokens from position `at` on, behind what `cache` holds, which it goes into.

    Where a model keeps states, the position is said: transformers' Bamba takes it from a layer that counts no tokens.
    """
    said = {} if handle.architecture.keeps_keys else {"position_ids": _span(at, ids)}
    return handle.model(input_ids=ids, past_key_values=cache, use_cache=True, **said)


def _span(at: int, ids: Tensor) -> Tensor:
    return torch.arange(at, at + ids.shape[1], device=ids.device).expand_as(ids)


def kept_pairs(cache: DynamicCache | None, first: int = 0) -> tuple[Pair, ...]:
    """Keys and values (B, heads, T, width) that a forward pass left in a cache, from layer `first` on; () without."""
    layers: list[Any] = [] if cache is None else cache.layers[first:]
    return tuple((layer.keys, layer.values) for layer in layers)


def cache_of(kept: Sequence[Pair], first: int = 0) -> DynamicCache:
    """A cache that holds these keys and values without copying them; layers below `first` only know the length."""
    cache = DynamicCache()
    blank = kept[0][0].new_zeros(1, 1, 1, 1).expand(1, 1, kept[0][0].shape[2], 1)
    for keys, values in [(blank, blank)] * first + list(kept):
        layer = DynamicLayer()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        cache.layers.append(layer)
    return cache


def select_rows(cache: DynamicCache, rows: Tensor) -> None:
    """Leave some rows (N,) in a cache, whose layers' keys and values stand on the layers' own devices."""
    for layer in cache.layers:
        kept: Any = layer
        kept.batch_select_indices(rows.to(kept.keys.device))


def at(tensor: Tensor, *index: Tensor | slice) -> Tensor:
    """`tensor[index]`, of what stands on a layer's own device, at indices that stand on the first one."""
    return tensor[tuple(i.to(tensor.device) if isinstance(i, Tensor) else i for i in index)]


def packs(handle: ModelHandle, longest: int) -> bool:
    """Whether the architecture takes a mask of ours, and none of its windows would cut into a row of `longest`."""
    window = getattr(handle.model.config.get_text_config(), "sliding_window", None)
    return handle.architecture.packs_branches and (not window or longest <= window)


def last_position(handle: ModelHandle) -> int:
    """The last position the model has; without a stated limit, one that no text reaches.

    A model with LongRoPE turns by other angles once any row of a batch is longer than the length it was first trained
    at: a longer text would change the numbers of the ones beside it, so that length is the limit here.
    """
    config = handle.model.config.get_text_config()
    found = getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)  # MPT's word
    return min(int(found or 2**31), *_first_lengths(getattr(config, "rope_parameters", None)), 2**31) - 1


def _first_lengths(told: Any) -> list[int]:
    """The lengths from which on LongRoPE changes its angles, in rotary settings or those of each layer type."""
    if not isinstance(told, dict):
        return []
    if told.get("rope_type") == "longrope" and told.get("original_max_position_embeddings"):
        return [int(told["original_max_position_embeddings"])]
    return [length for part in told.values() for length in _first_lengths(part)]
