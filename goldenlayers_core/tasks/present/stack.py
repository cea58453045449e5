"""The layer stack of a run's model, for a screen and a report: what names which layer, where edits stand. No torch."""

from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.layer_stack import finding, layer_stack
from goldenlayers_core.results.layer_stack import LayerStack
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.layer_stack import stack_of
from goldenlayers_core.tasks.present.slide import Slide
from goldenlayers_core.tasks.present.stored_tour import open_tour
from goldenlayers_core.tasks.real_edits import data_of, used_in
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.shipped_evidence import shipped
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep

_OF_A_METHOD: Final = ("edit", "many-edits", "sweep", "search")  # runs whose flags are of the method they used


def stack_of_run(store: Store, run: RunManifest) -> LayerStack | None:
    """The layer stack of a run's model; None where nothing says how many layers it has. Raises StoreError."""
    edited: tuple[int, ...] = ()
    data, depth = data_of(run), depth_known(store, run.fingerprint)
    if run.kind == "edit":
        edited = (open_report(store, run.run_id).layer,)
    if run.kind == "tour":
        tour = open_tour(store, run.run_id)
        edited, data, depth = _both(tour.edit_layer, tour.golden_layer), tour.data, tour.n_layers or depth
    if not run.fingerprint or depth <= max(edited, default=0):
        return None
    used = used_in(run) if run.kind in _OF_A_METHOD else MethodUsed()
    family = family_known(store, run.fingerprint)
    return stack_of(store, run.model, run.fingerprint, depth, used, data, edited, family)


def stack_slides(store: Store, run: RunManifest, made: str) -> tuple[Slide, ...]:
    """The diagram, on one screen; none where it is not known how many layers the model has."""
    found = stack_of_run(store, run)
    if found is None:
        return ()
    drawn = layer_stack(found)
    return (
        Slide(
            finding(found),
            say="Every layer of the model, and what names it; gold is the best by real edits."
            if found.best is not None
            else "Every layer of the model, and what names it.",
            draw=lambda dark: layer_stack(found, dark, large=True),
            strip=True,
            table=found.to_frame(),
            how=(str(drawn.layout.meta["subtitle"]), made),
        ),
    )


def _both(*layers: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(layer for layer in layers if layer >= 0))


def depth_known(store: Store, fingerprint: str) -> int:
    """How many layers a model has, by what was measured of all of it; 0 where nothing says so."""
    for run in store.runs():
        if run.fingerprint == fingerprint and run.kind in ("score", "sweep"):
            try:
                return _depth(store, run)
            except StoreError:
                continue
    return max((max(found.layers) + 1 for found in shipped().on(fingerprint) if found.layers), default=0)


def _depth(store: Store, run: RunManifest) -> int:
    if run.kind == "score":
        return open_scores(store, run.run_id)[0].n_layers
    return open_sweep(store, run.run_id).n_layers


def family_known(store: Store, fingerprint: str) -> str:
    """The row of the architecture table that a run of the same weights names; "" where none does."""
    told = (dict(run.provenance).get("model_type", "") for run in store.runs() if run.fingerprint == fingerprint)
    return next(filter(None, told), "")
