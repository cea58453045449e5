"""p-ROME: ROME with the bare prompt's key in every place (Gupta et al. 2024, arXiv 2403.07175); see `rome`."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rome import LITERATURE, rome, rome_many
from goldenlayers_core.editing.value_settings import ValueSettings


@dataclass(frozen=True)
class PRomeConfig(ValueSettings):
    """ROME's settings; the templates are for the value alone."""


METHOD: Final = MethodInfo(
    name="p-rome",
    title="p-ROME",
    description="ROME with the bare prompt's key in every place, so that it holds in no context but its own.",
    config_class=PRomeConfig,
    run=partial(rome, name="p-rome"),
    run_many=partial(rome_many, name="p-rome"),
    literature=LITERATURE,
)
