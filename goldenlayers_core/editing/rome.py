"""ROME: one fact written into one MLP output matrix by a rank-one change (Meng et al. 2022, arXiv 2202.05262).

With C the second moment of usual keys (the identity where none is supplied), kbar the key averaged over templates, k_p
and v_0 the key and value of the bare prompt, v* = v_0 + delta, and u = C^-1 kbar / |C^-1 kbar|:

    ROME      W' = W + (v* - v_0) u^T / (k_p . u)        W' maps k_p to v* exactly
    R-ROME    W' = W + (v* - vbar) u^T / (kbar . u)      W' maps kbar to v* exactly   (Gupta et al. 2024)
    p-ROME    as ROME, with k_p in the place of kbar      W' maps k_p to v* exactly    (the same)

(in a mixture of experts W is all experts' output matrices side by side: `models.experts`)
with vbar the value averaged over templates, so that R-ROME uses one kind of key in every place. Two known defects of
the published code are not repeated: the KL term is read after "{subject} is a" (the code reads it at the subject,
where "is a" has no effect), and one space precedes the target (the code puts two before one that begins with a space).
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from goldenlayers_core.editing.clean import CleanPass, clean_pass, clean_states
from goldenlayers_core.editing.delta import Edit, Factors, make_edit, not_finite
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.value import Values, optimise
from goldenlayers_core.editing.value_settings import ValueSettings
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import EditRequest

Keys = Literal["mixed", "mean", "bare"]  # ROME's two kinds of key, R-ROME's averaged one, p-ROME's of the bare prompt


@dataclass(frozen=True)
class RomeConfig(ValueSettings):
    """ROME's settings.

    On the bundled model fewer templates cost no measured quality and less than half the time (`benchmarks/README.md`).
    """

    consistent_keys: bool = setting(False, "Consistent keys", "R-ROME: the averaged key in every place.")


def rome(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: ValueSettings,
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
    made = _edit(handle, request, clean, values, 0, config, name, supplies.moments.get(layer))
    if isinstance(made, str):
        raise EditError(made)
    stages = (("keys", middle - start), (f"optimisation, {values.steps[0]} steps", end - middle))
    return dataclasses.replace(made, stages=stages)


def rome_many(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    config: ValueSettings,
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

    clean = clean_states(handle, rows, layers, between=between)
    for layer in layers:
        step(0, 0, "")
        here = clean.at(layer)
        values = optimise(handle, here, config, step, spared(token_budget or default_budget(handle)))
        moments = supplies.moments.get(layer)
        yield (
            layer,
            tuple(_edit(handle, request, here, values, i, config, name, moments) for i, request in enumerate(requests)),
        )


def default_budget(handle: ModelHandle) -> int:
    """Suffix tokens that take a step together: enough to keep the device busy."""
    return 192 if handle.device.type == "cpu" else 4096


def _edit(
    handle: ModelHandle,
    request: EditRequest,
    clean: CleanPass,
    values: Values,
    i: int,
    config: ValueSettings,
    name: str,
    moments: KeyMoments | None,
) -> Edit | str:
    """Edit `i` of a batch, or why there is none."""
    try:
        if values.failed[i]:
            raise not_finite(handle, clean.layer)
        keys: Keys = "bare" if name == "p-rome" else "mean" if getattr(config, "consistent_keys", False) else "mixed"
        left, right = rank_one(clean, values.delta[i], keys, i, moments)
        notes = {"loss": values.loss[i], "steps": values.steps[i], "value_change": values.change(i)}
        factors = [Factors(clean.layer, left, right)]
        return make_edit(handle, request, name, factors, dataclasses.asdict(config), notes=notes)
    except EditError as error:
        return str(error)


def rank_one(
    clean: CleanPass, delta: Tensor, keys: Keys = "mixed", edit: int = 0, moments: KeyMoments | None = None
) -> tuple[Tensor, Tensor]:
    """left (d_out, 1) and right (d_in, 1) of ROME's update, or of R-ROME's ("mean") or p-ROME's ("bare").

    Raises EditError when a key is not finite, or key and direction are (nearly) orthogonal: the update would explode.
    """
    mine = [
        r for r, row in enumerate(clean.rows) if row.edit == edit and row.answer
    ]  # the templates, bare prompt first
    seen, values = clean.keys[mine].double(), clean.values[mine].double()
    usual = seen[0] if keys == "bare" else seen.mean(dim=0)
    direction = usual if moments is None else moments.whitened(usual[None])[0]
    direction = direction / direction.norm()
    key, value = (usual, values.mean(dim=0)) if keys == "mean" else (seen[0], values[0])
    along = key @ direction
    if not bool(along.isfinite()):
        raise EditError(
            f"The key at layer {clean.layer} has numbers that are not finite; choose another layer, or load float32."
        )
    if not float(along.abs()) > 1e-6 * float(key.norm()):
        raise EditError(
            "The prompt's key is orthogonal to the averaged one, so that the edit would explode; use R-ROME."
        )
    left = (values[0] + delta.double() - value) / along
    return left[:, None].to(torch.float32), direction[:, None].to(torch.float32)


LITERATURE: Final = (
    "Layer 17 of 48 in GPT-2 XL and 5 of 28 in GPT-J (Meng et al. 2022); 5 in EasyEdit's Llama, Mistral and Qwen "
    "configurations"
)
METHOD: Final = MethodInfo(
    name="rome",
    title="ROME",
    description="A rank-one change of one MLP output matrix (Meng et al. 2022).",
    config_class=RomeConfig,
    run=rome,
    run_many=rome_many,
    literature=LITERATURE,
)
