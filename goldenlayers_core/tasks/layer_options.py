"""Layers worth trying first, and why: the recommended one, an early one, the middle one."""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.tasks.recommendation import Recommendation

LITERATURE_LAYER: Final = 5  # what 13 of the 15 ROME configurations of EasyEdit say, whatever the model


@dataclass(frozen=True, slots=True)
class LayerOption:
    """A layer to start at."""

    name: str  # "recommended", "early", "middle"
    layer: int
    why: str  # one phrase
    called: str  # on a button: the name, of a recommended layer no stronger than its evidence


def layer_options(n_layers: int, found: Recommendation | None) -> tuple[LayerOption, ...]:
    """The layers to offer for a model of `n_layers`, the one to start at first; each layer once."""
    early, middle = early_layer(n_layers), n_layers // 2
    why = (
        "the layer of 13 of EasyEdit's 15 ROME configurations" if early == LITERATURE_LAYER else "a third of the way in"
    )
    options = [
        LayerOption("early", early, why, "early"),
        LayerOption("middle", middle, "halfway through the model", "middle"),
    ]
    if found is not None and 0 <= found.layer < n_layers:
        options.insert(0, LayerOption("recommended", found.layer, found.evidence, found.called))
    once: dict[int, LayerOption] = {}
    for option in options:
        once.setdefault(option.layer, option)
    return tuple(once.values())


def early_layer(n_layers: int) -> int:
    """The literature's layer 5; in a model too shallow for it, a layer a third of the way in."""
    return LITERATURE_LAYER if n_layers > 2 * LITERATURE_LAYER else n_layers // 3
