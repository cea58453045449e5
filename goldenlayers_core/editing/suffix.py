"""Forward passes over suffixes only: the keys and values of what comes before are computed once and kept.

What stands before a token cannot be changed by anything done at it, so its keys and values are constants. A model with
layers that have none (a running state, a convolution) is given whole rows again, from the same layer on.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.errors import EditError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import keep_positions, start_at
from goldenlayers_core.models.kept import Pair, at, cache_of, last_position, packs

PACK_LIMIT: Final = 2048  # keys in one pack: beyond it the block-diagonal attention costs more than padding does


@dataclass(frozen=True, eq=False)
class Suffixes:
    """R rows split at a position each: kept keys and values before it (K of them), tokens from it on.

    Padded, a batch row is a row (B = R): prefixes stand right and suffixes left, so that the two of a row are
    neighbours, which is what sliding windows measure. Packed, all rows are one batch row (B = 1) under a mask.
    """

    kept: tuple[Pair, ...]
    """Per layer from `first` on, keys and values (B, heads, K, width) as the attention stored them; () where whole
    rows are rerun: K is 0 then, and S counts from a row's beginning."""
    first: int  # the shallowest layer that is run
    hidden: Tensor | None
    """(B, S, width) entering layer `first`; None: start at the embedding."""
    ids: Tensor
    """(B, S) token ids."""
    mask: Tensor
    """(B, K + S) 0 for what pads a prefix; packed (1, 1, S, K + S), added to the attention scores."""
    positions: Tensor
    """(B, S) positions in the whole row."""
    starts: Tensor | None
    """(R,) where each row's suffix begins in the pack; None: padded."""
    splits: Tensor | None = None
    """(R,) where each row's suffix begins in the whole row; None: only suffixes are run."""

    def place(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Where in (B, S) the given positions of the given rows' suffixes are."""
        if self.splits is not None:
            return rows, self.splits[rows] + columns
        return (rows, columns) if self.starts is None else (torch.zeros_like(rows), self.starts[rows] + columns)


@dataclass(frozen=True, eq=False)
class Whole:
    """R rows that were run once as a whole, padded on the right."""

    ids: Tensor
    """(R, T) token ids."""
    lengths: Tensor
    """(R,) tokens of each row."""
    splits: Tensor
    """(R,) where each row's suffix begins."""
    pairs: tuple[Pair, ...]
    """Per layer from `first` on, keys and values (R, heads, T, width); () where whole rows are rerun."""
    first: int
    hidden: Tensor | None
    """(R, T, width) entering layer `first`; None where that is 0."""

    def only(self, rows: Tensor) -> "Whole":
        """Some of the rows, copied, without columns that only pad them."""
        lengths = self.lengths[rows]
        width = int(lengths.max())
        columns = slice(width)
        pairs = tuple((at(k, rows, slice(None), columns), at(v, rows, slice(None), columns)) for k, v in self.pairs)
        hidden = None if self.hidden is None else self.hidden[rows, :width]
        return Whole(self.ids[rows, :width], lengths, self.splits[rows], pairs, self.first, hidden)


def split_rows(handle: ModelHandle, whole: Whole, rows: Tensor | None = None) -> Suffixes:
    """Cut every row (or those of `rows`, in that order) at its split: packed where that is exact and saves tokens.
    Without kept keys and values nothing is cut off."""
    rows = torch.arange(len(whole.ids), device=whole.ids.device) if rows is None else rows
    if not whole.pairs:
        return _uncut(whole.only(rows))
    lengths, after = whole.lengths[rows], (whole.lengths - whole.splits)[rows]
    spares = int(after.sum()) < len(rows) * int(after.max())
    if spares and int(lengths.sum()) <= PACK_LIMIT and packs(handle, int(lengths.max())):
        return _packed(whole, rows)
    return _padded(whole.only(rows))


def _window(starts: Tensor, width: int, length: int) -> Tensor:
    """(R, width) the positions from `starts` on, kept inside [0, length)."""
    return (starts[:, None] + torch.arange(width, device=starts.device)).clamp(0, length - 1)


def _take(tensor: Tensor, index: Tensor) -> Tensor:
    """(R, n, ...) entries of a (R, T, ...) tensor at (R, n) positions."""
    return at(tensor, torch.arange(len(index), device=index.device)[:, None], index)


def _uncut(whole: Whole) -> Suffixes:
    # padding stands behind everything that is used, where nothing can see it: it needs no mask
    positions = torch.arange(whole.ids.shape[1], device=whole.ids.device).expand_as(whole.ids)
    mask = torch.ones_like(whole.ids)
    return Suffixes((), whole.first, whole.hidden, whole.ids, mask, positions, None, whole.splits)


def _padded(whole: Whole) -> Suffixes:
    start, after = whole.splits, int((whole.lengths - whole.splits).max())
    suffix = _window(start, after, whole.ids.shape[1])  # (R, S)
    place = torch.arange(after, device=start.device)
    kept, seen = align_right(whole.pairs, start)
    # what pads a suffix stands behind all real tokens, where only other padding sees it
    mask = torch.cat([seen, torch.ones_like(suffix)], dim=1)
    hidden = _take(whole.hidden, suffix) if whole.hidden is not None else None
    return Suffixes(kept, whole.first, hidden, _take(whole.ids, suffix), mask, start[:, None] + place, None)


def align_right(pairs: Sequence[Pair], lengths: Tensor) -> tuple[tuple[Pair, ...], Tensor]:
    """The first `lengths[r]` keys and values of each row r, moved to the right end; the (R, K) mask of real ones."""
    # at least one column: a cache without any counts as no cache
    columns = max(1, int(lengths.max()))
    index = _window(lengths - columns, columns, pairs[0][0].shape[2])  # (R, K)

    def move(tensor: Tensor) -> Tensor:  # (R, heads, T, width) -> (R, heads, K, width)
        return _take(tensor.transpose(1, 2), index).transpose(1, 2).contiguous()

    mask = torch.arange(columns, device=lengths.device) >= columns - lengths[:, None]
    return tuple((move(k), move(v)) for k, v in pairs), mask.long()


def _precise(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _packed(whole: Whole, rows: Tensor) -> Suffixes:
    start, length = whole.splits[rows], whole.lengths[rows]
    column = torch.arange(whole.ids.shape[1], device=start.device)
    prefix = (column < start[:, None]).nonzero(as_tuple=True)  # (K,) which of `rows` and (K,) positions
    suffix = ((column >= start[:, None]) & (column < length[:, None])).nonzero(as_tuple=True)  # (S,), (S,)
    before, after = (rows[prefix[0]], prefix[1]), (rows[suffix[0]], suffix[1])

    def cut(tensor: Tensor) -> Tensor:  # (R, heads, T, width) -> (1, heads, K, width)
        return at(tensor.transpose(1, 2), *before).transpose(0, 1)[None].contiguous()

    own, positions = torch.cat([prefix[0], suffix[0]]), torch.cat([prefix[1], suffix[1]])  # (K + S,)
    seen = (suffix[0][:, None] == own) & (suffix[1][:, None] >= positions)  # (S, K + S)
    number = whole.pairs[0][0].dtype
    mask = torch.zeros(seen.shape, dtype=number, device=start.device).masked_fill(~seen, torch.finfo(number).min)
    hidden = whole.hidden[after][None] if whole.hidden is not None else None
    kept = tuple((cut(k), cut(v)) for k, v in whole.pairs)
    starts = (length - start).cumsum(0) - (length - start)
    return Suffixes(kept, whole.first, hidden, whole.ids[after][None], mask[None, None], suffix[1][None], starts)


def suffix_logits(
    handle: ModelHandle, suffixes: Suffixes, rows: Tensor, columns: Tensor, hidden: Tensor | None = None
) -> Tensor:
    """(N, V) logits in float32 at N chosen (row, suffix position) places; gradients flow where they are wanted.

    Only the layers from `suffixes.first` on are run, and only the N places go through the LM head. `hidden`
    (B, S, width) stands in for what enters the first of them.
    """
    hidden = suffixes.hidden if hidden is None else hidden
    with ExitStack() as stack:
        stack.enter_context(keep_positions(handle.head, *suffixes.place(rows, columns)))
        if hidden is not None:
            returns = handle.architecture.block_returns
            stack.enter_context(start_at(list(handle.blocks), suffixes.first, hidden, returns))
        out = handle.model(
            input_ids=suffixes.ids,
            attention_mask=suffixes.mask,
            position_ids=suffixes.positions.clamp(max=last_position(handle)),
            past_key_values=cache_of(suffixes.kept, suffixes.first) if suffixes.kept else None,
            use_cache=bool(suffixes.kept),
        )
    return _precise(out.logits[0])


def checked_logits(handle: ModelHandle, logits: Tensor) -> Tensor:
    """The logits, after making sure that a token can be chosen by them. Raises EditError otherwise."""
    if not bool((logits < torch.inf).all()):  # NaN, too
        raise EditError(
            f"{handle.name} puts out numbers that are not finite in {str(handle.dtype).removeprefix('torch.')}; load "
            "it as float32 or bfloat16."
        )
    return logits


def check_length(handle: ModelHandle, prompt: str, n_tokens: int) -> None:
    """Raises RequestError when a prompt, with what is to follow it, is longer than the model takes."""
    if n_tokens > last_position(handle) + 1:
        raise RequestError(
            f"The prompt that begins {prompt[:40]!r} has, with its answer, {n_tokens} tokens and {handle.name} "
            f"takes at most {last_position(handle) + 1}; shorten it."
        )
