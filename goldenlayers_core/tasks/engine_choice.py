"""Where the long work of this cache folder is done: in the app, or by workers of a Ray cluster. No torch."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.runtime import Store
from goldenlayers_core.runtime.engines import Engine, Local, OnRay, Resources, ray_is_here
from goldenlayers_core.tasks.mode import Mode
from goldenlayers_core.tasks.serial import plain, restored

_KIND: Final = "settings"
_NAME: Final = "engine"
ENGINES: Final[dict[str, str]] = {"local": "In this app", "ray": "On a Ray cluster"}


@dataclass(frozen=True)
class EngineChoice:
    """An engine with its settings; those after the name are Ray's."""

    engine: str = "local"
    address: str = ""  # "": a cluster of its own for each run, on this machine; "auto": the one that runs here
    workers: int = 0  # 0: as many as there is room for
    cpus: int = 1  # of each worker
    gpus: int = 0

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ConfigError(f"The engine {self.engine[:30]!r} is not known; give {' or '.join(ENGINES)}.")
        Resources(self.workers, self.cpus, self.gpus)


def engine_of(choice: EngineChoice) -> Engine:
    """The engine. Raises nothing: whether Ray is here is found out when it runs."""
    if choice.engine == "local":
        return Local()
    return OnRay(choice.address.strip(), Resources(choice.workers, choice.cpus, choice.gpus))


def engine_choice(store: Store) -> EngineChoice:
    """What was chosen last for this store; the app's own process where nothing was, or Ray is not installed."""
    try:
        found = store.read_json(_KIND, _NAME, partial(restored, EngineChoice))
    except StoreError:
        return EngineChoice()
    return found if ray_is_here() else EngineChoice()


def choose_engine(store: Store, mode: Mode, choice: EngineChoice) -> None:
    """Keep a choice, for work that begins from now on. Raises ConfigError where strangers are served."""
    if mode.strangers:
        raise ConfigError("Where others are served, the engine is not theirs to choose; run the app without them.")
    store.save_json(_KIND, _NAME, plain(choice))


def may_choose(mode: Mode) -> bool:
    """Whether there is anything to choose."""
    return ray_is_here() and not mode.strangers
