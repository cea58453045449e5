"""Facts written into a window of layers, as MEMIT does it (Meng et al. 2023, arXiv 2210.07229, algorithm 1).

1. A value z for every fact: what the window's last block should put out at the subject's last token, z = h + delta.
2. Layer after layer, from the shallowest: the keys as the layers below, already changed, leave them, and the residual
   that is still missing at the last layer; of it this layer takes 1 / spread(layers left).

A fact's key is averaged as in MEMIT: half of it the bare prompt's, half the mean over the sampled templates. Where an
architecture norms the MLP output before adding it (Gemma, OPT), shares of it do not add up in the residual stream: the
value is then one of the last layer's MLP output, and all of it is written there.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from goldenlayers_core.editing.clean import MLP, Clean, Site, site_module
from goldenlayers_core.editing.least_squares import BLOCK, Rule, WindowConfig, directions, earlier_keys
from goldenlayers_core.editing.rows import Row
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.value import Values, first_rows, optimise
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import (
    Change,
    as_batch,
    change_outputs,
    forward_as,
    keep_positions,
    passing_on,
    record_inputs,
    record_outputs,
    start_at,
)
from goldenlayers_core.models.products import few_rows

StepDone = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class TemplateRows:
    """R template rows of some facts, each up to its subject's last token: nothing behind it reaches the keys."""

    ids: Tensor
    """(R, T)"""
    lookups: Tensor
    """(R,)"""
    own: Tensor
    """(R,) which fact"""
    weights: Tensor
    """(R,) float64, of each row in its fact's key"""
    bare: Tensor
    """indices of the bare prompts"""
    hidden: Tensor | None
    """(R, T, width) entering the window; None: it begins at layer 0"""


@dataclass(frozen=True, eq=False)
class Wanted:
    """What E facts are to do at a window, and what it takes to look at it."""

    layers: tuple[int, ...]  # written to
    site: Site  # of the last of them, whose output is brought to `target`
    target: Tensor
    """(E, d_out) float64"""
    values: Values
    rows: tuple[TemplateRows, ...]


@dataclass(frozen=True, eq=False)
class Written:
    """The change of one layer: fact e adds left[e] right[e]^T."""

    left: Tensor
    """(E, d_out) float64"""
    right: Tensor
    """(E, d_in) float64"""
    keys: Tensor
    """(E, d_in) float64"""


def sites_of(handle: ModelHandle, rule: Rule) -> tuple[Site, ...]:
    """Whose output the value is, on this architecture."""
    return MLP if rule.sites == BLOCK and not handle.architecture.adds_mlp_out else rule.sites


def wanted(
    handle: ModelHandle,
    rows: Sequence[Row],
    clean: Clean,
    window: Sequence[int],
    config: WindowConfig,
    step: StepDone | None,
    budget: int | None,
) -> Wanted:
    """Optimise the values of all facts of a clean pass at the end of a window."""
    here = clean.at(window[-1])
    values = optimise(handle, here, config, step, budget)
    start = here.values[first_rows(rows)].double().chunk(len(clean.sites), dim=1)[-1]
    delta = values.delta.double().chunk(len(clean.sites), dim=1)[-1]
    failed = torch.tensor(values.failed, device=delta.device)[:, None]
    layers = tuple(window) if handle.architecture.adds_mlp_out else (window[-1],)
    target = start + delta.masked_fill(failed, 0.0)
    return Wanted(layers, clean.sites[-1], target, values, (_rows(rows, clean, layers[0]),))


def joined(parts: Sequence[Wanted]) -> Wanted:
    """The facts of several clean passes of one window, in order."""
    if len(parts) == 1:
        return parts[0]
    rows, offset = [], 0
    for part in parts:
        rows += [replace(r, own=r.own + offset) for r in part.rows]
        offset += len(part.target)
    each = [part.values for part in parts]
    values = Values(
        delta=torch.cat([v.delta for v in each]),
        losses=tuple(x for v in each for x in v.losses),
        loss=tuple(x for v in each for x in v.loss),
        size=tuple(x for v in each for x in v.size),
        failed=tuple(x for v in each for x in v.failed),
        parts=each[0].parts,
    )
    return replace(parts[0], target=torch.cat([p.target for p in parts]), values=values, rows=tuple(rows))


