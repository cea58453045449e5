"""What the unedited model holds for the rows of some edits: one forward pass serves every layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from goldenlayers_core.editing.rows import Row
from goldenlayers_core.editing.suffix import Whole
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import as_batch, keep_positions, record_inputs, record_outputs
from goldenlayers_core.models.kept import Pair, fresh_cache, kept_pairs
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.tokens import pad_right

Site = Literal["mlp", "attention", "block"]  # whose output a value is: the MLP's or attention's last matrix, a block
MLP: Final[tuple[Site, ...]] = ("mlp",)
_TOGETHER: Final = MappingProxyType({"cpu": 512})  # padded tokens of a pass: a second or so
_TOGETHER_ELSEWHERE: Final = 32_768


def site_module(handle: ModelHandle, layer: int, site: Site) -> nn.Module:
    """The module whose output a value is."""
    if site == "block":
        return handle.blocks[layer]
    return handle.mlp_out(layer) if site == "mlp" else handle.mixer_out(layer)


@dataclass(frozen=True, eq=False)
class CleanPass:
    """What the unedited model holds for R rows at one layer."""

    rows: tuple[Row, ...]
    keys: Tensor
    """(R, d_in) input of the MLP output matrix at each row's lookup position."""
    values: Tensor
    """(R, sites * d_out) the sites' outputs there, side by side, bias included."""
    layer: int
    whole: Whole
    """Everything needed to rerun layers from the lookup positions on: those above `layer` where what is added to the
    MLP output is added to the residual stream as it is, else those from `layer` on."""
    sites: tuple[Site, ...] = MLP

    @property
    def above(self) -> bool:
        """Whether only the layers above are rerun, so that a change is added to what enters them."""
        return self.whole.first > self.layer

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
    """Per layer but 0 from which layers are rerun, (R, T, width) entering it."""
    starts: dict[int, int]
    """Per layer asked for, the one from which layers are rerun: itself or the next."""
    pairs: tuple[Pair, ...]
    """Per layer from the shallowest one asked for, keys and values (R, heads, T, width)."""
    shallowest: int
    sites: tuple[Site, ...] = MLP

    def at(self, layer: int) -> CleanPass:
        """The clean pass of one of the layers asked for."""
        lengths, lookups = self.ids.new_tensor([[len(r.ids), r.lookup] for r in self.rows]).unbind(dim=1)
        start = self.starts[layer]
        whole = Whole(self.ids, lengths, lookups, self.pairs[start - self.shallowest :], start, self.hidden.get(start))
        return CleanPass(self.rows, self.keys[layer], self.values[layer], layer, whole, self.sites)


def clean_states(
    handle: ModelHandle,
    rows: Sequence[Row],
    layers: Sequence[int],
    sites: tuple[Site, ...] = MLP,
    entering: Sequence[int] = (),
    between: Callable[[], None] | None = None,
) -> Clean:
    """A forward pass of whole, right-padded rows, kept for all of `layers`.

    `sites`: whose outputs are the values. A change of a block's output, or of an MLP's that is added as it is, is a
    change of what enters the next layer, so that only the layers above are rerun. `entering`: further layers of which
    what enters them is kept. `between`, called before each pass of a second or so, may raise to cancel; the handle's
    lock is held in each pass only.

    It holds R T (2 L d_kv + L width) numbers: about 46 kB a token for the bundled model.
    """
    ids = pad_right([row.ids for row in rows]).to(handle.device)
    lookups = ids.new_tensor([row.lookup for row in rows])
    next_one = int(sites == ("block",) or (sites == MLP and handle.architecture.adds_mlp_out))
    starts = {layer: min(layer + next_one, handle.n_layers - 1) for layer in layers}
    kept = sorted({start for start in (*starts.values(), *entering) if start})
    parts, most = [], spared(_TOGETHER.get(handle.device.type, _TOGETHER_ELSEWHERE))
    for part in torch.arange(len(rows), device=ids.device).split(max(1, most // ids.shape[1])):
        if between:
            between()
        with handle.lock, few_rows(handle):
            parts.append(_passed(handle, ids[part], lookups[part], layers, sites, kept))
    keys, values, hidden, pairs = (_joined([part[i] for part in parts]) for i in range(4))
    return Clean(
        rows=tuple(rows),
        ids=ids,
        keys={layer: keys[layer] for layer in layers},
        values={layer: torch.cat([values[layer, site] for site in sites], dim=1) for layer in layers},
        hidden=hidden,
        starts=starts,
        pairs=tuple((pairs[i, "k"], pairs[i, "v"]) for i in range(len(pairs) // 2)),
        shallowest=min(layers),
        sites=sites,
    )


def _joined(parts: list[dict[Any, Tensor]]) -> dict[Any, Tensor]:
    """The rows of several passes after one another; of each tensor, what it was made of is let go at once."""
    if len(parts) == 1:
        return parts[0]
    return {name: torch.cat([part.pop(name) for part in parts]) for name in list(parts[0])}


def _passed(
    handle: ModelHandle,
    ids: Tensor,
    lookups: Tensor,
    layers: Sequence[int],
    sites: tuple[Site, ...],
    kept: Sequence[int],
) -> tuple[dict[Any, Tensor], ...]:
    """Of one pass: keys by layer, values by layer and site, what enters layers, keys and values of attention."""
    here = torch.arange(len(ids), device=ids.device)
    matrices = {f"{layer}": handle.mlp_out(layer) for layer in layers}
    sources = {f"{layer} {site}": site_module(handle, layer, site) for layer in layers for site in sites}
    below = {f"below {start}": handle.blocks[start - 1] for start in kept}
    cache = fresh_cache(handle)
    with (
        torch.no_grad(),
        keep_positions(handle.head, here[:1], here[:1]),  # the logits are not wanted
        record_inputs(matrices) as inputs,
        record_outputs({**sources, **below}) as outputs,
    ):
        # padding stands behind everything that is used, where nothing can see it: it needs no mask
        handle.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=cache, use_cache=cache is not None
        )

    def at_lookup(tensor: Tensor) -> Tensor:  # -> (R, d)
        return as_batch(tensor, len(ids))[here, lookups]

    pairs = kept_pairs(cache, min(layers))
    return (
        {layer: at_lookup(inputs[f"{layer}"]) for layer in layers},
        {(layer, site): at_lookup(outputs[f"{layer} {site}"]) for layer in layers for site in sites},
        {start: outputs[f"below {start}"] for start in kept},
        {(i, name): tensor for i, pair in enumerate(pairs) for name, tensor in zip("kv", pair, strict=True)},
    )


def clean_pass(handle: ModelHandle, rows: Sequence[Row], layer: int, sites: tuple[Site, ...] = MLP) -> CleanPass:
    """`clean_states` for a single layer. Hold the handle's lock."""
    return clean_states(handle, rows, [layer], sites).at(layer)
