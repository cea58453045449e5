"""A stored run as the screens of presenter mode. No torch."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.present.edit import of_edit
from goldenlayers_core.tasks.present.layers import of_scores, of_sweep
from goldenlayers_core.tasks.present.slide import Slide
from goldenlayers_core.tasks.present.tour_slides import of_tour

MAKERS: Final[Mapping[str, Callable[[Store, RunManifest], tuple[Slide, ...]]]] = MappingProxyType(
    {"tour": of_tour, "edit": of_edit, "score": of_scores, "sweep": of_sweep}
)


def slides(store: Store, run_id: str) -> tuple[Slide, ...]:
    """The screens of a stored run. Raises StoreError where it is missing, damaged, or of a kind without screens."""
    manifest = next((m for m in store.runs() if m.run_id == run_id), None)
    if manifest is None:
        raise StoreError(
            f"The run {run_id} is not in this machine's store; run the tour here, or choose another run to present."
        )
    if manifest.kind not in MAKERS:
        kinds = ", ".join(MAKERS)
        raise StoreError(f"A run of kind {manifest.kind} has no screens; present one of kind {kinds}.")
    return MAKERS[manifest.kind](store, manifest)
