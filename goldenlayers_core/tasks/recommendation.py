"""The recommended layer: the golden layer by the best evidence at hand, always with that evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.formats import percent
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.shipped_evidence import BUNDLED

Evidence = Literal["sweep", "search", "measured", "score"]
FEW: Final = 8  # requests below which real edits are called few

LGA_CAUTION = (
    "LGA compares gradients and has run no edit: on the bundled model its pick is often a poor layer to edit, so try "
    "an early layer beside it."
)
_FEW_EDITS: Final = "Few requests were edited, so another few may choose another layer; sweep at least 8."
_SWEEP: Final = "Real edits chose it on these requests; whether it carries over to other facts, Ground truth shows."
_SEARCH: Final = "A search within a time budget measures some layers on some requests; a full sweep would be surer."
_MEASURED: Final = (
    f"{percent(BUNDLED.sweep.locality)} of neighbours kept their answer there, on {BUNDLED.n_test} other facts; "
    "whether it holds for yours, a sweep on Ground truth shows."
)


@dataclass(frozen=True)
class Recommendation:
    """A layer and why."""

    layer: int
    evidence: str  # one phrase: which scores, on how many requests of what
    caution: str  # one sentence: what the evidence does not prove
    run_id: str  # empty where it comes with the bundled model
    kind: Evidence = "score"


def recommend(store: Store, fingerprint: str) -> Recommendation | None:
    """The best evidence for a model: a stored sweep, else a stored budgeted search, else the sweep that comes with the
    bundled model (docs/evidence.md; it also comes before a few requests of its own), else LGA (design.md section 2).

    Of several runs of one kind the one with most requests, the newest among equals; a sweep of a single layer has not
    chosen anything. Edit-aware analysis is shown as a second opinion and recommends nothing. None when nothing is known
    of this model.
    """
    runs = _telling(store, fingerprint)
    for kind in ("sweep", "search"):
        best = _most([m for m in runs if m.kind == kind and dict(m.summary).get("layers") != "1"])
        if best is not None and (best.n_requests >= FEW or fingerprint != BUNDLED.fingerprint):
            return _by_edits(best, kind)
    if fingerprint == BUNDLED.fingerprint:
        return Recommendation(BUNDLED.sweep.layer, BUNDLED.words, _MEASURED, "", "measured")
    return _of_gradients(runs)


def by_gradients(store: Store, fingerprint: str) -> Recommendation | None:
    """What LGA names, whatever else is known; None where it was not run on this model."""
    return _of_gradients(_telling(store, fingerprint))


def _telling(store: Store, fingerprint: str) -> list[RunManifest]:
    """The runs on a model that name a layer."""
    return [m for m in store.runs() if m.fingerprint == fingerprint and golden_layer(m) is not None]


def _of_gradients(runs: Sequence[RunManifest]) -> Recommendation | None:
    best = _most([m for m in runs if m.kind == "score" and score_method(m) == "lga"])
    return _by_gradients(best) if best is not None else None


def known_fingerprint(store: Store, source: ModelSource) -> str | None:
    """The fingerprint that the newest run on a model recorded; None where there is no run on it."""
    wanted = (source.source, source.revision)
    for run in store.runs():
        asked = run.part("model")
        if (asked.get("source"), asked.get("revision")) == wanted:
            return run.fingerprint
    return None


def _most(runs: Sequence[RunManifest]) -> RunManifest | None:
    return max(runs, key=lambda m: (m.n_requests, m.created), default=None)


def _by_edits(run: RunManifest, kind: Evidence) -> Recommendation:
    layer, summary = golden_layer(run), run.told
    assert layer is not None
    few = run.n_requests < FEW
    name = "a small sweep" if few and kind == "sweep" else "a sweep" if kind == "sweep" else "a budgeted search"
    stability = summary.get("stability", "")
    return Recommendation(
        layer=layer,
        evidence=f"{name} of real {run.word('method', 'rome').upper()} edits, {_requests(run)}"
        + (f", stability {stability}" if stability else ""),
        caution=_FEW_EDITS if few else _SWEEP if kind == "sweep" else _SEARCH,
        run_id=run.run_id,
        kind=kind,
    )


def _requests(run: RunManifest) -> str:
    return f"{run.n_requests} {'request' if run.n_requests == 1 else 'requests'} of {run.dataset}"


def _by_gradients(run: RunManifest) -> Recommendation:
    layer = golden_layer(run)
    assert layer is not None
    stability = run.told.get("stability", "")
    return Recommendation(
        layer=layer,
        evidence=f"LGA on {run.n_requests} requests of {run.dataset}"
        + (f", stability {stability}" if stability else ""),
        caution=LGA_CAUTION,
        run_id=run.run_id,
    )


def golden_layer(manifest: RunManifest) -> int | None:
    """The golden layer a run found."""
    found = dict(manifest.summary).get("golden layer", "")
    return int(found) if found.isdecimal() and len(found) < 6 else None


def score_method(manifest: RunManifest) -> str:
    """By which method a score run scored its layers: "lga" or "edit-aware"."""
    return str(dict(manifest.summary).get("method") or manifest.word("method") or "lga")
