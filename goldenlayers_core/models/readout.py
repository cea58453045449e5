"""From the residual stream to the vocabulary, as the model itself does it: final norm, LM head, scale and cap."""

from collections.abc import Sequence

import torch
from torch import Tensor

from goldenlayers_core.models.handle import ModelHandle, part_at
from goldenlayers_core.models.hooks import keep_positions, record_inputs
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import pad_right


def precise(tensor: Tensor) -> Tensor:
    """The same numbers, at least in float32."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def normed(handle: ModelHandle, states: Tensor) -> Tensor:
    """(..., width of the head's input) what a model makes of its residual stream (..., width) before the LM head: the
    final norm, and a map behind it. OPT-350m has no such norm, and only that one has such a map."""
    for path in (handle.architecture.final_norm, handle.architecture.projected):
        part = part_at(handle.model, path)
        states = states if part is None else part(states)
    return states


def head_logits(handle: ModelHandle, states: Tensor) -> Tensor:
    """(..., V) logits, at least float32 and capped, of what enters the LM head (..., width)."""
    return capped(handle, precise(handle.head(states.to(handle.device, handle.dtype))))


def capped(handle: ModelHandle, logits: Tensor) -> Tensor:
    """(..., V) what the model makes of its head's logits. Cohere scales them, Gemma 2 caps them:
    cap * tanh(logits / cap)."""
    scale = logit_scale(handle)
    logits = logits if scale == 1.0 else logits * scale
    cap = getattr(handle.model.config.get_text_config(), handle.architecture.logits_cap, None)
    return logits if cap is None else torch.tanh(logits / cap) * cap


def logit_scale(handle: ModelHandle) -> float:
    """What the model multiplies its head's logits by."""
    row, config = handle.architecture, handle.model.config.get_text_config()
    times = float(getattr(config, row.logits_times)) if row.logits_times else 1.0
    return times / float(getattr(config, row.logits_over)) if row.logits_over else times


def last_states(handle: ModelHandle, rows: Sequence[Sequence[int]]) -> Tensor:
    """(R, width) what enters the LM head at the last token of each row; no logits are formed but for these places.

    The rows are padded on the right, where nothing sees the padding. Hold the handle's lock.
    """
    ids = pad_right(rows).to(handle.device)
    lengths = ids.new_tensor([len(row) for row in rows])
    index = torch.arange(len(rows), device=ids.device)
    with (
        torch.inference_mode(),
        few_rows(handle),
        record_inputs({"head": handle.head}) as seen,
        keep_positions(handle.head, index, lengths - 1),
    ):
        handle.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    return seen["head"][0]
