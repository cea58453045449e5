"""Whole rows, run again and again from one layer on while what that layer's MLP adds is trained.

Nothing done at a layer's MLP output changes what enters the layer, nor what enters its MLP output matrix: both are
computed once. Axes: R rows of at most T tokens, padded on the right, where nothing sees the padding.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import (
    Change,
    as_batch,
    change_outputs,
    keep_positions,
    record_inputs,
    record_outputs,
    start_at,
)
from goldenlayers_core.models.tokens import pad_right


@dataclass(frozen=True, eq=False)
class Above:
    """What the model, as it stands, holds for R rows at one layer."""

    handle: ModelHandle
    layer: int
    ids: Tensor
    """(R, T) token ids."""
    hidden: Tensor | None
    """(R, T, width) entering the layer; None at layer 0."""
    inputs: Tensor
    """(R, T, d_in) of the MLP output matrix."""
    outputs: Tensor
    """(R, T, d_out) of it, bias included."""

    @property
    def number(self) -> torch.dtype:
        """In which what is trained is kept: float32, or float64 for a model in it."""
        return torch.float64 if self.handle.dtype == torch.float64 else torch.float32

    def log_p(self, change: Change, rows: Tensor, columns: Tensor) -> Tensor:
        """(N, V) log-probabilities (nats) of what follows N places, with the MLP output as `change` makes it.

        Gradients flow to what `change` closes over. Hold the handle's lock.
        """
        with ExitStack() as stack:
            stack.enter_context(keep_positions(self.handle.head, rows, columns))
            if self.hidden is not None:
                returns = self.handle.architecture.block_returns
                stack.enter_context(start_at(list(self.handle.blocks), self.layer, self.hidden, returns))
            stack.enter_context(change_outputs({self.handle.mlp_out(self.layer): change}))
            mask = torch.ones_like(self.ids)  # causal: padding stands behind all that is looked at
            logits = self.handle.model(input_ids=self.ids, attention_mask=mask, use_cache=False).logits[0]
        precise: Tensor = logits if logits.dtype == torch.float64 else logits.float()
        return precise.log_softmax(dim=1)


def above(handle: ModelHandle, rows: Sequence[Sequence[int]], layer: int) -> Above:
    """One forward pass over whole rows, without gradients. Hold the handle's lock.

    What is laid over the model at the time (edits below this one) counts as the model. Raises EditError for a layer
    that the model does not have.
    """
    handle.check_layer(layer)
    ids = pad_right(rows).to(handle.device)
    matrix = {"matrix": handle.mlp_out(layer)}
    below = {"below": handle.blocks[layer - 1]} if layer else {}
    first = torch.zeros(1, dtype=torch.int64, device=ids.device)
    with (
        torch.no_grad(),
        keep_positions(handle.head, first, first),  # the logits are not wanted
        record_inputs(matrix) as inputs,
        record_outputs({**matrix, **below}) as outputs,
    ):
        handle.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    return Above(
        handle,
        layer,
        ids,
        outputs["below"] if layer else None,
        as_batch(inputs["matrix"], len(ids)),
        as_batch(outputs["matrix"], len(ids)),
    )


def not_finite(handle: ModelHandle, layer: int) -> EditError:
    """What to raise when an optimisation ran into numbers that are not finite."""
    return EditError(
        f"The edit at layer {layer} of {handle.name} ran into numbers that are not finite; "
        "choose a smaller learning rate, another layer, or the float32 dtype."
    )
