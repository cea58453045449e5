"""Does LGA's pick depend on what the paper leaves open? What every combination of those choices picked.

Left open are the tokens that the loss is on, the weights of a layer, whether a loss sums or averages its tokens, and
how quartiles between two values are taken; whether layers are set aside at all is shown beside them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Final, Literal

import pandas as pd

from goldenlayers_core.records import LossOn

Fences = Literal["linear", "midpoint", "none"]  # quartiles by interpolation, by midpoint; no layer set aside
FENCES: Final[tuple[Fences, ...]] = ("linear", "midpoint", "none")
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "loss_on": "the tokens the loss is on",
        "scope": "the weights compared",
        "over_tokens": "sum or mean over tokens",
        "fences": "the fences",
    }
)
_LOSS: Final[Mapping[str, str]] = MappingProxyType({"sequence": "prompt and answer", "answer": "answer"})
_SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {"mlp": "MLP", "mlp_out": "MLP output", "attention": "Attention", "block": "Whole block"}
)
_HEADS: Final[Mapping[str, str]] = MappingProxyType({"linear": "Fences", "midpoint": "Midpoint", "none": "None"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One combination, and the layer it picks."""

    loss_on: LossOn
    scope: str
    over_tokens: Literal["mean", "sum"]
    fences: Fences
    golden_layer: int


def open_choices(choices: tuple[Choice, ...]) -> tuple[str, ...]:
    """The fields of `Choice` that, changed alone, change the pick in at least one place of the table."""
    found = set()
    for one, other in combinations(choices, 2):
        differ = [name for name in _WORDS if getattr(one, name) != getattr(other, name)]
        if len(differ) == 1 and one.golden_layer != other.golden_layer:
            found.add(differ[0])
    return tuple(name for name in _WORDS if name in found)


def sentence(choices: tuple[Choice, ...]) -> str:
    """Whether the pick depends on a choice the paper leaves open."""
    layers = sorted({choice.golden_layer for choice in choices})
    if len(layers) == 1:
        return f"Each of the {len(choices)} ways to compute it picks layer {layers[0]}."
    on = ", ".join(_WORDS[name] for name in open_choices(choices))
    return f"The pick depends on {on}: {len(choices)} ways pick {len(layers)} layers, {', '.join(map(str, layers))}."


def choices_table(choices: tuple[Choice, ...]) -> pd.DataFrame:
    """For a reader: a row per scope, loss and way to add up its tokens, a column per kind of fences."""
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for choice in choices:
        name = _SCOPES.get(choice.scope, choice.scope), f"{_LOSS[choice.loss_on]}, {choice.over_tokens}"
        rows.setdefault(name, {})[_HEADS[choice.fences]] = choice.golden_layer
    return pd.DataFrame([{"Weights": scope, "Loss on": name, **picks} for (scope, name), picks in rows.items()])


def choices_frame(choices: tuple[Choice, ...]) -> pd.DataFrame:
    """One row per choice: loss_on, scope, over_tokens, fences, golden_layer."""
    return pd.DataFrame([dataclasses.asdict(choice) for choice in choices])
