"""The plain way to compute what the rest computes fast: whole rows, one at a time, and gradients by autograd."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.func import functional_call

from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import put_out

Put = Callable[[Tensor], Tensor]


def log_p(handle: ModelHandle, ids: Sequence[int]) -> Tensor:
    """(T, V) log-probabilities (nats) after every token of one row."""
    rows = torch.tensor([list(ids)], device=handle.device)
    logits: Tensor = handle.model(input_ids=rows, use_cache=False).logits[0]
    return (logits if logits.dtype == torch.float64 else logits.float()).log_softmax(dim=1)


@contextmanager
def put_at(module: torch.nn.Module, position: int, put: Put) -> Iterator[None]:
    """In passes of one row: a module's output at one position is what `put` makes of it."""

    def change(output: Tensor) -> Tensor:
        changed = output.clone()
        flat = changed.view(-1, output.shape[-1])
        flat[position] = put(flat[position])
        return changed

    with put_out({module: change}):
        yield


def merged_log_p(handle: ModelHandle, layer: int, change: Tensor, ids: Sequence[int]) -> Tensor:
    """(T, V) of the model with `change` (d_out, d_in) added to the weight of one MLP output matrix; none is written."""
    row = handle.architecture
    name = f"{row.blocks}.{layer}.{handle.mlp(layer)[-1]}.weight"
    weight = handle.model.get_parameter(name)
    turned = change.T if row.orientation == "in_out" else change
    rows = torch.tensor([list(ids)], device=handle.device)
    swapped = {name: weight + turned.to(weight)}
    logits: Tensor = functional_call(handle.model, swapped, (), {"input_ids": rows, "use_cache": False}).logits[0]
    return logits.log_softmax(dim=1)


def weight_gradients(handle: ModelHandle, ids: Sequence[int], n_answer: int, layers: Sequence[int]) -> list[Tensor]:
    """Of the mean loss (nats) of a row's last `n_answer` tokens, per layer, of every matrix of its block, one after
    the other in one tensor."""
    names = [
        [f"{handle.architecture.blocks}.{layer}.{path}.weight" for path in (*handle.mixer(layer), *handle.mlp(layer))]
        for layer in layers
    ]
    weights = {n: handle.model.get_parameter(n).detach().requires_grad_(True) for mine in names for n in mine}
    rows = torch.tensor([list(ids)], device=handle.device)
    logits = functional_call(handle.model, weights, (), {"input_ids": rows, "use_cache": False}).logits[0]
    said = logits[-n_answer - 1 : -1].log_softmax(dim=1)
    loss = -said[range(n_answer), rows[0, -n_answer:]].mean()
    found = dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
    return [torch.cat([found[name].reshape(-1).double().to(rows.device) for name in mine]) for mine in names]
