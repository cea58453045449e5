"""Edits as values: what an overlay does to a matrix's output during a forward pass, while no weight is written.

W <- W + left right^T      is, during a forward pass,      out += (in right) left^T        (design.md section 5)

Beside such factors an edit may hold a codebook (GRACE), factors that act only where they are far-reaching (WISE), or
a text put before every prompt (in-context editing). None of them is a changed model.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, digest_of

FORMAT = "golden-layers-edit-2"


@dataclass(frozen=True, eq=False)
class Factors:
    """A change of one layer's MLP output matrix by left right^T; left is (d_out, r), right (d_in, r)."""

    layer: int
    left: Tensor
    right: Tensor
    threshold: float = 0.0  # acts only at tokens whose output it moves by at least this norm; 0: at every token

    def __post_init__(self) -> None:
        if self.left.ndim != 2 or self.right.ndim != 2 or self.left.shape[1] != self.right.shape[1]:
            raise EditError(
                f"The factors of layer {self.layer} have shapes {tuple(self.left.shape)} and "
                f"{tuple(self.right.shape)}; (d_out, r) and (d_in, r) are needed."
            )

    @property
    def squared_norm(self) -> float:
        """|left right^T|_F^2 = sum of (left^T left) * (right^T right), elementwise; the matrix is not formed for it."""
        if (whole := self.whole) is not None:
            return float(whole.double().square().sum())
        left, right = self.left.double(), self.right.double()
        return float(((left.T @ left) * (right.T @ right)).sum().clamp(min=0.0))

    @cached_property
    def whole(self) -> Tensor | None:
        """(d_out, d_in) the change itself, where one factor is the identity (see `whole_factors`); else None."""
        for one, other in ((self.left, self.right.T), (self.right, self.left)):
            if one.shape[0] == one.shape[1] and torch.equal(one, torch.eye(len(one), dtype=one.dtype)):
                return other
        return None

    def product(self, device: torch.device) -> Tensor:
        """(d_out, d_in) left right^T on a device. Where the change is kept whole, its copy there is kept with it: an
        answer asks for it at every token."""
        if (whole := self.whole) is None:
            return self.left.to(device) @ self.right.T.to(device)
        if device.type == "cpu":
            return whole
        if device not in self._copies:
            self._copies[device] = whole.to(device)
        return self._copies[device]

    @cached_property
    def _copies(self) -> dict[torch.device, Tensor]:
        return {}


def whole_factors(layer: int, change: Tensor, threshold: float = 0.0) -> Factors:
    """A change (d_out, d_in) of full rank as factors, exactly: the identity on its narrower side."""
    eye = torch.eye(min(change.shape), dtype=change.dtype, device=change.device)
    left, right = (eye, change.T) if change.shape[0] <= change.shape[1] else (change, eye)
    return Factors(layer, left, right, threshold)


