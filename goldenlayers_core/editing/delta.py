"""Edits as values: low-rank factors that an overlay adds to a matrix's output, while no weight is written.

W <- W + left right^T      is, during a forward pass,      out += (in right) left^T        (design.md section 5)
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, digest_of

FORMAT = "golden-layers-edit-1"


@dataclass(frozen=True, eq=False)
class Factors:
    """A change of one layer's MLP output matrix by left right^T; left is (d_out, r), right (d_in, r)."""

    layer: int
    left: Tensor
    right: Tensor

    def __post_init__(self) -> None:
        if self.left.ndim != 2 or self.right.ndim != 2 or self.left.shape[1] != self.right.shape[1]:
            raise EditError(
                f"The factors of layer {self.layer} have shapes {tuple(self.left.shape)} and "
                f"{tuple(self.right.shape)}; (d_out, r) and (d_in, r) are needed."
            )

    @property
    def squared_norm(self) -> float:
        """|left right^T|_F^2 = sum of (left^T left) * (right^T right), elementwise; the matrix is never formed."""
        left, right = self.left.double(), self.right.double()
        return float(((left.T @ left) * (right.T @ right)).sum().clamp(min=0.0))


@dataclass(frozen=True)
class Fact:
    """What an edit was asked to write."""

    case_id: str
    prompt: str
    subject: str
    target_new: str
    target_true: str


@dataclass(frozen=True, eq=False)
class Edit:
    """A fact written into a model, as a value; equal content has an equal `edit_id`."""

    edit_id: str
    method: str
    factors: tuple[Factors, ...]  # float32 on the cpu, at most one entry per layer
    fingerprint: str  # of the model it was computed on, the only one it may be laid over
    config: str  # JSON of the method's config
    fact: Fact
    weight_change: float  # Frobenius norm of the change relative to the weights changed
    stages: tuple[tuple[str, float], ...] = ()  # (stage, seconds) of computing it; not part of the content
    notes: tuple[tuple[str, float], ...] = ()  # loss (nats), steps, value_change (|delta| / |v_0|); nor are these

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edit) and other.edit_id == self.edit_id

    def __hash__(self) -> int:
        return hash(self.edit_id)

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(f.layer for f in self.factors)

    @property
    def layer(self) -> int:
        """The layer edited (the first, where there are several)."""
        return self.factors[0].layer


def make_edit(
    handle: ModelHandle,
    request: EditRequest,
    method: str,
    factors: Sequence[Factors],
    config: Mapping[str, Any],
    stages: tuple[tuple[str, float], ...] = (),
    notes: Mapping[str, float] | None = None,
) -> Edit:
    """An edit from its factors. Raises EditError when one holds a number that is not finite."""
    kept = tuple(Factors(f.layer, f.left.detach().float().cpu(), f.right.detach().float().cpu()) for f in factors)
    if not kept or not all(bool(torch.isfinite(t).all()) for f in kept for t in (f.left, f.right)):
        raise EditError(
            f"The edit of {request.prompt!r} came out with numbers that are not finite; "
            "choose another layer or a smaller learning rate."
        )
    weight = sum(float(handle.matrix(handle.mlp_out(f.layer)).float().norm()) ** 2 for f in kept)
    change = sum(f.squared_norm for f in kept)
    fact = Fact(request.case_id, request.prompt, request.subject, request.target_new, request.target_true)
    text = json.dumps(dict(config), sort_keys=True, ensure_ascii=False)
    name = _edit_id(method, kept, handle.fingerprint, text, fact)
    relative = (change / weight) ** 0.5 if weight else 0.0
    known = tuple((key, float(value)) for key, value in (notes or {}).items())
    return Edit(name, method, kept, handle.fingerprint, text, fact, relative, stages, known)


def _edit_id(method: str, factors: tuple[Factors, ...], fingerprint: str, config: str, fact: Fact) -> str:
    bytes_digest = hashlib.sha256()
    for f in factors:
        for tensor in (f.left, f.right):
            bytes_digest.update(f"{f.layer}|{tuple(tensor.shape)}|".encode())
            bytes_digest.update(tensor.contiguous().numpy().tobytes())
    return digest_of([method, fingerprint, config, fact, bytes_digest.hexdigest()])


def to_arrays(edit: Edit) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """(arrays, meta) for the store: "left.<layer>" (d_out, r) and "right.<layer>" (d_in, r) in float32, and texts."""
    arrays: dict[str, NDArray[Any]] = {}
    for f in edit.factors:
        arrays[f"left.{f.layer}"] = np.ascontiguousarray(f.left.numpy())
        arrays[f"right.{f.layer}"] = np.ascontiguousarray(f.right.numpy())
    meta = {
        "format": FORMAT,
        "edit_id": edit.edit_id,
        "method": edit.method,
        "layers": json.dumps(edit.layers),
        "fingerprint": edit.fingerprint,
        "config": edit.config,
        "fact": json.dumps(vars(edit.fact), ensure_ascii=False),
        "weight_change": repr(edit.weight_change),
    }
    return arrays, meta


def from_arrays(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> Edit:
    """The edit that `to_arrays` took apart. Raises EditError when it is of another format, incomplete or altered."""
    if meta.get("format") != FORMAT:
        raise EditError(
            f"This is not an edit written here: its format is {meta.get('format')!r} and {FORMAT!r} is needed."
        )
    try:
        factors = tuple(
            Factors(
                layer, torch.tensor(arrays[f"left.{layer}"]).float(), torch.tensor(arrays[f"right.{layer}"]).float()
            )
            for layer in map(int, json.loads(meta["layers"]))
        )
        fact = Fact(**json.loads(meta["fact"]))
        change = float(meta["weight_change"])
        method, fingerprint, config = meta["method"], meta["fingerprint"], meta["config"]
    except (KeyError, ValueError, TypeError) as error:
        raise EditError(f"The edit's file is incomplete or damaged ({error}); save the edit again.") from error
    name = _edit_id(method, factors, fingerprint, config, fact)
    if name != meta.get("edit_id"):
        raise EditError(
            "The edit's content does not agree with its own digest; the file was altered, so save the edit again."
        )
    return Edit(name, method, factors, fingerprint, config, fact, change)
