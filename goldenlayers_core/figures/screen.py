"""A figure as a page hands it to Streamlit, which hands it to plotly twice.

The second time it holds the same numbers in new arrays. Plotly skips the second drawing when a revision says that they
are the same; but a template, `meta` and packed arrays count as changed whatever they hold. So the template's settings
become the layout's own, `meta` stays behind, and arrays are plain lists: each chart is drawn once, in half the time.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import untitled_room

_AXIS = re.compile(r"([xy]axis)\d*")


class Shown(go.Figure):  # type: ignore[misc]
    """A figure that changes no more: its mapping was made once, and is neither checked nor copied again."""

    def __init__(self, mapping: dict[str, Any]) -> None:
        super().__init__()
        self.__dict__["_mapping"] = mapping

    def to_dict(self) -> dict[str, Any]:
        """The figure as plotly's JSON has it. Not to be written: everyone gets the same."""
        mapping: dict[str, Any] = self.__dict__["_mapping"]
        return mapping


def for_screen(drawn: go.Figure, titled: bool = True) -> Shown:
    """A copy that looks the same and is drawn once; without its title where the page sets that in its own type."""
    layout = _plain(drawn.layout.to_plotly_json())
    template = layout.pop("template", {}).get("layout", {})
    layout.pop("meta", None)
    if not titled:
        layout.pop("title", None)
        top, layout["height"] = untitled_room(drawn)
        layout["margin"] = {**layout.get("margin", {}), "t": top}
    filled = _filled(layout, template, [key for key in layout if _AXIS.fullmatch(key)])
    mapping = {"data": [_plain(trace.to_plotly_json()) for trace in drawn.data], "layout": filled}
    filled["datarevision"] = hashlib.blake2b(json.dumps(mapping).encode(), digest_size=8).hexdigest()
    return Shown(mapping)


def _plain(value: Any) -> Any:
    """The same in lists, mappings and numbers."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist()) if value.dtype == object else value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


def _filled(layout: dict[str, Any], template: Mapping[str, Any], axes: list[str]) -> dict[str, Any]:
    """`layout` with the template's settings where it has none of its own; each axis takes those of its kind."""
    whole = {
        key: value
        for key, value in template.items()
        if not _AXIS.fullmatch(key) and (key != "title" or "title" in layout)
    }
    for name in {*axes, "xaxis", "yaxis"}:
        kind = _AXIS.fullmatch(name)
        assert kind
        whole[name] = template.get(kind[1], {})
    return _merged(whole, layout)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {**under, **over}
    nested = (
        key for key in under if key in over and isinstance(under[key], Mapping) and isinstance(over[key], Mapping)
    )
    return both | {key: _merged(under[key], over[key]) for key in nested}
