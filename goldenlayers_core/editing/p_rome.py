"""p-ROME: ROME with the bare prompt's key in every place (Gupta et al. 2024, arXiv 2403.07175); see `rome`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rome import LITERATURE, rome, rome_many
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.value_settings import ValueSettings
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest


@dataclass(frozen=True)
class PRomeConfig(ValueSettings):
    """ROME's settings; the templates are for the value alone."""


def p_rome(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: PRomeConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
) -> Edit:
    """As `rome`, with p-ROME's update. Raises what `rome` raises."""
    return rome(handle, request, layer, config, supplies, progress, name="p-rome")


def p_rome_many(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    config: PRomeConfig,
    supplies: Supplies,
    between: Callable[[], None] | None = None,
    token_budget: int | None = None,
) -> Iterator[tuple[int, tuple[Edit | str, ...]]]:
    """As `rome_many`, with p-ROME's update."""
    return rome_many(handle, requests, layers, config, supplies, between, token_budget, name="p-rome")


METHOD: Final = MethodInfo(
    name="p-rome",
    title="p-ROME",
    description="ROME with the bare prompt's key in every place, so that it holds in no context but its own.",
    config_class=PRomeConfig,
    run=p_rome,
    run_many=p_rome_many,
    literature=LITERATURE,
)
