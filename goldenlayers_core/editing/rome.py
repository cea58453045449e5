"""ROME: one fact written into one MLP output matrix by a rank-one change (Meng et al. 2022, arXiv 2202.05262).

With C the identity (no covariance estimated), kbar the key averaged over templates, k_p and v_0 the key and value of
the bare prompt, u = kbar / |kbar| and v* = v_0 + delta:

    ROME      W' = W + (v* - v_0) u^T / (k_p . u)        W' maps k_p to v* exactly
    R-ROME    W' = W + (v* - vbar) u^T / (kbar . u)      W' maps kbar to v* exactly   (Gupta et al. 2024)

with vbar the value averaged over templates, so that R-ROME uses one kind of key in every place. Two known defects of
the published code are not repeated: the KL term is read after "{subject} is a" (the code reads it at the subject,
where "is a" has no effect), and one space precedes the target (the code puts two before one that begins with a space).
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.clean import CleanPass, clean_pass, clean_states
from goldenlayers_core.editing.delta import Edit, Factors, make_edit
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.settings import check_settings, setting
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.templates import TemplateConfig
from goldenlayers_core.editing.value import Values, optimise
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.records import EditRequest


@dataclass(frozen=True)
class RomeConfig:
    """ROME's settings; the defaults are EasyEdit's for Llama models, but for 5 context templates where it samples 20.

    On the bundled model fewer templates cost no measured quality and less than half the time (`benchmarks/README.md`).
    """

    steps: int = setting(25, "Steps", "Forward passes of the optimisation, at most.", 1, 500, 1)
    learning_rate: float = setting(0.5, "Learning rate", "Step size of Adam.", 0.0001, 10.0, 0.05)
    weight_decay: float = setting(1e-3, "Weight decay", "Weight of |delta| / |v0|^2 in the loss.", 0.0, 10.0, 0.001)
    clamp_factor: float = setting(
        4.0, "Clamp factor", "delta stays within this many norms of the old value.", 0.01, 100.0, 0.25
    )
    kl_factor: float = setting(
        0.0625, "KL factor", "How strongly '{subject} is a' must go on as before.", 0.0, 10.0, 0.0625
    )
    stop_loss: float = setting(
        0.05, "Stop below", "The optimisation ends when the loss (nats) is lower.", 0.0, 10.0, 0.01
    )
    n_templates: int = setting(2, "Context templates", "Sampled texts before the prompt, beside none.", 0, 100, 1)
    template_length: int = setting(10, "Template length", "Tokens; half of the templates have half as many.", 2, 50, 1)
    seed: int = setting(0, "Seed", "Of the context templates; the rest is deterministic.", 0, 2**31 - 1, 1)
    consistent_keys: bool = setting(False, "Consistent keys", "R-ROME: the averaged key in every place.")
    keep_best: bool = setting(False, "Keep the best", "Take the iterate with the lowest loss, not ROME's last one.")
    direct_steps: bool = setting(True, "Direct steps", "As far as the answer's odds ask for, in place of Adam's.")
    patience: int = setting(3, "Patience", "End when so many passes brought less than 2 %; 0: never.", 0, 100, 1)

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def templates(self) -> TemplateConfig:
        """The context templates this config asks for."""
        return TemplateConfig(self.n_templates, self.template_length, seed=self.seed)


def rome(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: RomeConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
    name: str = "rome",
) -> Edit:
    """The edit that makes the model answer `request.prompt` with `request.target_new`; the model itself is unchanged.

    Raises EditError (layer out of range, numbers not finite), RequestError (empty target, subject not in the prompt),
    and whatever `progress(done, total, note)`, called after every step, raises.
    """
    handle.check_layer(layer)
    rows = edit_rows(handle, request, supplies.templates)
    with handle.lock, few_rows(handle):
        start = time.perf_counter()
        clean = clean_pass(handle, rows, layer)
        middle = time.perf_counter()
        values = optimise(handle, clean, config, progress)
        end = time.perf_counter()
    made = _edit(handle, request, clean, values, 0, config, name)
    if isinstance(made, str):
        raise EditError(made)
    stages = (("keys", middle - start), (f"optimisation, {values.steps[0]} steps", end - middle))
    return dataclasses.replace(made, stages=stages)


def rome_many(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    config: RomeConfig,
    supplies: Supplies,
    between: Callable[[], None] | None = None,
    token_budget: int | None = None,
    name: str = "rome",
) -> Iterator[tuple[int, tuple[Edit | str, ...]]]:
    """For each layer the edits of all requests, as `rome` would make them one by one; see `editing.many.edits_at`.

    One forward pass of the unedited model serves every layer; values are optimised together.
    """
    rows = [row for i, request in enumerate(requests) for row in edit_rows(handle, request, supplies.templates, i)]

    def step(_done: int, _total: int, _note: str) -> None:
        if between:
            between()

    with handle.lock, few_rows(handle):
        clean = clean_states(handle, rows, layers)
    for layer in layers:
        here = clean.at(layer)
        values = optimise(handle, here, config, step, token_budget or default_budget(handle))
        yield layer, tuple(_edit(handle, request, here, values, i, config, name) for i, request in enumerate(requests))


def default_budget(handle: ModelHandle) -> int:
    """Suffix tokens that take a step together: enough to keep the device busy."""
    return 192 if handle.device.type == "cpu" else 4096


def _edit(
    handle: ModelHandle, request: EditRequest, clean: CleanPass, values: Values, i: int, config: RomeConfig, name: str
) -> Edit | str:
    """Edit `i` of a batch, or why there is none."""
    try:
        if values.failed[i]:
            raise EditError(_not_finite(handle, clean.layer))
        left, right = rank_one(clean, values.delta[i], config.consistent_keys, i)
        notes = {"loss": values.loss[i], "steps": values.steps[i], "value_change": values.change(i)}
        factors = [Factors(clean.layer, left, right)]
        return make_edit(handle, request, name, factors, dataclasses.asdict(config), notes=notes)
    except EditError as error:
        return str(error)


def _not_finite(handle: ModelHandle, layer: int) -> str:
    return (
        f"The edit at layer {layer} of {handle.name} ran into numbers that are not finite; "
        "choose a smaller learning rate, another layer, or the float32 dtype."
    )


def rank_one(clean: CleanPass, delta: Tensor, consistent_keys: bool, edit: int = 0) -> tuple[Tensor, Tensor]:
    """left (d_out, 1) and right (d_in, 1) of ROME's update, or of R-ROME's with consistent keys.

    Raises EditError when key and direction are (nearly) orthogonal: the update would explode.
    """
    mine = [
        r for r, row in enumerate(clean.rows) if row.edit == edit and row.answer
    ]  # the templates, bare prompt first
    keys, values = clean.keys[mine].double(), clean.values[mine].double()
    mean_key = keys.mean(dim=0)
    direction = mean_key / mean_key.norm()
    key, value = (mean_key, values.mean(dim=0)) if consistent_keys else (keys[0], values[0])
    along = key @ direction
    if not abs(float(along)) > 1e-6 * float(key.norm()):
        raise EditError(
            "The prompt's key is orthogonal to the averaged one, so that the edit would explode; use R-ROME."
        )
    left = (values[0] + delta.double() - value) / along
    return left[:, None].to(torch.float32), direction[:, None].to(torch.float32)


METHOD: Final = MethodInfo(
    name="rome",
    title="ROME",
    description="A rank-one change of one MLP output matrix (Meng et al. 2022), with identity covariance.",
    config_class=RomeConfig,
    run=rome,
    run_many=rome_many,
)
