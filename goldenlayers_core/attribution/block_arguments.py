"""A model's own forward pass without its weights: every block hands on what it is given, the embedding gives zeros.

What the model tells its blocks besides the state (positions, masks, rotary angles) is then what it always tells them,
unless it makes that of the embedding, or lets blocks tell each other something; both are found here, and refused.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from goldenlayers_core.attribution.lga import model_inputs
from goldenlayers_core.attribution.packing import Batch
from goldenlayers_core.errors import ModelError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import forward_as, passing_on
from goldenlayers_core.records import SPILLS

_PLAIN = (bool, int, float, str, torch.dtype, torch.device, type(None))


def call_model(handle: ModelHandle, batch: Batch, forwards: Mapping[nn.Module, Callable[..., Any]]) -> None:
    """The model's forward pass of a batch, with some modules computed by `forwards`, and else without weights."""
    width = int(handle.embedding.weight.shape[1])  # type: ignore[index]

    def blank(ids: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        return torch.zeros(*ids.shape, width, dtype=handle.dtype, device=handle.device)

    def nothing(hidden: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        return hidden.new_zeros(len(hidden), 0, handle.vocabulary_size)

    pass_on = passing_on(handle.architecture.block_returns)
    without: dict[nn.Module, Callable[..., Any]] = {handle.embedding: blank, handle.head: nothing}
    without |= dict.fromkeys(handle.blocks, pass_on)
    with forward_as({**without, **forwards}):
        handle.model(**model_inputs(handle, batch, handle.model))


def told_blocks(handle: ModelHandle, batch: Batch, embedding: Callable[..., Any] | None = None) -> list[list[Any]]:
    """Per block, what it is told besides the state: tensors, and of what is none its type. `embedding`: its own
    forward, where its weights are here."""
    told: list[list[Any]] = []
    pass_on = passing_on(handle.architecture.block_returns)

    def listen(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        told.append([*_flat(args), *(part for value in kwargs.values() for part in _flat(value))])
        return pass_on(hidden_states)

    forwards: dict[nn.Module, Callable[..., Any]] = dict.fromkeys(handle.blocks, listen)
    if embedding is not None:
        forwards[handle.embedding] = embedding
    call_model(handle, batch, forwards)
    return told


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from _flat(part)
    elif not isinstance(value, _PLAIN):
        yield value if isinstance(value, Tensor) else type(value)


def check_arguments(handle: ModelHandle, with_embedding: list[list[Any]], without: list[list[Any]]) -> None:
    """Raises ModelError where blocks are told something of the embedding, or have something in common."""
    same = len(with_embedding) == len(without) == handle.n_layers and all(
        len(one) == len(other) and all(isinstance(a, Tensor) and _equal(a, b) for a, b in zip(one, other, strict=True))
        for one, other in zip(with_embedding, without, strict=True)
    )
    if not same:
        raise ModelError(
            f"{handle.name} cannot be run layer by layer, because its blocks are told more than the state before them; "
            f"choose a device with {SPILLS} instead."
        )


def _equal(one: Tensor, other: Any) -> bool:
    return isinstance(other, Tensor) and torch.equal(one, other)
