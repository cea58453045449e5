"""A model of an unknown architecture -> a row for it, as far as structure and probes of single parts tell."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.discovery.parts import Parts, parts_of
from goldenlayers_core.models.discovery.skeleton import Skeleton, against, same, skeleton_of, some_ids
from goldenlayers_core.models.discovery.sums import sums_of
from goldenlayers_core.models.hooks import start_at

_WINDOW: Final = "sliding_window"  # the only one that packing measures
_OTHERS: Final = ("window", "window_size", "chunk_size")  # how fields end that hold others


@dataclass(frozen=True, slots=True)
class Proposal:
    """A row, and what cannot be told by it."""

    row: Architecture
    is_sum: bool  # whether the residual stream is the sum of what attention and MLP add
    windows: tuple[str, ...]  # fields of the configuration that keep the model from being packed


@torch.no_grad()
def propose(model: Any) -> Proposal:
    """What a model in float32 or float64 is like. What the row says of keys and packing is still to be tried.

    Raises UnknownArchitectureError, in one sentence, for what is no decoder whose layers can be scored and edited here.
    """
    model_type = str(model.config.model_type)
    found = skeleton_of(model)
    parts = parts_of(found)
    _check_start(found, parts)
    sums = sums_of(found, parts)
    windows = tuple(name for name in _fields(model) if name.endswith(_OTHERS))
    row = Architecture(
        model_type=model_type,
        title=model_type,
        blocks=found.blocks,
        embedding=found.embedding,
        final_norm=found.final_norm,
        mlp=parts.mlp,
        attention=parts.attention,
        orientation=parts.orientation,
        block_returns="tuple" if parts.block_returns == "tuple" else "tensor",
        packs_branches=not set(windows) - {_WINDOW},
        adds_mlp_out=sums.adds_mlp_out,
        attention_added=sums.attention_added,
        mlp_added=sums.mlp_added,
        added_times=sums.added_times,
        logits_times=sums.logits_times,
        logits_over=sums.logits_over,
        logits_cap=sums.logits_cap,
    )
    return Proposal(row, sums.is_sum, windows)


def _fields(model: Any) -> list[str]:
    """Fields of the configuration that hold something."""
    config = model.config.get_text_config().to_dict()
    return [name for name, value in config.items() if value and isinstance(value, int) and not isinstance(value, bool)]


def _check_start(found: Skeleton, parts: Parts) -> None:
    """Raises UnknownArchitectureError where the blocks from a layer on do not give the same logits from what enters it,
    or read the tokens anew beside it."""
    blocks: list[nn.Module] = list(found.model.get_submodule(found.blocks))
    others = some_ids(found.model, found.ids.shape[1], seed=1)
    for layer in sorted({1, found.n_layers // 2, found.n_layers - 1} - {0}):
        entering = found.block(layer).given
        if entering is None:
            raise against(found.model, "its blocks are not given the hidden state first")
        for ids in (found.ids, others):
            with torch.inference_mode(), start_at(blocks, layer, entering.clone(), parts.block_returns):
                late = found.model(input_ids=ids, use_cache=False).logits
            if not same(late, found.logits):
                raise against(
                    found.model,
                    "every layer reads the tokens anew beside the residual stream, which a run from the middle does "
                    "not see"
                    if ids is others
                    else "a run from the middle does not give the logits of the whole",
                )
