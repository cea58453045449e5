"""Edits laid over a model during its forward passes: nothing is written, and leaving the context undoes everything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from goldenlayers_core.editing.delta import Edit, Factors
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import Change, as_batch, change_outputs


@contextmanager
def overlay(handle: ModelHandle, edits: Sequence[Edit], enabled: Sequence[bool] | None = None) -> Iterator[None]:
    """Every forward pass inside sees the edits, on top of each other; `enabled` switches single ones off.

    Hold `handle.lock` around it. Raises EditError when an edit belongs to another model.
    """
    chosen = [e for e, on in zip(edits, _toggles(edits, enabled), strict=True) if on]
    layers: dict[int, list[Factors]] = {}
    for edit in chosen:
        for factors in checked(handle, edit):
            layers.setdefault(factors.layer, []).append(factors)
    changes = {handle.mlp_out(layer): _same_for_all(found) for layer, found in layers.items()}
    with change_outputs(changes):
        yield


@contextmanager
def batch_overlay(handle: ModelHandle, edits_per_sample: Sequence[Edit | None]) -> Iterator[None]:
    """Every forward pass inside, of exactly this many samples, sees each sample under its own edit (or none).

    Hold `handle.lock` around it. Raises EditError when an edit belongs to another model.
    """
    per_sample = [checked(handle, edit) if edit else () for edit in edits_per_sample]
    layers = sorted({f.layer for factors in per_sample for f in factors})
    changes: dict[torch.nn.Module, Change] = {}
    for layer in layers:
        own = [next((f for f in factors if f.layer == layer), None) for factors in per_sample]
        changes[handle.mlp_out(layer)] = _each_its_own(own)
    with change_outputs(changes):
        yield


def checked(handle: ModelHandle, edit: Edit) -> tuple[Factors, ...]:
    """The edit's factors, after making sure that it belongs to this model. Raises EditError otherwise."""
    if edit.fingerprint != handle.fingerprint:
        raise EditError(
            f"The edit {edit.fact.prompt!r} -> {edit.fact.target_new!r} was computed on a model with fingerprint "
            f"{edit.fingerprint[:8]} and {handle.name} has {handle.fingerprint[:8]}; load the model it belongs to."
        )
    for f in edit.factors:
        shape = tuple(handle.matrix(handle.mlp_out(f.layer)).shape)
        if (f.left.shape[0], f.right.shape[0]) != shape:
            raise EditError(
                f"The edit's factors for layer {f.layer} fit a matrix of {f.left.shape[0]} x {f.right.shape[0]} and "
                f"{handle.name} has {shape[0]} x {shape[1]} there; load the model it belongs to."
            )
    return edit.factors


def _toggles(edits: Sequence[Edit], enabled: Sequence[bool] | None) -> Sequence[bool]:
    if enabled is not None and len(enabled) != len(edits):
        raise EditError(f"{len(edits)} edits came with {len(enabled)} switches; give one switch for each edit.")
    return enabled if enabled is not None else [True] * len(edits)


def _same_for_all(found: Sequence[Factors]) -> Change:
    """One change for every sample: the factors of a layer side by side, left (d_out, R), right (d_in, R)."""
    left = torch.cat([f.left for f in found], dim=1)
    right = torch.cat([f.right for f in found], dim=1)

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        narrow = inputs @ right.to(inputs)  # (..., d_in) -> (..., R)
        return output + (narrow @ left.T.to(inputs)).to(output.dtype)

    return change


def _each_its_own(own: Sequence[Factors | None]) -> Change:
    """One change per sample: left (B, d_out, r), right (B, d_in, r), zero where a sample has no edit of this layer."""
    some = next(f for f in own if f)
    rank = max(f.left.shape[1] for f in own if f)
    left = some.left.new_zeros(len(own), some.left.shape[0], rank)
    right = some.right.new_zeros(len(own), some.right.shape[0], rank)
    for sample, f in enumerate(own):
        if f:
            left[sample, :, : f.left.shape[1]] = f.left
            right[sample, :, : f.right.shape[1]] = f.right

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        batch = as_batch(inputs, len(own))  # (B, T, d_in)
        wide = torch.bmm(torch.bmm(batch, right.to(batch)), left.mT.to(batch))  # (B, T, d_out)
        return output + wide.reshape(output.shape).to(output.dtype)

    return change
