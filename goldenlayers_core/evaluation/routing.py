"""Which experts the subject's last token goes to, without and with an edit."""

from contextlib import nullcontext
from typing import Any

import torch

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.overlay import batch_overlay
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.experts import Out
from goldenlayers_core.models.hooks import keep_positions, record_arguments
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import encode_prompt, subject_last
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.edit.routing import RoutedLayer, Routing, Share


def routing_of(handle: ModelHandle, edit: Edit, request: EditRequest, prefix: str = "") -> Routing | None:
    """Both routings of the prompt's subject; None where no layer has experts, or the edit changes no layer.

    `prefix` stands before the prompt on both sides. Takes the handle's lock.
    """
    path = handle.architecture.experts
    layers = [layer for layer in range(handle.n_layers) if path and handle.has(layer, path)]
    if not layers or not edit.layers:
        return None
    before, after = (_routed(handle, layers, request, given, prefix) for given in (None, edit))
    return Routing(
        written=edit.layer,
        shared=not isinstance(handle.mlp_out(edit.layer), Out),
        layers=tuple(RoutedLayer(*found) for found in zip(layers, before, after, strict=True)),
    )


def _routed(
    handle: ModelHandle, layers: list[int], request: EditRequest, edit: Edit | None, prefix: str
) -> list[tuple[Share, ...]]:
    """Per layer, the experts of one token and their weights, the largest first."""
    text = prefix + (edit.prefix if edit else "")
    ids = encode_prompt(handle.tokenizer, text + request.prompt)
    at = len(ids) - 1
    if request.subject.strip():
        begin, end = request.subject_place
        whole = text + request.prompt
        at = min(at, subject_last(handle.tokenizer, whole, request.prompt[begin:end], len(text) + begin))
    experts = {f"{layer}": handle.site(layer, handle.architecture.experts) for layer in layers}
    zero = torch.zeros(1, dtype=torch.int64, device=handle.device)
    under: Any = batch_overlay(handle, [edit]) if edit else nullcontext()
    with (
        handle.lock,
        torch.inference_mode(),
        few_rows(handle),
        under,
        record_arguments(experts) as seen,
        keep_positions(handle.head, zero, zero),
    ):
        handle.model(input_ids=torch.tensor([ids], device=handle.device), use_cache=False)
    found = []
    for layer in layers:
        _, index, weights = seen[f"{layer}"]
        pairs = zip(index[at].tolist(), weights[at].tolist(), strict=True)
        found.append(tuple(sorted(pairs, key=lambda pair: -pair[1])))
    return found
