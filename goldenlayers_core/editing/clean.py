"""What the unedited model holds for the rows of some edits: one forward pass serves every layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from goldenlayers_core.editing.rows import Row
from goldenlayers_core.editing.suffix import Whole
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import as_batch, keep_positions, record_inputs, record_outputs
from goldenlayers_core.models.kept import Pair, kept_pairs
from goldenlayers_core.models.tokens import pad_right


@dataclass(frozen=True, eq=False)
class CleanPass:
    """What the unedited model holds for R rows at one layer."""

    rows: tuple[Row, ...]
    keys: Tensor
    """(R, d_in) input of the MLP output matrix at each row's lookup position."""
    values: Tensor
    """(R, d_out) its output there, bias included."""
    whole: Whole
    """Everything needed to rerun the layers from this one on, from the lookup positions on."""

    @property
    def layer(self) -> int:
        return self.whole.first

    def rows_of(self, edit: int) -> list[int]:
        """Indices of the rows of one edit, the bare prompt's first and the essence row last."""
        return [r for r, row in enumerate(self.rows) if row.edit == edit]


@dataclass(frozen=True, eq=False)
class Clean:
    """The same at several layers."""

    rows: tuple[Row, ...]
    ids: Tensor
    """(R, T) token ids, padded on the right."""
    keys: dict[int, Tensor]
    values: dict[int, Tensor]
    hidden: dict[int, Tensor]
    """Per layer but 0, (R, T, width) entering it."""
    pairs: tuple[Pair, ...]
    """Per layer from the shallowest one asked for, keys and values (R, heads, T, width)."""
    shallowest: int

    def at(self, layer: int) -> CleanPass:
        """The clean pass of one of the layers asked for."""
        lengths, lookups = self.ids.new_tensor([[len(r.ids), r.lookup] for r in self.rows]).unbind(dim=1)
        pairs = self.pairs[layer - self.shallowest :]
        whole = Whole(self.ids, lengths, lookups, pairs, layer, self.hidden.get(layer))
        return CleanPass(self.rows, self.keys[layer], self.values[layer], whole)


def clean_states(handle: ModelHandle, rows: Sequence[Row], layers: Sequence[int]) -> Clean:
    """One forward pass of whole, right-padded rows, kept for all of `layers`. Hold the handle's lock.

    It holds R T (2 L d_kv + L width) numbers: about 46 kB a token for the bundled model.
    """
    ids = pad_right([row.ids for row in rows]).to(handle.device)
    lookups = ids.new_tensor([row.lookup for row in rows])
    here = torch.arange(len(rows), device=ids.device)
    matrices = {f"{layer}": handle.mlp_out(layer) for layer in layers}
    below = {f"below {layer}": handle.blocks[layer - 1] for layer in layers if layer}
    cache = DynamicCache()
    with (
        torch.no_grad(),
        keep_positions(handle.head, here[:1], here[:1]),  # the logits are not wanted
        record_inputs(matrices) as inputs,
        record_outputs({**matrices, **below}) as outputs,
    ):
        # padding stands behind everything that is used, where nothing can see it: it needs no mask
        handle.model(input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=cache, use_cache=True)

    def at_lookup(tensor: Tensor) -> Tensor:  # -> (R, d)
        return as_batch(tensor, len(rows))[here, lookups]

    return Clean(
        rows=tuple(rows),
        ids=ids,
        keys={layer: at_lookup(inputs[f"{layer}"]) for layer in layers},
        values={layer: at_lookup(outputs[f"{layer}"]) for layer in layers},
        hidden={layer: outputs[f"below {layer}"] for layer in layers if layer},
        pairs=kept_pairs(cache, min(layers)),
        shallowest=min(layers),
    )


def clean_pass(handle: ModelHandle, rows: Sequence[Row], layer: int) -> CleanPass:
    """`clean_states` for a single layer. Hold the handle's lock."""
    return clean_states(handle, rows, [layer]).at(layer)
