"""A stored run as the screens of presenter mode. No torch. It stands above the wings, beside their table."""

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.kinds import function
from goldenlayers_core.tasks.present.slide import Slide
from goldenlayers_core.tasks.wings import kind_named, with_screens


def slides(store: Store, run_id: str) -> tuple[Slide, ...]:
    """The screens of a stored run. Raises StoreError where it is missing, damaged, or of a kind without screens."""
    manifest = next((m for m in store.runs() if m.run_id == run_id), None)
    if manifest is None:
        raise StoreError(
            f"The run {run_id} is not in this machine's store; run the tour here, or choose another run to present."
        )
    kind = kind_named(manifest.kind)
    if kind is None or not kind.screens:
        kinds = ", ".join(with_screens())
        raise StoreError(f"A run of kind {manifest.kind} has no screens; present one of kind {kinds}.")
    found: tuple[Slide, ...] = function(kind.screens)(store, manifest)
    return found
