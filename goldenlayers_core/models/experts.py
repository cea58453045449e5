"""Mixtures of experts as two linear maps, so that they can be scored, traced and edited as any other MLP.

transformers keeps the E experts of a layer in fused parameters, with no module for any one of them. For a token x that
the router sends to the experts S(x) with weights w_e, with gate and up projections G_e and output matrices D_e,

    y = sum_{e in S(x)} w_e D_e a_e,   a_e = act(G_e x)            is            y = [D_1 ... D_E] kappa,
    kappa = (kappa_1, ..., kappa_E),   kappa_e = w_e a_e for e in S(x), 0 for the others:

the experts' output matrices side by side are one matrix, whose key kappa is router-weighted and zero in every expert
that the token does not reach. So the gradient of D_e is sum_t d_t kappa_{t,e}^T, and a rank-one change delta u^T with
u = kappa / |kappa|^2 is, expert by expert,

    D_e <- D_e + delta (w_e a_e)^T / sum_{f in S(x)} w_f^2 |a_f|^2      for e in S(x), and nothing for the others.

The router itself is no part of either map: its weights are neither scored nor edited.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.architecture import Architecture


class _Fused(nn.Module):
    """One fused parameter of a layer's experts as a linear map; the parameter stays where it is."""

    def __init__(self, experts: nn.Module, name: str) -> None:
        super().__init__()
        self._of = (experts, name)  # in a tuple, so that it is no submodule of its own part

    @property
    def parameter(self) -> Tensor:
        """(E, d_out, d_in) of each expert, or (E, d_in, d_out) where the family stores it so."""
        experts, name = self._of
        found: Tensor = getattr(experts, name)
        return found

    @property
    def name(self) -> str:
        """Of the parameter, in the experts' module."""
        return self._of[1]

    @property
    def n_experts(self) -> int:
        return int(self.parameter.shape[0])

    def each(self, tensor: Tensor) -> Tensor:
        """(E, d_out, d_in) view of something that has the parameter's shape."""
        return tensor.mT if getattr(self._of[0], "is_transposed", False) else tensor


class Inner(_Fused):
    """Gate and up projections of all experts, one below the other."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole map's matrix."""
        n_experts, d_out, d_in = self.each(self.parameter).shape
        return n_experts * d_out, d_in

    @property
    def weight(self) -> Tensor:
        """(E * d, width)"""
        return self.as_matrix(self.parameter.detach())

    def as_matrix(self, tensor: Tensor) -> Tensor:
        """(E * d, width) of something that has the parameter's shape."""
        return self.each(tensor).flatten(0, 1)

    def forward(self, states: Tensor, index: Tensor) -> Tensor:
        """states (N, width), index (N, k) the experts chosen -> (N, E * d); 0 where an expert is not chosen."""
        matrices = self.each(self.parameter)
        bias: Tensor | None = getattr(self._of[0], f"{self._of[1]}_bias", None)
        found = states.new_zeros(len(states), *matrices.shape[:2])  # (N, E, d)
        for expert, rows in _reached(index, self.n_experts):
            found[rows, expert] = linear(states[rows], matrices[expert], None if bias is None else bias[expert])
        return found.flatten(1)


