"""Which matrices of a block are the MLP's and which mix the tokens, by what they do and never by their names."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from goldenlayers_core.models.architecture import Orientation
from goldenlayers_core.models.discovery.skeleton import N_TOKENS, Skeleton, against, same
from goldenlayers_core.models.hooks import Call, first_tensor
from goldenlayers_core.models.refused import NO_MLP

_MOVED: Final = 0.5  # how far a probe moves a hidden state, in parts of its own size


@dataclass(frozen=True, slots=True)
class Parts:
    """The matrices of a block, by their paths in it, each in the order in which they are used."""

    mlp: tuple[str, ...]
    attention: tuple[str, ...]
    orientation: Orientation
    block_returns: str  # tensor or tuple


def parts_of(found: Skeleton) -> Parts:
    """The parts that all blocks have alike. Raises UnknownArchitectureError where they differ or lack one."""
    blocks = [_parts(found, layer) for layer in range(found.n_layers)]
    if any(block != blocks[0] for block in blocks):
        raise against(found.model, "its blocks are not alike, and which of their matrices are edited is not said")
    return blocks[0]


def _parts(found: Skeleton, layer: int) -> Parts:
    name, call = f"{found.blocks}.{layer}", found.block(layer)
    block: nn.Module = found.model.get_submodule(name)
    _check_no_experts(found, block)
    turned = _matrices(found, name, block)
    if len(set(turned.values())) > 1:
        raise against(found.model, "some of its matrices are stored as (out, in) and some as (in, out)")
    mixers = list(_mixers(found, name, block, tuple(turned)))
    if len(mixers) > 1:
        raise against(found.model, f"more than one part of a block mixes the tokens ({', '.join(mixers)})")
    if not mixers:
        raise against(found.model, "no part of its blocks that has a matrix mixes the tokens")
    attention = tuple(path for path in turned if path.startswith(f"{mixers[0]}."))
    mlp = tuple(path for path in turned if path not in attention)
    if not mlp:
        raise against(found.model, NO_MLP)
    _check_used(found, name, block)
    if len(places := sorted({path.rpartition(".")[0] for path in mlp})) > 1:
        where = ", ".join(place or "the block itself" for place in places)
        raise against(found.model, f"its blocks have matrices beside attention in several places ({where})")
    width = found.model.get_input_embeddings().weight.shape[1]
    for path in (mlp[-1], attention[-1]):
        came = found.once(f"{name}.{path}").came
        if came is None or came.shape[-1] != width:
            raise against(
                found.model,
                f"the last matrix that is used of a part of its blocks, {path}, is not as wide as the residual stream",
            )
    return Parts(mlp, attention, next(iter(turned.values())), "tuple" if call.is_tuple else "tensor")


def _check_no_experts(found: Skeleton, block: nn.Module) -> None:
    for module in block.modules():
        fused = [p for p in module.parameters(recurse=False) if p.ndim > 2]
        if fused and not isinstance(module, nn.Conv1d):
            raise against(found.model, "its blocks have parameters of three dimensions, as mixtures of experts have")


def _matrices(found: Skeleton, name: str, block: nn.Module) -> Mapping[str, Orientation]:
    """How each linear map of a block is stored, by path, in order of use."""
    turned: dict[str, Orientation] = {}
    leaves = {path: m for path, m in block.named_modules() if _may_be_linear(m)}
    used = [site.removeprefix(f"{name}.") for site in found.order if site.startswith(f"{name}.")]
    for path in dict.fromkeys(path for path in used if path in leaves):
        call = found.once(f"{name}.{path}")
        if call.given is None or call.came is None or call.given.numel() != N_TOKENS * call.given.shape[-1]:
            raise against(found.model, f"its matrix {path} is not given every token once")
        if (how := _orientation(leaves[path], int(call.given.shape[-1]))) is not None:
            turned[path] = how
    return turned


def _check_used(found: Skeleton, name: str, block: nn.Module) -> None:
    unused = [p for p, m in block.named_modules() if _may_be_linear(m) and f"{name}.{p}" not in found.calls]
    if unused:
        raise against(
            found.model, f"matrices of its blocks are not used for a text, as of experts or of an encoder ({unused[0]})"
        )


def _may_be_linear(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim == 2 and not isinstance(module, nn.Embedding)


def _orientation(module: nn.Module, d_in: int) -> Orientation | None:
    """How a module stores the matrix that it multiplies by, found by multiplying; None where it is no linear map."""
    weight: Tensor = module.weight.detach()  # type: ignore[operator]
    drawn = torch.randn(N_TOKENS, d_in, generator=torch.Generator().manual_seed(1)).to(weight)
    with torch.inference_mode():
        came = first_tensor(module(drawn[None])) - first_tensor(module(torch.zeros_like(drawn)[None]))
    ways: list[Orientation] = []
    if weight.shape[1] == d_in and same(came[0], drawn @ weight.T):
        ways.append("out_in")
    if weight.shape[0] == d_in and same(came[0], drawn @ weight):
        ways.append("in_out")
    return ways[0] if len(ways) == 1 else None


def _mixers(found: Skeleton, name: str, module: nn.Module, matrices: Sequence[str], at: str = "") -> Iterator[str]:
    """Paths of the smallest parts of a block with matrices in which a token reads others."""
    for child, part in module.named_children():
        path = f"{at}{child}"
        if not any(matrix.startswith(f"{path}.") for matrix in matrices):
            continue
        site = f"{name}.{path}"
        if site not in found.calls:  # only holds others
            yield from _mixers(found, name, part, matrices, f"{path}.")
        elif mixes(found, site):
            inner = list(_mixers(found, name, part, matrices, f"{path}."))
            yield from inner or [path]


def mixes(found: Skeleton, site: str) -> bool:
    """Whether what a part puts out at a token changes with what is given at another."""
    call = found.once(site)
    if call.given is None or call.given.ndim != 3 or call.came is None:
        raise against(found.model, f"{site} is not given the hidden state first")
    moved = call.given.clone()
    moved[:, 0] += (
        _MOVED * moved.std() * torch.randn(moved.shape[-1], generator=torch.Generator().manual_seed(2)).to(moved)
    )
    before, after = again(found, call), again(found, call, moved)
    return not same(before[:, 1:], after[:, 1:], 1e-6)


def again(found: Skeleton, call: Call, given: Tensor | None = None) -> Tensor:
    """What a part puts out when it is called once more, with another hidden state where one is given."""
    module = found.model.get_submodule(call.site)
    fresh = replace(call, args=tuple(map(_copied, call.args)), kwargs={k: _copied(v) for k, v in call.kwargs.items()})
    hidden = call.given if given is None else given
    args, kwargs = fresh.args, dict(fresh.kwargs)
    if hidden is not None and args:
        args = (hidden.clone(), *args[1:])
    elif hidden is not None:
        kwargs["hidden_states"] = hidden.clone()
    with torch.inference_mode():
        return first_tensor(module(*args, **kwargs))


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else copy.copy(value) if isinstance(value, dict | list) else value
