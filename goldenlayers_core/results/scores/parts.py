"""What a predicted score is made of, in words; and the arrays put beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from goldenlayers_core.results.arrays import Floats
from goldenlayers_core.results.scores.layer_scores import Part

METHOD_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lga": "LGA",
        "edit-aware": "edit-aware analysis",
        "line-check": "line check",
        "damage": "damage to general text",
    }
)


def who(method: str) -> str:
    """Who names a layer, before "'s layer"."""
    return "the damage estimate" if method == "damage" else METHOD_WORDS[method]


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One part of a predicted score: its column, its words, and how it is computed."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    definition: str


EDIT_AWARE_PARTS: Final = (
    PartInfo(
        "feasible",
        "Feasible",
        "higher",
        "Predicted chance that the rewrite takes. It falls with the need: how far the value at the subject's last "
        "token must move, to first order, in lengths of the old value; ROME's clamp allows 4.",
    ),
    PartInfo(
        "spread",
        "Spread",
        "higher",
        "Predicted share of rephrases answered with the new target: feasible, times the chance that the same edit, "
        "seen through the keys of the rephrase, lifts the new target over the answer given now.",
    ),
    PartInfo(
        "harm",
        "Harm",
        "lower",
        "Predicted share of locality probes whose answer changes: the chance that the same edit, seen through the keys "
        "of the locality prompt, lifts the new target over the model's own answer there.",
    ),
    PartInfo(
        "portability",
        "Portability",
        "higher",
        "Predicted share of portability probes answered accordingly, computed like the spread.",
    ),
)


def edit_aware_parts(arrays: Mapping[str, Floats]) -> tuple[Part, ...]:
    """The (Q, L) arrays, by name, with their words; parts that no request has are left out."""
    return tuple(
        Part(info.name, info.title, "share", info.better, info.definition, arrays[info.name])
        for info in EDIT_AWARE_PARTS
        if not np.isnan(arrays[info.name]).all()
    )
