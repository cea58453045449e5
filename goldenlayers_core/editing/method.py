"""What a method file registers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from goldenlayers_core.editing.delta import Edit


@dataclass(frozen=True, slots=True)
class MethodInfo:
    """An editing method: its words, its config (a form is drawn from the fields) and its function.

    run(handle, request, layer, config, templates, progress) -> Edit; `config_class` has defaults for every field and a
    property `templates` -> TemplateConfig, which says the context templates it wants. `run_many`, where there is one,
    yields (layer, one edit or sentence per request) for each layer: see `editing.many.edits_at`.
    """

    name: str
    title: str
    description: str
    config_class: type[Any]
    run: Callable[..., Edit]
    run_many: Callable[..., Iterator[tuple[int, tuple[Edit | str, ...]]]] | None = None
