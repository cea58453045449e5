"""What the classroom's models are called, and where they are kept. No torch: `make app` asks this at every start.

`classroom` is the model with the fact planted in the default layer, `classroom:3` with it in layer 3, `classroom:base`
the one before anything was planted.
"""

import hashlib
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ModelNotFoundError
from goldenlayers_core.models.drafts import is_complete
from goldenlayers_core.places import assets_folder

NAME: Final = "classroom"
BASE: Final = "base"
N_LAYERS: Final = 8
DEFAULT_LAYER: Final = 4
_VERSION: Final = 1  # changes when teaching or planting would give other weights


def is_classroom(source: str) -> bool:
    """Whether a model's source names the classroom."""
    return source == NAME or source.startswith(f"{NAME}:")


def planted_layer(source: str) -> int | None:
    """The layer that a source names; None for the base. Raises ModelNotFoundError for anything else."""
    wanted = source.removeprefix(NAME).removeprefix(":")
    if wanted == BASE:
        return None
    if not wanted:
        return DEFAULT_LAYER
    if wanted.isdecimal() and int(wanted) < N_LAYERS:
        return int(wanted)
    raise ModelNotFoundError(
        f"The classroom has no model {source!r}; write {NAME}, {NAME}:0 to {NAME}:{N_LAYERS - 1} for the layer the "
        f"fact is planted in, or {NAME}:{BASE}."
    )


def source_of(layer: int | None) -> str:
    """The source that names the model with the fact in `layer`; of the base for None."""
    return f"{NAME}:{BASE if layer is None else layer}"


def title_of(layer: int | None) -> str:
    """What the model is called on screen."""
    return "Classroom, nothing planted" if layer is None else f"Classroom, fact planted in layer {layer}"


def facts_file() -> Path:
    """The invented facts: training and the dataset are made of them."""
    return assets_folder() / "datasets" / "source" / "classroom.json"


def folder_of(layer: int | None, cache: Path) -> Path:
    """Where a model is kept; other facts and other training have another folder."""
    digest = hashlib.sha256(facts_file().read_bytes()).hexdigest()[:8]
    return cache / "models" / f"{NAME}-{_VERSION}-{digest}-{BASE if layer is None else f'layer-{layer}'}"


def is_ready(layer: int | None, cache: Path) -> bool:
    """Whether a model is there and complete."""
    return is_complete(folder_of(layer, cache))
