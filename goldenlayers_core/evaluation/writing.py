"""Whether edited models still write as before: fluency and perplexity drift of many edits at once, for the sweep.

The definitions are those of `evaluation.fluency`; here every sample of a batch is under its own edit, and the fixed
text is rerun only from the edited layer on.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.overlay import batch_overlay
from goldenlayers_core.evaluation.fluency import (
    FLUENCY_TOKENS,
    neutral_text,
    ngram_entropy,
    pieces,
    words_of,
)
from goldenlayers_core.evaluation.lines import Ask, Lines
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import generated, generation_config
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import encode_prompt, pad_left

_ROWS = 16  # prompts whose continuations are written together


class Writing:
    """The prompts whose continuations are measured, and the fixed text once for each of them."""

    def __init__(
        self, handle: ModelHandle, prompts: Sequence[str], token_budget: int, between: Callable[[], None] | None = None
    ) -> None:
        self.handle, self.prompts, self.between = handle, list(prompts), between
        self.pieces = pieces(handle, neutral_text())
        asks = [Ask(piece[:1]) for _ in self.prompts for piece in self.pieces]
        for i, ask in enumerate(asks):
            ask.add(self.pieces[i % len(self.pieces)][1:-1])
        self.lines = Lines(handle, asks, token_budget)
        self.before = np.empty(0)

    def unedited(self, layers: Sequence[int]) -> list[dict[str, float]]:
        """Fluency and drift (1 by definition) of the model as it is; keeps what enters each of `layers`."""
        found = np.zeros(len(self.prompts))
        for b, bucket in enumerate(self.lines.buckets):
            with self.handle.lock, few_rows(self.handle):
                self._add(b, self.lines.unedited(bucket, layers), found)
        self.before = found
        return self._metrics(found, [None] * len(self.prompts))

    def edited(self, edits: Sequence[Edit | None], layer: int) -> list[dict[str, float]]:
        """The same per prompt under its edit, none of which acts below `layer`. Call `unedited` first."""
        found, own = np.zeros(len(self.prompts)), len(self.pieces)
        for b, bucket in enumerate(self.lines.buckets):
            with self.handle.lock, few_rows(self.handle):
                self._add(b, self.lines.edited(bucket, [edits[ask // own] for ask in bucket.asks], layer), found)
            if self.between:
                self.between()
        return self._metrics(found, edits)

    def _add(self, bucket: int, log_p: torch.Tensor, losses: NDArray[np.float64]) -> None:
        """Add a bucket's share to the mean negative log-likelihood (nats) of the text under each prompt's edit."""
        own, count = len(self.pieces), sum(len(piece) - 1 for piece in self.pieces)
        places = [(ask, at, len(said) + 1) for (ask, said), at in self.lines.places(bucket).items()]
        wanted = [(at, self.pieces[ask % own][t]) for ask, at, t in places]
        rows, tokens = torch.tensor(wanted, device=log_p.device).unbind(dim=1)
        values = -log_p[rows, tokens].double().cpu().numpy() / count
        np.add.at(losses, [ask // own for ask, _, _ in places], values)

    def _metrics(self, losses: NDArray[np.float64], edits: Sequence[Edit | None]) -> list[dict[str, float]]:
        drift = np.exp(losses - self.before)  # ratio of perplexities
        return [
            {"fluency": bits, "drift": float(ratio)} for bits, ratio in zip(self._fluency(edits), drift, strict=True)
        ]

    def _fluency(self, edits: Sequence[Edit | None]) -> list[float]:
        """Bits, per prompt."""
        texts = [(edit.prefix if edit else "") + prompt for prompt, edit in zip(self.prompts, edits, strict=True)]
        encoded = [encode_prompt(self.handle.tokenizer, text) for text in texts]
        order, found = sorted(range(len(texts)), key=lambda i: len(encoded[i])), [0.0] * len(texts)
        config = generation_config(self.handle, FLUENCY_TOKENS)
        # a row of padding in float64 is a row of NaN in some architectures (transformers 5, eager attention)
        rows = 1 if self.handle.dtype == torch.float64 else _ROWS
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            ids, mask = pad_left([encoded[i] for i in chosen], fill=int(config.pad_token_id or 0))
            with self.handle.lock, torch.inference_mode(), batch_overlay(self.handle, [edits[i] for i in chosen]):
                written = generated(self.handle, ids, mask, config)
            for i, row in zip(chosen, written, strict=True):
                found[i] = ngram_entropy(words_of(self.handle.tokenizer.decode(row, skip_special_tokens=True)))
            if self.between:
                self.between()
        return found
