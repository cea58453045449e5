"""The recommended layer: the golden layer by the best evidence at hand, always with that evidence."""

from dataclasses import dataclass

from goldenlayers_core.runtime import RunManifest, Store


@dataclass(frozen=True)
class Recommendation:
    """A layer and why."""

    layer: int
    evidence: str  # one phrase: which scores, on how many requests of what
    caution: str  # one sentence: what the evidence does not prove
    run_id: str


LGA_CAUTION = (
    "LGA compares gradients and has run no edit: on the bundled model its pick is often a poor layer to edit, so try "
    "an early layer beside it."
)


def recommend(store: Store, fingerprint: str) -> Recommendation | None:
    """The best evidence in the store for a model: the LGA run with the most requests, the newest among equals.

    None when nothing is stored for this model.
    """
    runs = [
        m for m in store.runs() if m.kind == "score" and m.fingerprint == fingerprint and golden_layer(m) is not None
    ]
    if not runs:
        return None
    best = max(runs, key=lambda m: (m.n_requests, m.created))
    layer = golden_layer(best)
    assert layer is not None
    stability = dict(best.summary).get("stability", "")
    return Recommendation(
        layer=layer,
        evidence=f"LGA on {best.n_requests} requests of {best.dataset}"
        + (f", stability {stability}" if stability else ""),
        caution=LGA_CAUTION,
        run_id=best.run_id,
    )


def golden_layer(manifest: RunManifest) -> int | None:
    """The golden layer a score run found."""
    found = dict(manifest.summary).get("golden layer", "")
    return int(found) if found.isdigit() else None
