"""The layer stack as a screen: what names which layer of the model, and where the edits stand. No torch."""

from collections.abc import Sequence

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.layer_stack import finding, layer_stack
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.layer_stack import stack_of
from goldenlayers_core.tasks.present.slide import Slide
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.shipped_evidence import shipped
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep


def stack_slides(
    store: Store,
    model: str,
    fingerprint: str,
    made: str,
    *,
    used: MethodUsed,
    data: str = "",
    n_layers: int = 0,
    edited: Sequence[int] = (),
    model_type: str = "",
) -> tuple[Slide, ...]:
    """The diagram, on one screen; none where nothing says how many layers the model has (`n_layers` 0: unknown)."""
    depth = n_layers or depth_known(store, fingerprint)
    if depth <= max(edited, default=0):
        return ()
    family = model_type or _family(store, fingerprint)
    found = stack_of(store, model, fingerprint, depth, used, data, edited, family)
    drawn = layer_stack(found)
    return (
        Slide(
            finding(found),
            say="Every layer of the model, and what names it; gold is the best by real edits.",
            draw=lambda dark: layer_stack(found, dark, large=True),
            strip=True,
            table=found.to_frame(),
            how=(str(drawn.layout.meta["subtitle"]), made),
        ),
    )


def depth_known(store: Store, fingerprint: str) -> int:
    """How many layers a model has, by what was measured of all of it; 0 where nothing says so."""
    for run in store.runs():
        if run.fingerprint == fingerprint and run.kind in ("score", "sweep"):
            try:
                return (
                    open_scores(store, run.run_id)[0] if run.kind == "score" else open_sweep(store, run.run_id)
                ).n_layers
            except StoreError:
                continue
    return max((max(found.layers) + 1 for found in shipped().on(fingerprint) if found.layers), default=0)


def _family(store: Store, fingerprint: str) -> str:
    """The row of the architecture table that a run of the same weights names; "" where none does."""
    told = (dict(run.provenance).get("model_type", "") for run in store.runs() if run.fingerprint == fingerprint)
    return next(filter(None, told), "")
