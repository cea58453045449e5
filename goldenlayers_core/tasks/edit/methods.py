"""Editing methods as forms: what a page draws of them. Importing this loads no torch; `method_forms` does, once."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.tasks.heavy import heavy

Number = int | float
Value = Number | str
FieldKind = Literal["switch", "whole", "decimal", "choice"]


@dataclass(frozen=True, slots=True)
class MethodField:
    """One setting of a method: its label, explanation, default and inclusive limits, or the words it may be."""

    name: str
    label: str
    explanation: str
    kind: FieldKind
    default: Value
    low: Number | None
    high: Number | None
    step: Number | None
    options: tuple[str, ...] = ()

    def allows(self, value: object) -> bool:
        """Whether the setting may have this value: of its kind, within its limits, one of its words."""
        if self.kind in ("switch", "choice"):
            return type(value) is bool if self.kind == "switch" else value in self.options
        if not isinstance(value, int if self.kind == "whole" else int | float) or isinstance(value, bool):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class MethodForm:
    """One editing method and its settings, in the order to show them."""

    name: str
    title: str
    description: str
    fields: tuple[MethodField, ...]
    kind: Literal["weights", "memory", "prompt"] = "weights"  # what holds the fact; a prompt has no layer
    literature: str = ""  # the layer that published configurations use, and where that is said
    writes_many: bool = False  # many facts as one edit

    def changed(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The settings that differ from their defaults, for `EditQuestion.settings`."""
        defaults = {field.name: field.default for field in self.fields}
        return {name: value for name, value in values.items() if value != defaults[name]}


@cache
def method_forms() -> tuple[MethodForm, ...]:
    """Every editing method. The first call imports torch, which takes some seconds."""
    heavy()
    from goldenlayers_core.editing import methods

    return tuple(
        MethodForm(
            name=method.name,
            title=method.title,
            description=method.description,
            fields=tuple(_field(field) for field in dataclasses.fields(method.config_class)),
            kind=method.kind,
            literature=method.literature,
            writes_many=method.run_batch is not None,
        )
        for method in methods()
    )


def layers_written(name: str, settings: Mapping[str, Any], layer: int, n_layers: int) -> tuple[int, ...]:
    """The layers that a method with these settings acts at when `layer` is chosen. Raises ConfigError."""
    heavy()
    from goldenlayers_core.editing import get_method

    method = get_method(name)
    return method.layers_of(layer, method.config_class(**settings), n_layers)


def _field(field: "dataclasses.Field[Any]") -> MethodField:
    """Raises ConfigError for a default that no widget can show."""
    kind: FieldKind
    if isinstance(field.default, bool):
        kind = "switch"
    elif isinstance(field.default, int):
        kind = "whole"
    elif isinstance(field.default, float):
        kind = "decimal"
    elif isinstance(field.default, str) and field.metadata.get("options"):
        kind = "choice"
    else:
        raise ConfigError(
            f"The setting {field.name!r} has the default {field.default!r}; give a number, true or false, or options."
        )
    of_kind: type[Number] = float if kind == "decimal" else int
    low, high, step = (
        None if field.metadata.get(name) is None else of_kind(field.metadata[name]) for name in ("min", "max", "step")
    )
    return MethodField(
        name=field.name,
        label=str(field.metadata.get("label", field.name)),
        explanation=str(field.metadata.get("help", "")),
        kind=kind,
        default=field.default,
        low=low,
        high=high,
        step=step,
        options=tuple(field.metadata.get("options", ())),
    )
