"""Edits laid over a model during its forward passes: nothing is written, and leaving the context undoes everything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from goldenlayers_core.editing.delta import Codebook, Edit, Factors
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import Change, as_batch, change_outputs

_Part = TypeVar("_Part", Factors, Codebook)


@contextmanager
def overlay(
    handle: ModelHandle, edits: Sequence[Edit], enabled: Sequence[bool] | None = None, only_at: int | None = None
) -> Iterator[None]:
    """Every forward pass inside sees the edits, on top of each other; `enabled` switches single ones off.

    What a layer's factors add is summed; then codebooks answer, the nearest key of all of them. An edit's `prefix` is
    not added here: see `prefix_of`. With `only_at`, only that position sees them, in passes of one sample. Hold
    `handle.lock` around it. Raises EditError when an edit belongs to another model.
    """
    chosen = [e for e, on in zip(edits, _toggles(edits, enabled), strict=True) if on]
    for edit in chosen:
        checked(handle, edit)
    changes: dict[torch.nn.Module, Change] = {}
    for layer in sorted({layer for edit in chosen for layer in edit.layers}):
        factors = [f for edit in chosen for f in edit.factors if f.layer == layer]
        books = [c for edit in chosen for c in edit.codebooks if c.layer == layer]
        parts: list[Change] = []
        if plain := [f for f in factors if not f.threshold]:
            parts.append(_sum_for_all(handle, plain))
        parts += [_gated_for_all(handle, f) for f in factors if f.threshold]
        if books:
            parts.append(_book_for_all(handle, books))
        whole = _in_turn(parts)
        changes[handle.mlp_out(layer)] = whole if only_at is None else _at_one(whole, only_at)
    with change_outputs(changes):
        yield


@contextmanager
def batch_overlay(handle: ModelHandle, edits_per_sample: Sequence[Edit | None]) -> Iterator[None]:
    """Every forward pass inside, of exactly this many samples, sees each sample under its own edit (or none).

    Hold `handle.lock` around it. Raises EditError when an edit belongs to another model.
    """
    for edit in {id(e): e for e in edits_per_sample if e}.values():
        checked(handle, edit)
    changes: dict[torch.nn.Module, Change] = {}
    for layer in sorted({layer for edit in edits_per_sample if edit for layer in edit.layers}):
        parts: list[Change] = []
        factors = [_at(edit.factors, layer) if edit else None for edit in edits_per_sample]
        books = [_at(edit.codebooks, layer) if edit else None for edit in edits_per_sample]
        if any(factors):
            parts.append(_each_its_own(handle, factors))
        if any(books):
            parts.append(_each_its_book(handle, books))
        changes[handle.mlp_out(layer)] = _in_turn(parts)
    with change_outputs(changes):
        yield


def prefix_of(edits: Sequence[Edit]) -> str:
    """The text that a stack of edits puts before every prompt."""
    return "".join(edit.prefix for edit in edits)


def checked(handle: ModelHandle, edit: Edit) -> Edit:
    """The edit, after making sure that it belongs to this model. Raises EditError otherwise."""
    if edit.fingerprint != handle.fingerprint:
        raise EditError(
            f"The edit {edit.fact.prompt!r} -> {edit.fact.target_new!r} was computed on a model with fingerprint "
            f"{edit.fingerprint[:8]} and {handle.name} has {handle.fingerprint[:8]}; load the model it belongs to."
        )
    sizes = [(f.layer, f.left.shape[0], f.right.shape[0]) for f in edit.factors]
    for layer, d_out, d_in in (*sizes, *((c.layer, c.values.shape[1], c.keys.shape[1]) for c in edit.codebooks)):
        shape = handle.shape(handle.mlp_out(layer))
        if (d_out, d_in) != shape:
            raise EditError(
                f"The edit's factors for layer {layer} fit a matrix of {d_out} x {d_in} and "
                f"{handle.name} has {shape[0]} x {shape[1]} there; load the model it belongs to."
            )
    return edit


def _toggles(edits: Sequence[Edit], enabled: Sequence[bool] | None) -> Sequence[bool]:
    if enabled is not None and len(enabled) != len(edits):
        raise EditError(f"{len(edits)} edits came with {len(enabled)} switches; give one switch for each edit.")
    return enabled if enabled is not None else [True] * len(edits)


def _at(parts: Sequence[_Part], layer: int) -> _Part | None:
    return next((part for part in parts if part.layer == layer), None)


def _in_turn(parts: Sequence[Change]) -> Change:
    def change(inputs: Tensor, output: Tensor) -> Tensor:
        for part in parts:
            output = part(inputs, output)
        return output

    return change


def _at_one(whole: Change, position: int) -> Change:
    """The change at one position of one sample; every other output is left as it is, bit by bit."""

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        kept = as_batch(output, 1).clone()
        kept[:, position] = as_batch(whole(inputs, output), 1)[:, position]
        return kept.reshape(output.shape)

    return change


def _sum_for_all(handle: ModelHandle, found: Sequence[Factors]) -> Change:
    """One change for every sample: the factors of a layer side by side, left (d_out, R), right (d_in, R); or, where R
    is so large that this is cheaper, the sum of what they multiply to, (d_out, d_in)."""
    if _is_wide(found):
        matrix = torch.zeros(len(found[0].left), len(found[0].right), device=handle.device)
        for f in found:
            matrix += f.product(handle.device)
        matrix = _fitting(handle, matrix)
        return lambda inputs, output: output + (inputs @ matrix.T.to(inputs)).to(output.dtype)
    left, right = (_fitting(handle, torch.cat([getattr(f, side) for f in found], dim=1)) for side in ("left", "right"))

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        narrow = inputs @ right.to(inputs)  # (..., d_in) -> (..., R)
        return output + (narrow @ left.T.to(inputs)).to(output.dtype)

    return change


def _fitting(handle: ModelHandle, tensor: Tensor) -> Tensor:
    """The tensor on the model's device in its dtype. Raises EditError where float16 cannot hold its numbers."""
    found = tensor.to(handle.device, handle.dtype)
    if handle.dtype == torch.float16 and not bool(found.isfinite().all()):
        raise EditError(
            f"The edit has numbers up to {float(tensor.abs().max()):,.0f}, which are not finite in {handle.name}'s "
            "float16; load the model as float32 or bfloat16."
        )
    return found


