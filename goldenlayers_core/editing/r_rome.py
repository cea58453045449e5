"""R-ROME: ROME with one kind of key in every place (Gupta et al. 2024, arXiv 2403.07175); the update is in `rome`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rome import LITERATURE, RomeConfig, rome, rome_many
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest


@dataclass(frozen=True)
class RRomeConfig(RomeConfig):
    """ROME's settings, with consistent keys."""

    consistent_keys: bool = setting(
        True, "Consistent keys", "The averaged key in every place; without it this is ROME."
    )


def r_rome(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: RRomeConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
) -> Edit:
    """As `rome`, with R-ROME's update. Raises what `rome` raises."""
    return rome(handle, request, layer, config, supplies, progress, name="r-rome")


def r_rome_many(
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    config: RRomeConfig,
    supplies: Supplies,
    between: Callable[[], None] | None = None,
    token_budget: int | None = None,
) -> Iterator[tuple[int, tuple[Edit | str, ...]]]:
    """As `rome_many`, with R-ROME's update."""
    return rome_many(handle, requests, layers, config, supplies, between, token_budget, name="r-rome")


METHOD: Final = MethodInfo(
    name="r-rome",
    title="R-ROME",
    description="ROME with the averaged key in every place: without its rare destructive edits (Gupta et al. 2024).",
    config_class=RRomeConfig,
    run=r_rome,
    run_many=r_rome_many,
    literature=LITERATURE,
)
