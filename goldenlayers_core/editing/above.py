"""Rows run again and again from one layer and one position on, while what that layer's MLP adds there is trained.

Nothing added to a layer's MLP output at a token changes what enters the layer, what enters its MLP output matrix, or
anything at earlier tokens: all of it is computed once. Axes: R rows of at most T tokens, of which S, all rows taken
together, stand at or behind their row's split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from goldenlayers_core.editing.suffix import Suffixes, Whole, split_rows, suffix_logits
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import as_batch, change_outputs, keep_positions, record_inputs, record_outputs
from goldenlayers_core.models.kept import fresh_cache, kept_pairs
from goldenlayers_core.models.tokens import pad_right


@dataclass(frozen=True, eq=False)
class Above:
    """What the model, as it stands, holds for R rows at one layer, and all that is needed to run on from there."""

    handle: ModelHandle
    layer: int
    rows: Tensor
    """(S,) row of every token from its row's split on."""
    columns: Tensor
    """(S,) its position in the row."""
    inputs: Tensor
    """(S, d_in) of the MLP output matrix there."""
    outputs: Tensor
    """(S, d_out) of it there, bias included."""
    before: Tensor
    """(B, d_in) inputs of the matrix at all tokens before the splits."""
    splits: Tensor
    """(R,)"""
    suffixes: Suffixes

    @property
    def number(self) -> torch.dtype:
        """In which what is trained is kept: float32, or float64 for a model in it."""
        return torch.float64 if self.handle.dtype == torch.float64 else torch.float32

    def log_p(self, moved: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """(N, V) log-probabilities (nats) of what follows N places, with `moved` (S, d_out) added to the MLP output.

        Gradients flow to `moved`. Hold the handle's lock.
        """
        suffixes, at = self.suffixes, self.suffixes.place(self.rows, self.columns - self.splits[self.rows])
        after = columns - self.splits[rows]

        def add(_inputs: Tensor, output: Tensor) -> Tensor:
            wide = as_batch(output, len(suffixes.ids))  # (B, S / B, d_out)
            return wide.index_put(at, moved.to(wide.dtype), accumulate=True).reshape(output.shape)

        if suffixes.first > self.layer and suffixes.hidden is not None:  # what is added enters the next layer as it is
            hidden = add(suffixes.hidden, suffixes.hidden)
            return suffix_logits(self.handle, suffixes, rows, after, hidden).log_softmax(dim=1)
        with change_outputs({self.handle.mlp_out(self.layer): add}):
            return suffix_logits(self.handle, suffixes, rows, after).log_softmax(dim=1)


def above(handle: ModelHandle, rows: Sequence[Sequence[int]], splits: Sequence[int], layer: int) -> Above:
    """One forward pass over whole rows, without gradients. Hold the handle's lock.

    What is laid over the model at the time (edits below this one) counts as the model. Raises EditError for a layer
    that the model does not have.
    """
    handle.check_layer(layer)
    ids = pad_right(rows).to(handle.device)
    lengths, starts = ids.new_tensor([len(row) for row in rows]), ids.new_tensor(list(splits))
    first = min(layer + int(handle.architecture.adds_mlp_out), handle.n_layers - 1)
    matrix = {"matrix": handle.mlp_out(layer)}
    below = {"below": handle.blocks[first - 1]} if first else {}
    none, cache = ids.new_zeros(1), fresh_cache(handle)
    with (
        torch.no_grad(),
        keep_positions(handle.head, none, none),  # the logits are not wanted
        record_inputs(matrix) as inputs,
        record_outputs({**matrix, **below}) as outputs,
    ):
        # padding stands behind everything that is used, where nothing can see it: it needs no mask
        handle.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=cache, use_cache=cache is not None
        )
    column = torch.arange(ids.shape[1], device=ids.device)
    behind = (column >= starts[:, None]) & (column < lengths[:, None])  # (R, T)
    keys, places = as_batch(inputs["matrix"], len(ids)), behind.nonzero(as_tuple=True)
    whole = Whole(ids, lengths, starts, kept_pairs(cache, first), first, outputs["below"] if first else None)
    return Above(
        handle=handle,
        layer=layer,
        rows=places[0],
        columns=places[1],
        inputs=keys[behind],
        outputs=as_batch(outputs["matrix"], len(ids))[behind],
        before=keys[column < starts[:, None]],
        splits=starts,
        suffixes=split_rows(handle, whole),
    )
