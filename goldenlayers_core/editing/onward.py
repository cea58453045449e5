"""Prompts that were run once, and what follows them: by kept keys and values or, without those, by whole rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from goldenlayers_core.editing.suffix import Suffixes, align_right
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import keep_positions
from goldenlayers_core.models.kept import Pair, at, cache_of, fresh_cache, kept_pairs, select_rows
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.tokens import pad_right


@dataclass(frozen=True, eq=False)
class Begun:
    """R prompts after their forward pass."""

    rows: tuple[tuple[int, ...], ...]  # token ids
    kept: tuple[Pair, ...]
    """Per layer, keys and values (R, heads, K, width), which stand right; () where whole rows are rerun."""
    mask: Tensor
    """(R, K) 1 for real tokens."""

    def followed(self, rows: Tensor, ids: Tensor) -> Suffixes:
        """`ids` (N, S), padded on the right, behind the prompts of `rows` (N,)."""
        place = torch.arange(ids.shape[1], device=ids.device)
        before = self.mask[rows]
        lengths = before.sum(dim=1)  # (N,)
        if not self.kept:
            prompts = pad_right([self.rows[r] for r in rows.tolist()]).to(ids.device)
            whole = torch.cat([prompts, torch.zeros_like(ids)], dim=1)
            whole.scatter_(1, lengths[:, None] + place, ids)
            positions = torch.arange(whole.shape[1], device=ids.device).expand_as(whole)
            return Suffixes((), 0, None, whole, torch.ones_like(whole), positions, None, lengths)
        return Suffixes(
            kept=tuple((at(k, rows), at(v, rows)) for k, v in self.kept),
            first=0,
            hidden=None,
            ids=ids,
            mask=torch.cat([before, torch.ones_like(ids)], dim=1),
            positions=lengths[:, None] + place,
            starts=None,
        )


def begin(handle: ModelHandle, rows: Sequence[Sequence[int]]) -> tuple[Begun, Tensor]:
    """Run whole prompts; what is kept of them, and the (R, V) logits of their next tokens. Hold the handle's lock.

    The rows are padded on the right, where nothing sees the padding, so that no position looks at padding alone.
    """
    ids, cache = pad_right(rows).to(handle.device), fresh_cache(handle)
    lengths = ids.new_tensor([len(row) for row in rows])
    logits = _at_ends(handle, ids, lengths, cache)
    if cache is None:
        mask = (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]).long()
        return Begun(tuple(map(tuple, rows)), (), mask), logits
    kept, mask = align_right(kept_pairs(cache), lengths)
    return Begun(tuple(map(tuple, rows)), kept, mask), logits


def _at_ends(handle: ModelHandle, ids: Tensor, lengths: Tensor, cache: DynamicCache | None) -> Tensor:
    """(R, V) logits at the last token of each row."""
    with keep_positions(handle.head, torch.arange(len(ids), device=ids.device), lengths - 1):
        logits = handle.model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            past_key_values=cache,
            use_cache=cache is not None,
        ).logits[0]
    return precise(logits)


class Onward:
    """Prompts that grow by one token at a time."""

    def __init__(self, handle: ModelHandle, begun: Begun) -> None:
        self.handle = handle
        self._rows = list(begun.rows)
        self._mask = begun.mask
        self._cache = cache_of(begun.kept) if begun.kept else None

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""
        index = torch.tensor(rows, device=self._mask.device)
        if self._cache is not None:
            select_rows(self._cache, index)
        self._mask, self._rows = self._mask[index], [self._rows[r] for r in rows]

    def after(self, tokens: Sequence[int]) -> Tensor:
        """(R, V) logits behind one more token a row. Hold the handle's lock."""
        self._rows = [(*row, token) for row, token in zip(self._rows, tokens, strict=True)]
        if self._cache is None:
            ids = pad_right(self._rows).to(self.handle.device)
            lengths = ids.new_tensor([len(row) for row in self._rows])
            return _at_ends(self.handle, ids, lengths, None)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        logits: Tensor = self.handle.model(
            input_ids=torch.tensor(tokens, device=self.handle.device)[:, None],
            attention_mask=self._mask,
            position_ids=self._mask.sum(dim=1, keepdim=True) - 1,
            past_key_values=self._cache,
            use_cache=True,
        ).logits[:, -1]
        return logits
