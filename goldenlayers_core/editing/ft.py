"""Fine-tuning one MLP output matrix on one fact: FT-L and FT-M (as in Meng et al. 2022 and Zhang et al. 2024).

With x the prompt, y_1..y_m the target's tokens and W' = W + Delta,

    FT-L    L(Delta) = -(1/m) sum_j log p(y_j | x)             nats
    FT-M    L(Delta) = -(1/m) sum_j log p(y_j | x, y_<j)       nats

minimised by Adam from Delta = 0; where a bound eps is given, every entry is pulled back to |Delta_ij| <= eps after each
step (the L-infinity constraint of Zhu et al. 2020). FT-L is the published baseline as published: it asks for every
token of the target at the one place after the prompt, so that a target of several different tokens cannot be reached
(its loss stays above log m where they all differ). FT-M asks for each token where it belongs.

The weight is not touched: Delta is a tensor of its own, added during forward passes from the edited layer on. Adam's
steps leave it no low rank, so that it is kept whole: one of its two factors is the identity.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import torch
from torch import Tensor

from goldenlayers_core.editing.above import Above, above
from goldenlayers_core.editing.delta import Edit, make_edit, not_finite, whole_factors
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.templates import MethodConfig
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.records import EditRequest

Objective = Literal["ft-l", "ft-m"]


@dataclass(frozen=True)
class FtConfig(MethodConfig):
    """The settings of both; the defaults are EasyEdit's for Llama models."""

    steps: int = setting(25, "Steps", "Steps of Adam, at most.", 1, 500, 1)
    learning_rate: float = setting(5e-4, "Learning rate", "Step size of Adam.", 1e-6, 1.0, 1e-4)
    stop_loss: float = setting(
        0.01, "Stop below", "The optimisation ends when the loss (nats) is lower.", 0.0, 10.0, 0.01
    )
    norm_constraint: float = setting(
        0.0, "Norm constraint", "No entry of the weight changes by more than this; 0: no bound.", 0.0, 10.0, 1e-4
    )


def fine_tune(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: FtConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
    objective: Objective = "ft-m",
) -> Edit:
    """The edit that fine-tunes one layer on `request`; the model itself is unchanged, and `supplies` are not needed.

    Raises EditError (layer out of range, numbers not finite), RequestError (empty target, subject not in the prompt),
    and whatever `progress(done, total, note)`, called after every step, raises.
    """
    handle.check_layer(layer)
    row = edit_rows(handle, request, ("{}",), needs_subject=False)[0]
    start = time.perf_counter()
    with handle.lock, few_rows(handle):
        here = above(handle, [row.ids], [0], layer)
        middle = time.perf_counter()
        delta, losses = trained(here, row, config, objective, progress)
    stages = (("keys", middle - start), (f"optimisation, {len(losses)} steps", time.perf_counter() - middle))
    notes = {"loss": losses[-1], "steps": len(losses)}
    made = make_edit(handle, request, objective, [whole_factors(layer, delta)], vars(config), notes=notes)
    return dataclasses.replace(made, stages=stages)


def trained(
    here: Above,
    row: Row,
    config: FtConfig,
    objective: Objective,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[Tensor, list[float]]:
    """Delta (d_out, d_in), and the loss (nats) of every forward pass, the last of them that of Delta itself.

    One forward pass more than steps. Raises EditError when the loss is not finite. Hold the handle's lock.
    """
    handle = here.handle
    shape = handle.shape(handle.mlp_out(here.layer))
    delta = torch.zeros(shape, dtype=here.number, device=handle.device, requires_grad=True)
    adam = torch.optim.Adam([delta], lr=config.learning_rate)
    losses: list[float] = []
    while True:
        with torch.enable_grad():
            loss = target_loss(here, row, delta, objective)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise not_finite(handle, here.layer)
        if progress:
            progress(min(len(losses), config.steps), config.steps, f"loss {losses[-1]:.3f}")
        if losses[-1] < config.stop_loss or len(losses) > config.steps:
            return delta.detach(), losses
        (delta.grad,) = torch.autograd.grad(loss, delta)
        adam.step()
        if config.norm_constraint:
            with torch.no_grad():
                delta.clamp_(-config.norm_constraint, config.norm_constraint)


def target_loss(here: Above, row: Row, delta: Tensor, objective: Objective) -> Tensor:
    """L(Delta), nats, of a row (the only one of `here`), with the change at every token."""
    device = delta.device
    answer = torch.tensor(row.answer, device=device)
    wanted = list(row.wanted)
    columns = torch.tensor(wanted[:1] * len(wanted) if objective == "ft-l" else wanted, device=device)
    moved = here.inputs.to(delta.dtype) @ delta.T  # (S, d_out)
    log_p = here.log_p(moved, torch.zeros_like(columns), columns)
    return -log_p.gather(1, answer[:, None]).mean()


_LITERATURE: Final = (
    "EasyEdit's configurations for Llama and GPT-J say layer 21 (of 28 or 32), the original ROME code layer 0 "
    "(with the norm constraint) and 1 (without) for GPT-2 XL."
)

FT_L: Final = MethodInfo(
    name="ft-l",
    title="FT-L",
    description=(
        "Fine-tuning one MLP output matrix, the loss read at the prompt's last token for the whole target, as published"
        " (Meng et al. 2022): it cannot reach targets of several tokens."
    ),
    config_class=FtConfig,
    run=partial(fine_tune, objective="ft-l"),
    literature=_LITERATURE,
)
FT_M: Final = MethodInfo(
    name="ft-m",
    title="FT-M",
    description="Fine-tuning one MLP output matrix on the target's tokens (Zhang et al. 2024).",
    config_class=FtConfig,
    run=partial(fine_tune, objective="ft-m"),
    literature=_LITERATURE,
)
