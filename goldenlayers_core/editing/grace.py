"""GRACE: a fact as an entry of a codebook beside one layer (Hartvigsen et al. 2023, arXiv 2211.11031).

    h(a) = v     where |a - k| <= radius,     else W a + b         a: input of the MLP output matrix, at any token

No weight changes. The key k is that input at the last token of the bare prompt. The value v is optimised so that the
model says the target with v standing in for the output:

    L(v) = -(1/m) sum_j log p(y_j | x, y_<j)                                                          nats

What differs from the published code, and why:

- The radius is a fraction of |k|. The published epsilon is an absolute distance (1.0), which means something else at
  every layer of every model.
- Adam's step is a fraction of the root mean square of the clean output, for the same reason (published: 1.0).
- Where keys of several edits are in reach the nearest one answers. GRACE instead shrinks the radii of close keys to
  half their distance; both give each token to the nearest key, but this one needs no order of the edits, so that they
  can be dropped, switched and reordered.
- A token is judged by itself, wherever it stands; the published code replaces one token of a sequence, which is chosen
  by its place. So a codebook works with packed rows and kept keys and values, and an answer that is being written
  is treated as one that is read. Every token of the edit's own prompt within the radius is replaced while v is sought.
- The value starts from the clean output (the published code: uniform noise, here `cold_start`, which is seeded).
"""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.above import Above, above
from goldenlayers_core.editing.delta import Codebook, Edit, make_edit, not_finite
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.steps import Adam, LogOdds, StepRule
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.templates import MethodConfig
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.records import EditRequest


@dataclass(frozen=True)
class GraceConfig(MethodConfig):
    """GRACE's settings."""

    steps: int = setting(50, "Steps", "Forward passes of the optimisation, at most.", 1, 500, 1)
    learning_rate: float = setting(
        1.0, "Learning rate", "Step size of Adam, in root mean squares of the clean output.", 0.0001, 100.0, 0.1
    )
    stop_loss: float = setting(
        0.05, "Stop below", "The optimisation ends when the loss (nats) is lower.", 0.0, 10.0, 0.01
    )
    radius: float = setting(0.15, "Radius", "Of the key's reach, as a fraction of its norm.", 0.0001, 10.0, 0.05)
    clamp_factor: float = setting(
        20.0, "Clamp factor", "The value stays within this many norms of the clean output.", 0.01, 1000.0, 1.0
    )
    direct_steps: bool = setting(True, "Direct steps", "As far as the answer's odds ask for, in place of Adam's.")
    cold_start: bool = setting(False, "Cold start", "The value starts as uniform noise, as published.")
    seed: int = setting(0, "Seed", "Of a cold start; the rest is deterministic.", 0, 2**31 - 1, 1)


def grace(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: GraceConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
) -> Edit:
    """The edit that answers `request.prompt` with `request.target_new` by one entry of a codebook; no weight changes.

    `supplies` are not needed. Raises EditError (layer out of range, numbers not finite), RequestError (empty target,
    subject not in the prompt), and whatever `progress(done, total, note)`, called after every step, raises.
    """
    handle.check_layer(layer)
    row = edit_rows(handle, request, ("{}",))[0]
    at = row.wanted[0]  # the prompt's last token
    start = time.perf_counter()
    with handle.lock, few_rows(handle):
        here = above(handle, [row.ids], [at], layer)
        key = here.inputs[0]
        radius = config.radius * float(key.norm())
        near = ((here.before - key).norm(dim=1) <= radius).nonzero()
        if len(near):  # an earlier token of the prompt that the key reaches, too: run on from there
            here = above(handle, [row.ids], [int(near[0])], layer)
        middle = time.perf_counter()
        value, losses, best = sought(here, row, radius, config, progress)
    stages = (("keys", middle - start), (f"optimisation, {len(losses)} steps", time.perf_counter() - middle))
    clean = here.outputs[here.columns == at][0].to(value)
    change = float((value - clean).norm()) / max(float(clean.norm()), 1e-30)
    notes = {"loss": best, "steps": len(losses), "value_change": change}
    book = Codebook(layer, key[None], value[None], torch.tensor([radius]))
    made = make_edit(handle, request, "grace", [], dataclasses.asdict(config), notes=notes, codebooks=[book])
    return dataclasses.replace(made, stages=stages)


def sought(
    here: Above,
    row: Row,
    radius: float,
    config: GraceConfig,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[Tensor, list[float], float]:
    """The value (d_out,) with the lowest loss, the loss (nats) of every forward pass, and that lowest one.

    Raises EditError when the loss is not finite. Hold the handle's lock.
    """
    at = here.columns == row.wanted[0]
    key, clean = here.inputs[at][0], here.outputs[at][0].to(here.number)
    scale = clean.norm() / math.sqrt(len(clean))
    inside = (here.inputs - key).norm(dim=1) <= radius  # (S,)
    offset = torch.zeros_like(clean)[None]
    if config.cold_start:
        generator = torch.Generator().manual_seed(config.seed)
        noise = torch.rand(clean.shape, generator=generator, dtype=clean.dtype).to(clean.device)
        offset = (scale * noise - clean)[None]
    limit = config.clamp_factor * clean.norm()[None, None]
    rule: StepRule = (
        LogOdds(offset, max(0.5 * config.stop_loss, 1e-3), limit)
        if config.direct_steps
        else Adam(offset, config.learning_rate * float(scale), limit)
    )
    best, lowest, losses = clean, math.inf, list[float]()
    only = torch.zeros(1, dtype=torch.int64, device=clean.device)
    while True:
        delta = rule.delta.clone().requires_grad_(True)
        with torch.enable_grad():
            loss = answer_loss(here, row, clean + delta[0], inside)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise not_finite(here.handle, here.layer)
        if losses[-1] < lowest:
            best, lowest = clean + rule.delta[0], losses[-1]
        if progress:
            progress(len(losses), config.steps, f"loss {losses[-1]:.3f}")
        if lowest < config.stop_loss or len(losses) >= config.steps:
            return best.clone(), losses, lowest
        (gradient,) = torch.autograd.grad(loss, delta)
        rule.step(only, loss.detach()[None], gradient)


def answer_loss(here: Above, row: Row, value: Tensor, inside: Tensor) -> Tensor:
    """L(v), nats, of a row (the only one of `here`), with v (d_out,) at the tokens that are `inside` (S,)."""
    answer = torch.tensor(row.answer, device=value.device)
    columns = torch.tensor(list(row.wanted), device=value.device)
    moved = (value - here.outputs.to(value.dtype)) * inside[:, None]  # (S, d_out)
    log_p = here.log_p(moved, torch.zeros_like(columns), columns)
    return -log_p.gather(1, answer[:, None]).mean()


METHOD: Final = MethodInfo(
    name="grace",
    title="GRACE",
    description=(
        "A codebook beside one layer: where a token's key is near the prompt's, a stored value takes the place of the "
        "MLP output (Hartvigsen et al. 2023). No weight changes."
    ),
    config_class=GraceConfig,
    run=grace,
    kind="memory",
    literature="EasyEdit's configurations say layer 27 for Llama models (of 28 or 32) and 35 (of 48) for GPT-2 XL.",
)
