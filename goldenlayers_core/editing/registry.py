"""The editing methods: to add one, write its file and name its METHOD here. No page changes."""

from typing import Final

from goldenlayers_core.editing import alphaedit, emmet, ft, grace, in_context, memit, p_rome, pmet, r_rome, rome, wise
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.errors import ConfigError

_METHODS: Final[tuple[MethodInfo, ...]] = (
    rome.METHOD,
    r_rome.METHOD,
    p_rome.METHOD,
    emmet.METHOD,
    memit.METHOD,
    pmet.METHOD,
    alphaedit.METHOD,
    ft.FT_L,
    ft.FT_M,
    grace.METHOD,
    wise.METHOD,
    in_context.METHOD,
)


def methods() -> tuple[MethodInfo, ...]:
    """Every method, in the order to show them."""
    return _METHODS


def get_method(name: str) -> MethodInfo:
    """The method of that name. Raises ConfigError with the list of names."""
    for method in _METHODS:
        if method.name == name:
            return method
    raise ConfigError(f"The editing method {name!r} is unknown; choose one of {', '.join(m.name for m in _METHODS)}.")
