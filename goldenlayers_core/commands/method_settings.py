"""`--set`: a method's settings on the command line."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from goldenlayers_core.errors import ConfigError

Settings = Annotated[
    list[str] | None, typer.Option("--set", help="a setting of the method as name=value, such as steps=10; repeatable")
]


def settings_of(method: str, pairs: Sequence[str]) -> dict[str, Any]:
    """Settings from "name=value", of the type that the method's field has. Raises ConfigError."""
    from goldenlayers_core.editing import get_method

    fields = {f.name: f for f in dataclasses.fields(get_method(method).config_class)}
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or name not in fields:
            raise ConfigError(
                f"The setting {pair!r} is unknown; give name=value with one of {', '.join(fields)} of the method "
                f"{method}."
            )
        found[name] = _value(name, value, fields[name].default)
    return found


def with_options(method: str, pairs: Sequence[str] | None, **options: Any) -> dict[str, Any]:
    """The same beside options that stand for one setting each, None where they were left out; options win. Nothing of
    the method is imported where there are no pairs."""
    found = settings_of(method, pairs) if pairs else {}
    return found | {name: value for name, value in options.items() if value is not None}


def _value(name: str, value: str, default: Any) -> Any:
    """A setting's value, of the type its default has."""
    switches = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return switches[value.lower()] if isinstance(default, bool) else type(default)(value)
    except (KeyError, ValueError) as error:
        kind = {bool: "true or false", int: "a whole number"}.get(type(default), "a number")
        raise ConfigError(f"The setting {name} is {value!r}; give {kind}.") from error