@dataclass(frozen=True, eq=False)
class Codebook:
    """N places of one layer: where the MLP output matrix's input is within a key's radius, its output is that value.

    Where several keys are in reach the nearest one answers, whichever edit of a stack it belongs to.
    """

    layer: int
    keys: Tensor
    """(N, d_in)"""
    values: Tensor
    """(N, d_out)"""
    radii: Tensor
    """(N,) Euclidean"""

    def __post_init__(self) -> None:
        if self.keys.ndim != 2 or self.values.ndim != 2 or not len(self.keys) == len(self.values) == len(self.radii):
            raise EditError(
                f"The codebook of layer {self.layer} has keys {tuple(self.keys.shape)}, values "
                f"{tuple(self.values.shape)} and radii {tuple(self.radii.shape)}; one of each per entry is needed."
            )


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
    facts: tuple[Fact, ...]  # one, or all that were written together
    weight_change: float  # Frobenius norm of the change relative to the weights changed
    stages: tuple[tuple[str, float], ...] = ()  # (stage, seconds) of computing it; not part of the content
    notes: tuple[tuple[str, float], ...] = ()  # loss (nats), steps, value_change (|delta| / |v_0|); nor are these
    codebooks: tuple[Codebook, ...] = ()  # at most one per layer
    prefix: str = ""  # put before every prompt
    keys: tuple[tuple[int, Tensor], ...] = ()  # (layer, (N, d_in) keys written), for methods that protect earlier edits
    below: tuple[str, ...] = ()  # ids of the edits it was computed on top of, oldest first; not part of the content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edit) and other.edit_id == self.edit_id

    def __hash__(self) -> int:
        return hash(self.edit_id)

    @property
    def fact(self) -> Fact:
        """The fact written (the first, where there are several)."""
        return self.facts[0]

    @property
    def prompt(self) -> str:
        """Of the first fact."""
        return self.fact.prompt

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers it acts at, ascending; none for an edit that is only a text."""
        return tuple(sorted({f.layer for f in self.factors} | {c.layer for c in self.codebooks}))

    @property
    def layer(self) -> int:
        """The layer edited (the first, where there are several; 0 where there is none)."""
        return min(self.layers, default=0)


def make_edit(
    handle: ModelHandle,
    requests: EditRequest | Sequence[EditRequest],
    method: str,
    factors: Sequence[Factors],
    config: Mapping[str, Any],
    stages: tuple[tuple[str, float], ...] = (),
    notes: Mapping[str, float] | None = None,
    codebooks: Sequence[Codebook] = (),
    prefix: str = "",
    keys: Sequence[tuple[int, Tensor]] = (),
) -> Edit:
    """An edit from its parts. Raises EditError when one holds a number that is not finite, or there is no part."""
    written = [requests] if isinstance(requests, EditRequest) else list(requests)
    kept = tuple(Factors(f.layer, _kept(f.left), _kept(f.right), float(f.threshold)) for f in factors)
    books = tuple(Codebook(c.layer, _kept(c.keys), _kept(c.values), _kept(c.radii)) for c in codebooks)
    parts = [t for f in kept for t in (f.left, f.right)] + [t for c in books for t in (c.keys, c.values, c.radii)]
    if not (parts or prefix) or not all(bool(torch.isfinite(t).all()) for t in parts):
        raise EditError(
            f"The edit of {written[0].prompt!r} came out with numbers that are not finite; "
            "choose another layer, a smaller learning rate, or the float32 dtype."
        )
    weight = sum(float(handle.matrix(handle.mlp_out(f.layer)).float().norm()) ** 2 for f in kept)
    change = sum(f.squared_norm for f in kept)
    made = Edit(
        edit_id="",
        method=method,
        factors=kept,
        fingerprint=handle.fingerprint,
        config=json.dumps(dict(config), sort_keys=True, ensure_ascii=False),
        facts=tuple(Fact(r.case_id, r.prompt, r.subject, r.target_new, r.target_true) for r in written),
        weight_change=(change / weight) ** 0.5 if weight else 0.0,
        stages=stages,
        notes=tuple((key, float(value)) for key, value in (notes or {}).items()),
        codebooks=books,
        prefix=prefix,
        keys=tuple((layer, _kept(k)) for layer, k in keys),
    )
    return dataclasses.replace(made, edit_id=edit_digest(made))


def not_finite(handle: ModelHandle, layer: int) -> EditError:
    """What to raise when an edit ran into numbers that are not finite."""
    return EditError(
        f"The edit at layer {layer} of {handle.name} ran into numbers that are not finite; "
        "choose a smaller learning rate, another layer, or the float32 dtype."
    )


def _kept(tensor: Tensor) -> Tensor:
    return tensor.detach().float().cpu().contiguous()


def edit_digest(edit: Edit) -> str:
    """The digest of an edit's content: its `edit_id`."""
    digest = hashlib.sha256()
    for name, tensor in _tensors(edit):
        digest.update(f"{name}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    gates = [f.threshold for f in edit.factors]
    return digest_of(
        [FORMAT, edit.method, edit.fingerprint, edit.config, edit.facts, gates, edit.prefix, digest.hexdigest()]
    )


def _tensors(edit: Edit) -> list[tuple[str, Tensor]]:
    """Every tensor of an edit by the name it has in a file."""
    found = []
    for f in edit.factors:
        found += [(f"left.{f.layer}", f.left), (f"right.{f.layer}", f.right)]
    for c in edit.codebooks:
        found += [(f"book.keys.{c.layer}", c.keys), (f"book.values.{c.layer}", c.values)]
        found += [(f"book.radii.{c.layer}", c.radii)]
    return [*found, *((f"keys.{layer}", keys) for layer, keys in edit.keys)]


def to_arrays(edit: Edit) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """(arrays, meta) for the store: float32 arrays by name and layer ("left.5" (d_out, r), "right.5" (d_in, r)), and
    texts that say what they are."""
    arrays = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in _tensors(edit)}
    meta = {
        "format": FORMAT,
        "edit_id": edit.edit_id,
        "method": edit.method,
        "layers": json.dumps([f.layer for f in edit.factors]),
        "thresholds": json.dumps([f.threshold for f in edit.factors]),
        "codebooks": json.dumps([c.layer for c in edit.codebooks]),
        "keys": json.dumps([layer for layer, _ in edit.keys]),
        "prefix": edit.prefix,
        "fingerprint": edit.fingerprint,
        "config": edit.config,
        "facts": json.dumps([vars(fact) for fact in edit.facts], ensure_ascii=False),
        "weight_change": repr(edit.weight_change),
        "below": json.dumps(edit.below),
    }
    return arrays, meta


def from_arrays(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> Edit:
    """The edit that `to_arrays` took apart. Raises EditError when it is of another format, incomplete or altered."""
    if meta.get("format") != FORMAT:
        raise EditError(
            f"This is not an edit written here: its format is {meta.get('format')!r} and {FORMAT!r} is needed."
        )

    def tensor(name: str) -> Tensor:
        return torch.tensor(arrays[name]).float()

    def numbers(name: str) -> list[Any]:
        return list(json.loads(meta[name]))

    try:
        gates = zip(numbers("layers"), numbers("thresholds"), strict=True)
        edit = Edit(
            edit_id=meta["edit_id"],
            method=meta["method"],
            factors=tuple(Factors(at, tensor(f"left.{at}"), tensor(f"right.{at}"), gate) for at, gate in gates),
            fingerprint=meta["fingerprint"],
            config=meta["config"],
            facts=tuple(Fact(**fact) for fact in json.loads(meta["facts"])),
            weight_change=float(meta["weight_change"]),
            codebooks=tuple(
                Codebook(at, *(tensor(f"book.{part}.{at}") for part in ("keys", "values", "radii")))
                for at in numbers("codebooks")
            ),
            prefix=meta["prefix"],
            keys=tuple((at, tensor(f"keys.{at}")) for at in numbers("keys")),
            below=tuple(json.loads(meta.get("below", "[]"))),  # files of the first days have none
        )
    except (KeyError, ValueError, TypeError) as error:
        raise EditError(f"The edit's file is incomplete or damaged ({error}); save the edit again.") from error
    if not edit.facts or edit_digest(edit) != edit.edit_id:
        raise EditError(
            "The edit's content does not agree with its own digest; the file was altered, so save the edit again."
        )
    return edit
