"""What a block adds to the residual stream and where, and what the model makes of its LM head's logits: by moving one
value and looking at what comes of it."""

from dataclasses import dataclass
from typing import Any, Final

import torch

from goldenlayers_core.models.discovery.parts import Parts, again
from goldenlayers_core.models.discovery.skeleton import NOISE, Skeleton, against, same
from goldenlayers_core.models.hooks import put_out

CAP: Final = "final_logit_softcapping"


@dataclass(frozen=True, slots=True)
class Sums:
    """The columns of a row of the same names."""

    adds_mlp_out: bool
    attention_added: str
    mlp_added: str
    added_times: str
    is_sum: bool  # whether the stream is the sum of what these say
    logits_times: str
    logits_over: str
    logits_cap: str


@dataclass(frozen=True, slots=True)
class _Added:
    """A module whose output is added to the stream, times a number; `times` 0: none was found."""

    path: str
    times: float


def sums_of(found: Skeleton, parts: Parts) -> Sums:
    """Raises UnknownArchitectureError where the logits are no function of the LM head's that the row can say."""
    layers = sorted({0, found.n_layers // 2, found.n_layers - 1})
    every = [(_added(found, layer, parts.mlp[-1]), layer) for layer in layers]
    mlp = every[0][0] if all(one == every[0][0] for one, _ in every) else _Added("", 0.0)
    frozen = mlp.path if mlp.times else parts.mlp[-1]
    own = [_added(found, layer, parts.attention[-1], frozen) for layer in layers]
    attention = own[0] if all(one == own[0] for one in own) else _Added("", 0.0)
    adds = mlp == _Added(parts.mlp[-1], 1.0)
    times = mlp.times
    field = "" if times in (0.0, 1.0) else _field(found.model, times, ("residual", "mult", "scale"))
    is_sum = times != 0.0 and attention.times == times and (times == 1.0 or bool(field))
    is_sum = is_sum and all(_add_up(found, layer, attention.path, mlp.path, times) for layer in layers)
    shown = (attention.path, mlp.path) if is_sum else ("", "")
    return Sums(
        adds,
        shown[0] if shown[0] != parts.attention[-1] else "",
        shown[1] if shown[1] != parts.mlp[-1] else "",
        field if is_sum else "",
        is_sum,
        *_of_logits(found),
    )


def _added(found: Skeleton, layer: int, matrix: str, frozen: str = "") -> _Added:
    """The first module, from a matrix on, whose output is added as it is; else the first that is, times a number."""
    name = f"{found.blocks}.{layer}"
    begin = found.order.index(f"{name}.{matrix}")
    after = [site for site in found.order[begin : found.order.index(name)] if site.startswith(f"{name}.")]
    scaled = _Added("", 0.0)
    for site in after:
        calls, path = found.calls[site], site.removeprefix(f"{name}.")
        if len(calls) != 1 or calls[0].came is None or path == frozen:
            continue
        times = _times(found, layer, site, f"{name}.{frozen}" if frozen else "")
        if times == 1.0:
            return _Added(path, times)
        if times and not scaled.times:
            scaled = _Added(path, times)
    return scaled


def _times(found: Skeleton, layer: int, site: str, frozen: str) -> float:
    """The number by which what is added to a module's output comes out of the block, at every token and entry; 0.0
    where there is no such number. `frozen`: a module that puts out what it did, whatever it is given."""
    block, came = found.block(layer), found.once(site).came
    whole = block.came
    if came is None or whole is None or came.numel() != whole.numel():
        return 0.0
    drawn = torch.randn(whole.shape, generator=torch.Generator().manual_seed(3)).to(whole) * whole.std()
    held = {}
    if frozen:
        kept = found.once(frozen).came
        if kept is None:
            return 0.0
        put = kept.clone()
        held = {found.model.get_submodule(frozen): lambda output: put.reshape(output.shape).clone()}
    moved = {found.model.get_submodule(site): lambda output: output + drawn.reshape(output.shape)}
    with put_out(held):
        before = again(found, block)
    with put_out({**held, **moved}):
        came_of_it = again(found, block) - before
    times = float((came_of_it * drawn).sum() / (drawn * drawn).sum())
    if abs(times) < NOISE or not same(came_of_it, times * drawn):
        return 0.0
    return 1.0 if abs(times - 1.0) < NOISE else round(times, 4)


def _add_up(found: Skeleton, layer: int, attention: str, mlp: str, times: float) -> bool:
    """Whether what enters a block and these two modules' outputs, times a number, are what leaves it."""
    block, name = found.block(layer), f"{found.blocks}.{layer}"
    entered, left = block.given, block.came
    parts = [found.once(f"{name}.{path}").came for path in (attention, mlp)]
    if entered is None or left is None or any(part is None for part in parts):
        return False
    return same(sum((times * part.reshape(left.shape) for part in parts if part is not None), entered), left)


def _of_logits(found: Skeleton) -> tuple[str, str, str]:
    """(times, over, cap) of the row."""
    said = found.once(found.head).came
    config = found.model.config.get_text_config()
    if said is None or said.shape != found.logits.shape:
        raise against(found.model, "its LM head does not give logits of every token")
    numbers = _numbers(config)
    caps = {name: value for name, value in numbers.items() if value > 0 and "cap" in name}
    scales = {name: value for name, value in numbers.items() if "logit" in name and value and name not in caps}
    ways = [("", "", 1.0), *((n, "", v) for n, v in scales.items()), *(("", n, 1 / v) for n, v in scales.items())]
    for times, over, factor in ways:
        scaled = said * factor
        if same(scaled, found.logits):
            return times, over, "" if CAP in caps else CAP
        for cap, value in caps.items():
            if same(torch.tanh(scaled / value) * value, found.logits):
                return times, over, cap
    raise against(
        found.model, "its logits are neither its LM head's nor a multiple or a cap of them that config.json names"
    )


def _numbers(config: Any) -> dict[str, float]:
    """The numbers of a configuration, by name."""
    return {
        name: float(value)
        for name, value in config.to_dict().items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _field(model: Any, value: float, words: tuple[str, ...]) -> str:
    """The field of the configuration that has a value, one with one of some words first; "" where none has."""
    numbers = _numbers(model.config.get_text_config())
    fitting = [name for name, number in numbers.items() if abs(number - value) <= 1e-3 * abs(value)]
    fitting.sort(key=lambda name: (not any(word in name for word in words), name))
    return fitting[0] if fitting else ""
