"""What a method file registers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from goldenlayers_core.editing.delta import Edit

Kind = Literal["weights", "memory", "prompt"]


def one_layer(layer: int, _config: Any, _n_layers: int) -> tuple[int, ...]:
    """The layers that a method of a single layer acts at."""
    return (layer,)


@dataclass(frozen=True, slots=True)
class MethodInfo:
    """An editing method: its words, its config (a form is drawn from the fields) and its functions.

    run(handle, request, layer, config, supplies, progress) -> Edit; `config_class` has defaults for every field and a
    property `templates` -> TemplateConfig, which says the context templates it wants; where it has a field
    `covariance`, the moments of `layers_of(layer, config, n_layers)` are supplied unless that is "identity".
    `run_many`, where there is one, yields (layer, one edit or sentence per request) for each layer: see
    `editing.many.edits_at`. `run_batch(handle, requests, layer, config, supplies, progress) -> Edit`, where there is
    one, writes many facts as one edit.
    """

    name: str
    title: str
    description: str
    config_class: type[Any]
    run: Callable[..., Edit]
    run_many: Callable[..., Iterator[tuple[int, tuple[Edit | str, ...]]]] | None = None
    run_batch: Callable[..., Edit] | None = None
    layers_of: Callable[[int, Any, int], tuple[int, ...]] = one_layer  # ascending
    kind: Kind = "weights"  # what holds the fact: a changed matrix, a memory beside it, or the prompt
    literature: str = ""  # the layer that published configurations use, and where that is said
