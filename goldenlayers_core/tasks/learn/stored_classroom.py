"""The classroom's runs on disk, one per planted layer. No torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models.classroom.place import DEFAULT_LAYER, N_LAYERS, folder_of
from goldenlayers_core.results.learn.classroom import Classroom, PlantedRun
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.questions import Question
from goldenlayers_core.tasks.serial import restored

CLASSROOM_VERSION: Final = "classroom-1"  # changes when a number would come out differently
_KIND: Final = "classroom"


@dataclass(frozen=True)
class ClassroomQuestion(Question):
    """Plant the classroom's fact in these layers, one after the other, and look for it each time."""

    layers: tuple[int, ...] = (DEFAULT_LAYER,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))  # JSON has lists
        if not self.layers or not set(self.layers) <= set(range(N_LAYERS)):
            raise ConfigError(
                f"The classroom has layers 0 to {N_LAYERS - 1}, and layers {list(self.layers)} were asked for; name "
                "one or more of its own."
            )


def run_name(layer: int, cache: Path) -> str:
    """Under what the store keeps the run of one planted layer; another model or another measurement has another."""
    return f"{folder_of(layer, cache).name}-{CLASSROOM_VERSION}"


def save_planted(store: Store, name: str, run: PlantedRun) -> None:
    """Store one run; the numbers as an array, the rest as text."""
    rest = {key: value for key, value in vars(run).items() if key != "values"}
    store.save_arrays(_KIND, name, {"values": run.values}, {"run": json.dumps(rest, ensure_ascii=False)})


def open_planted(store: Store, name: str) -> PlantedRun:
    """One stored run. Raises StoreError when it is missing or damaged."""
    return store.read_arrays(
        _KIND,
        name,
        lambda arrays, texts: restored(PlantedRun, {**json.loads(texts["run"]), "values": arrays["values"]}),
    )


def stored_layers(store: Store, cache: Path) -> tuple[int, ...]:
    """The planted layers that were looked for already."""
    names = set(store.names(_KIND))
    return tuple(layer for layer in range(N_LAYERS) if run_name(layer, cache) in names)


def open_classroom(store: Store, cache: Path, layers: tuple[int, ...]) -> Classroom:
    """The stored runs of these planted layers. Raises StoreError when one is missing or damaged."""
    return Classroom(tuple(open_planted(store, run_name(layer, cache)) for layer in layers))