def _is_wide(found: Sequence[Factors]) -> bool:
    """Whether R (d_out + d_in) > d_out d_in: two products by factors cost more than one by the matrix."""
    rank, (d_out, d_in) = sum(f.left.shape[1] for f in found), (len(found[0].left), len(found[0].right))
    return rank * (d_out + d_in) > d_out * d_in


def _gated_for_all(handle: ModelHandle, found: Factors) -> Change:
    whole = _sum_for_all(handle, [found])

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        moved = whole(inputs, torch.zeros_like(output))
        return torch.where(_far(moved, found.threshold), output + moved, output)

    return change


def _far(moved: Tensor, threshold: float) -> Tensor:
    """(..., 1) whether a token's output (..., d_out) is moved by at least the threshold."""
    distance: Tensor = (moved if moved.dtype == torch.float64 else moved.float()).norm(dim=-1, keepdim=True)
    return distance >= threshold


def _each_its_own(handle: ModelHandle, own: Sequence[Factors | None]) -> Change:
    """One change per sample: left (B, d_out, r), right (B, d_in, r), zero where a sample has no edit of this layer."""
    if any(f and (f.threshold or _is_wide([f])) for f in own):
        return _each_in_turn(handle, own)
    rank = max(f.left.shape[1] for f in own if f)
    some = next(f for f in own if f)
    left = some.left.new_zeros(len(own), some.left.shape[0], rank)
    right = some.right.new_zeros(len(own), some.right.shape[0], rank)
    for sample, f in enumerate(own):
        if f:
            left[sample, :, : f.left.shape[1]] = f.left
            right[sample, :, : f.right.shape[1]] = f.right
    left, right = _fitting(handle, left), _fitting(handle, right)

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        batch = as_batch(inputs, len(own))  # (B, T, d_in)
        wide = torch.bmm(torch.bmm(batch, right.to(batch)), left.mT.to(batch))  # (B, T, d_out)
        return output + wide.reshape(output.shape).to(output.dtype)

    return change


def _each_in_turn(handle: ModelHandle, own: Sequence[Factors | None]) -> Change:
    """The same, one edit after another: no copy of a large change for every sample."""
    distinct = {id(f): f for f in own if f}
    samples = {key: [i for i, f in enumerate(own) if f and id(f) == key] for key in distinct}
    changes = [
        (samples[key], _gated_for_all(handle, f) if f.threshold else _sum_for_all(handle, [f]))
        for key, f in distinct.items()
    ]
    return _apart(len(own), changes)


def _apart(count: int, changes: Sequence[tuple[list[int], Change]]) -> Change:
    """Each change for its own samples of a batch of `count`."""

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        batch, whole = as_batch(inputs, count), as_batch(output, count).clone()
        for mine, part in changes:
            whole[mine] = part(batch[mine], whole[mine])
        return whole.reshape(output.shape)

    return change


def _book_for_all(handle: ModelHandle, books: Sequence[Codebook]) -> Change:
    layer = books[0].layer
    whole = Codebook(layer, *(torch.cat([getattr(b, n) for b in books]) for n in ("keys", "values", "radii")))
    keys, values, radii = (t.to(handle.device) for t in (whole.keys, whole.values, whole.radii))

    def change(inputs: Tensor, output: Tensor) -> Tensor:
        return _answered(inputs, output, keys, values, radii)

    return change


def _each_its_book(handle: ModelHandle, own: Sequence[Codebook | None]) -> Change:
    books = [([i], _book_for_all(handle, [book])) for i, book in enumerate(own) if book]
    return _apart(len(own), books)


def _answered(inputs: Tensor, output: Tensor, keys: Tensor, values: Tensor, radii: Tensor) -> Tensor:
    """`output` (..., d_out), but the value of the nearest of the keys in reach where there is one."""
    flat = inputs.reshape(-1, inputs.shape[-1]).to(keys.dtype)
    # not by matrix products, whose cancellation would put a token beside its own key
    distance = torch.cdist(flat, keys, compute_mode="donot_use_mm_for_euclid_dist")  # (tokens, N)
    nearest, which = distance.masked_fill(distance > radii, torch.inf).min(dim=1)
    wide = torch.where(nearest.isfinite()[:, None], values[which].to(output.dtype), output.reshape(len(flat), -1))
    return wide.reshape(output.shape)
