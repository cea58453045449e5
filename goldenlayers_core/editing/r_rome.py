"""R-ROME: ROME with one kind of key in every place (Gupta et al. 2024, arXiv 2403.07175); the update is in `rome`."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rome import LITERATURE, RomeConfig, rome, rome_many
from goldenlayers_core.editing.settings import setting


@dataclass(frozen=True)
class RRomeConfig(RomeConfig):
    """ROME's settings, with consistent keys."""

    consistent_keys: bool = setting(
        True, "Consistent keys", "The averaged key in every place; without it this is ROME."
    )


METHOD: Final = MethodInfo(
    name="r-rome",
    title="R-ROME",
    description="ROME with the averaged key in every place: without its rare destructive edits (Gupta et al. 2024).",
    config_class=RRomeConfig,
    run=partial(rome, name="r-rome"),
    run_many=partial(rome_many, name="r-rome"),
    literature=LITERATURE,
)