def _rows(rows: Sequence[Row], clean: Clean, first: int) -> TemplateRows:
    kept = [r for r, row in enumerate(rows) if row.answer]  # all but the essence rows
    own = [rows[r].edit for r in kept]
    counts = [own.count(edit) for edit in own]
    bare = set(first_rows(rows))
    weights = [1.0 if n == 1 else 0.5 if r in bare else 0.5 / (n - 1) for r, n in zip(kept, counts, strict=True)]
    device = clean.ids.device
    index = torch.tensor(kept, device=device)
    lookups = torch.tensor([rows[r].lookup for r in kept], device=device)
    width = int(lookups.max()) + 1
    return TemplateRows(
        ids=clean.ids[index, :width],
        lookups=lookups,
        own=torch.tensor(own, device=device),
        weights=torch.tensor(weights, dtype=torch.float64, device=device),
        bare=torch.tensor([i for i, r in enumerate(kept) if r in bare], device=device),
        hidden=clean.hidden[first][index, :width] if first else None,
    )


def _shift(change: Written, own: Tensor, alone: bool) -> Change:
    """What the facts written so far add: every row sees all of them, or (`alone`) only its own."""

    def shift(inputs: Tensor, output: Tensor) -> Tensor:
        batch = as_batch(inputs, len(own))  # (R, T, d_in)
        left, right = change.left.to(batch), change.right.to(batch)
        if alone:
            added = torch.bmm(torch.bmm(batch, right[own][:, :, None]), left[own][:, None, :])
        else:
            added = (batch @ right.mT) @ left
        return output + added.reshape(output.shape).to(output.dtype)

    return shift


def _look(
    handle: ModelHandle, aim: Wanted, layer: int, written: dict[int, Written], alone: bool
) -> tuple[Tensor, Tensor]:
    """Keys (E, d_in) at a layer and outputs (E, d_out) at the window's end, under what is written; float64."""
    last, first = aim.layers[-1], aim.layers[0]
    source = {"end": site_module(handle, last, aim.site)}
    above = {block: passing_on(handle.architecture.block_returns) for block in list(handle.blocks)[last + 1 :]}
    keys = now = None
    for rows in aim.rows:
        here, zero = torch.arange(len(rows.ids), device=rows.ids.device), rows.lookups[:1] * 0
        with ExitStack() as stack:
            stack.enter_context(handle.lock)
            stack.enter_context(torch.no_grad())
            stack.enter_context(few_rows(handle))
            stack.enter_context(keep_positions(handle.head, zero, zero))  # no logits are wanted
            stack.enter_context(forward_as(above))
            if rows.hidden is not None:
                returns = handle.architecture.block_returns
                stack.enter_context(start_at(list(handle.blocks), first, rows.hidden, returns))
            changes = {handle.mlp_out(at): _shift(w, rows.own, alone) for at, w in written.items()}
            stack.enter_context(change_outputs(changes))
            inputs = stack.enter_context(record_inputs({"key": handle.mlp_out(layer)}))
            outputs = stack.enter_context(record_outputs(source))
            handle.model(input_ids=rows.ids, attention_mask=torch.ones_like(rows.ids), use_cache=False)
        seen = as_batch(inputs["key"], len(rows.ids))[here, rows.lookups].double()
        end = as_batch(outputs["end"], len(rows.ids))[here, rows.lookups].double()
        keys = seen.new_zeros(len(aim.target), seen.shape[1]) if keys is None else keys
        now = torch.zeros_like(aim.target) if now is None else now
        keys.index_add_(0, rows.own, rows.weights[:, None] * seen)
        now[rows.own[rows.bare]] = end[rows.bare]
    assert keys is not None
    assert now is not None
    return keys, now


def write(
    handle: ModelHandle,
    rule: Rule,
    aim: Wanted,
    supplies: Supplies,
    alone: bool,
    between: Callable[[str], None],
) -> tuple[dict[int, Written], float]:
    """What every layer of the window adds, and the mean share of the value's change that is still missing then."""
    written: dict[int, Written] = {}
    for i, layer in enumerate(aim.layers):
        between(f"Writing layer {layer}")
        keys, now = _look(handle, aim, layer, written, alone)
        moments, before = supplies.moments.get(layer), earlier_keys(supplies.earlier, layer)
        right = directions(rule, keys, moments, before, layer, alone)
        written[layer] = Written((aim.target - now) / rule.spread(len(aim.layers) - i), right, keys)
    if alone:
        return written, 0.0
    _, now = _look(handle, aim, aim.layers[-1], written, alone)
    moved = aim.values.delta.double().chunk(aim.values.parts, dim=1)[-1].norm(dim=1).clamp(min=1e-30)
    return written, float(((aim.target - now).norm(dim=1) / moved).mean())
