"""Fields of a method's config that a form can be drawn from, and their limits."""

import dataclasses
import math
from dataclasses import field
from typing import Any

from goldenlayers_core.errors import ConfigError


def setting(
    default: Any,
    label: str,
    explanation: str,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    added: bool = False,
    options: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with its label, explanation and inclusive limits as metadata (label, help, min, max, step).

    `options`: the words that a text may be. `added`: the field came after results had been stored; its default leaves
    their digest as it was.
    """
    described: dict[str, Any] = {"label": label, "help": explanation, "min": low, "max": high, "step": step}
    described |= {"added": added, "options": options}
    return field(default=default, metadata=described)


def check_settings(config: Any) -> None:
    """Raises ConfigError when a number is not finite or outside its field's limits, or a text is no option."""
    for each in dataclasses.fields(config):
        value = getattr(config, each.name)
        if (options := each.metadata.get("options")) and value not in options:
            raise ConfigError(f"{each.metadata['label']} is {value!r}; choose one of {', '.join(options)}.")
        low, high = each.metadata.get("min"), each.metadata.get("max")
        if isinstance(value, bool) or not isinstance(value, int | float) or low is None or high is None:
            continue
        if not math.isfinite(value) or not low <= value <= high:
            raise ConfigError(f"{each.metadata['label']} is {value}; give a number from {low} to {high}.")