class Out(_Fused):
    """Output matrices of all experts, side by side: what the editors write to. Biases, if any, are added behind it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole map's matrix."""
        n_experts, d_out, d_in = self.each(self.parameter).shape
        return d_out, n_experts * d_in

    @property
    def weight(self) -> Tensor:
        """(width, E * inner)"""
        return self.as_matrix(self.parameter.detach())

    def as_matrix(self, tensor: Tensor) -> Tensor:
        """(width, E * inner) of something that has the parameter's shape."""
        return self.each(tensor).transpose(0, 1).flatten(1)

    def as_parameter(self, matrix: Tensor) -> Tensor:
        """The parameter of this matrix (width, E * inner), as the family stores it."""
        return self.each(matrix.unflatten(1, (self.n_experts, -1)).transpose(0, 1)).contiguous()

    def replace(self, matrix: Tensor) -> None:
        """Put another matrix (width, E * inner) in the place of the experts' own."""
        experts, name = self._of
        setattr(experts, name, nn.Parameter(self.as_parameter(matrix), requires_grad=False))

    def forward(self, keys: Tensor, index: Tensor | None = None) -> Tensor:
        """keys (..., E * inner) -> (..., width); without the (N, k) experts chosen, those with a key count."""
        matrices = self.each(self.parameter)
        parts = keys.reshape(-1, self.n_experts, matrices.shape[2])  # (N, E, inner)
        found = parts.new_zeros(len(parts), matrices.shape[1])
        reached = _reached(index, self.n_experts) if index is not None else _with_key(parts)
        for expert, rows in reached:
            found = found.index_add(0, rows, linear(parts[rows, expert], matrices[expert]))
        return found.reshape(*keys.shape[:-1], -1)


def _reached(index: Tensor, n_experts: int) -> list[tuple[int, Tensor]]:
    """(expert, rows of the tokens sent to it), of the experts that any token is sent to."""
    return [
        (expert, (index == expert).any(dim=1).nonzero()[:, 0])
        for expert in index.unique().tolist()
        if 0 <= expert < n_experts
    ]


def _with_key(parts: Tensor) -> list[tuple[int, Tensor]]:
    has = parts.detach().ne(0).any(dim=2)  # (N, E)
    return [(expert, has[:, expert].nonzero()[:, 0]) for expert in has.any(dim=0).nonzero()[:, 0].tolist()]


def _by_parts(self: Any, hidden_states: Tensor, *routing: Tensor, **named: Tensor) -> Tensor:
    """The experts' `forward`: the same sums, by `inner` and `out`. `routing`: experts (N, k), their weights (N, k)."""
    index, weights = (*routing, *named.values())
    between = self.inner(hidden_states, index).unflatten(1, (self.inner.n_experts, -1))  # (N, E, d)
    rows = torch.arange(len(index), device=index.device)[:, None]
    chosen = self._apply_gate(between[rows, index])  # (N, k, inner)
    chosen = (chosen * weights[:, :, None]).to(chosen.dtype)
    keys = chosen.new_zeros(len(index), self.inner.n_experts, chosen.shape[2])
    keys[rows, index] = chosen
    found: Tensor = self.out(keys.flatten(1), index)
    bias = getattr(self, "down_proj_bias", None)
    if bias is not None:
        found = found + (bias[index] * weights[:, :, None]).sum(dim=1).to(found.dtype)
    return found


def _class_by_parts(kind: type[nn.Module]) -> type[nn.Module]:
    """A family's class of experts, computing by parts."""
    forward: dict[str, Callable[..., Tensor]] = {"forward": _by_parts}
    return type(f"{kind.__name__}ByParts", (kind,), forward)


def split_experts(model: Any, architecture: Architecture) -> None:
    """Give every block's fused experts their two linear maps, `inner` and `out`. No weight is touched or copied; what
    the model computes stays the same but for rounding. Done before, it does nothing.

    Raises ModelError where the experts' numbers are codes of a quantised model.
    """
    if not architecture.experts:
        return
    for block in model.get_submodule(architecture.blocks):
        experts = block
        for name in architecture.experts.split("."):
            experts = getattr(experts, name, None)
        if experts is None or hasattr(experts, "out"):
            continue
        if not experts.down_proj.is_floating_point():
            raise ModelError(
                f"The experts of this {architecture.title} model are quantised ({experts.down_proj.dtype}), and here "
                "they are read as numbers; choose weights that are not quantised."
            )
        experts.add_module("inner", Inner(experts, "gate_up_proj"))
        experts.add_module("out", Out(experts, "down_proj"))
        experts.__class__ = _class_by_parts(type(experts))
