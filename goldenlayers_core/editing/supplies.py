"""What an edit is computed with, beside its request and its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.moments import KeyMoments


@dataclass(frozen=True, eq=False)
class Supplies:
    """Everything a method may need and cannot make itself; each takes what it needs."""

    templates: tuple[str, ...] = ("{}",)  # context templates, the bare prompt first
    moments: Mapping[int, KeyMoments] = field(default_factory=dict)  # by layer; {}: the identity
    earlier: tuple[Edit, ...] = ()  # the stack below, oldest first, which the caller has laid over the model
