"""Forward passes over suffixes only: the keys and values of what comes before are computed once and kept.

What stands before a token cannot be changed by anything done at it, so its keys and values are constants.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import keep_positions, start_at

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Suffixes:
    """R rows split at a position each: kept keys and values before it, tokens from it on.

    P is the longest prefix, S the longest suffix. Prefixes are padded on the left, so that prefix and suffix of a row are
    neighbours (which is what sliding windows measure); suffixes are padded on the right.
    """

    kept: tuple[Pair, ...]
    """Per layer from `first` on, keys and values (R, heads, P, width) as the attention stored them."""
    first: int  # the shallowest layer that is run
    hidden: Tensor | None
    """(R, S, width) entering layer `first`; None: start at the embedding."""
    ids: Tensor
    """(R, S) token ids."""
    mask: Tensor
    """(R, P + S) 1 for real tokens."""
    positions: Tensor
    """(R, S) positions in the whole row."""

    @property
    def n_rows(self) -> int:
        return int(self.ids.shape[0])


def _window(starts: Tensor, width: int, length: int) -> Tensor:
    """(R, width) the positions from `starts` on, kept inside [0, length)."""
    return (starts[:, None] + torch.arange(width, device=starts.device)).clamp(0, length - 1)


def take(tensor: Tensor, index: Tensor) -> Tensor:
    """(R, n, ...) entries of a (R, T, ...) tensor at (R, n) positions."""
    return tensor[torch.arange(len(index), device=index.device)[:, None], index]


def split_rows(
    pairs: Sequence[Pair], ids: Tensor, lengths: Sequence[int], splits: Sequence[int], first: int = 0, hidden: Tensor | None = None
) -> Suffixes:
    """Cut right-padded rows, run once as a whole, into prefixes and suffixes.

    pairs: per layer from `first` on, keys and values (R, heads, T, width); ids (R, T); hidden (R, T, width) entering layer
    `first` (needed unless that is 0); row r has `lengths[r]` tokens and its suffix starts at `splits[r]`.
    """
    start, length = ids.new_tensor(splits), ids.new_tensor(lengths)
    # at least one column: a cache without any counts as no cache
    before, after = max(1, max(splits)), int((length - start).max())
    prefix = _window(start - before, before, ids.shape[1])  # (R, P)
    suffix = _window(start, after, ids.shape[1])  # (R, S)

    def cut(tensor: Tensor) -> Tensor:  # (R, heads, T, width) -> (R, heads, P, width)
        return take(tensor.transpose(1, 2), prefix).transpose(1, 2).contiguous()

    column = torch.arange(before, device=ids.device)
    place = torch.arange(after, device=ids.device)
    mask = torch.cat([column >= before - start[:, None], place < (length - start)[:, None]], dim=1).long()
    return Suffixes(
        kept=tuple((cut(k), cut(v)) for k, v in pairs),
        first=first,
        hidden=take(hidden, suffix) if hidden is not None else None,
        ids=take(ids, suffix),
        mask=mask,
        positions=start[:, None] + place,
    )


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


def suffix_logits(handle: ModelHandle, suffixes: Suffixes, rows: Tensor, columns: Tensor) -> Tensor:
    """(N, V) logits in float32 at N chosen (row, suffix position) places; gradients flow where they are wanted.

    Only the layers from `suffixes.first` on are run, and only the N places go through the LM head.
    """
    with ExitStack() as stack:
        stack.enter_context(keep_positions(handle.head, rows, columns))
        if suffixes.hidden is not None:
            returns = handle.architecture.block_returns
            stack.enter_context(start_at(list(handle.blocks), suffixes.first, suffixes.hidden, returns))
        out = handle.model(
            input_ids=suffixes.ids,
            attention_mask=suffixes.mask,
            position_ids=suffixes.positions.clamp(max=_last_position(handle)),
            past_key_values=cache_of(suffixes.kept, suffixes.first),
            use_cache=True,
        )
    logits: Tensor = out.logits[0]
    return logits if logits.dtype == torch.float64 else logits.float()


def _last_position(handle: ModelHandle) -> int:
    """Positions of padding may lie beyond a learned position table; they are kept inside it."""
    return int(getattr(handle.model.config.get_text_config(), "max_position_embeddings", None) or 2**31) - 1
