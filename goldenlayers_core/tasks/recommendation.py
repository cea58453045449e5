"""The recommended layer: one answer for a model, a method of editing and its data, always with its evidence. No torch.

Real edits of that very method decide. Their words follow the interval (results.truth.advice): other data never make a
layer one to "use", few requests tell too little, and gradients alone give an estimate.
"""

import json
from collections.abc import Sequence
from typing import Final

from goldenlayers_core.attribution.regret import golden_of
from goldenlayers_core.attribution.standing import Standing, behind, standing
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import counted
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.formats import number, percent
from goldenlayers_core.results.scores.readings import LOSS_WORDS
from goldenlayers_core.results.truth.advice import FEW, Evidence, Recommendation, Strength
from goldenlayers_core.results.truth.measured import Covariance, Measured, MethodUsed
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.layer_said import lost, said_of
from goldenlayers_core.tasks.real_edits import DAMAGED, Edits, deciding, golden_layer, opened, real_edits, same_data

__all__ = [
    "FEW",
    "Evidence",
    "Recommendation",
    "by_gradients",
    "golden_layer",
    "known_fingerprint",
    "none_yet",
    "of_table",
    "predicted_covariance",
    "recommend",
    "score_method",
    "strength_of",
]

_FEW_EDITS: Final = f"Few requests were edited, so another few may choose another layer; sweep at least {FEW}."
_SWEEP: Final = "Real edits chose it on these requests; whether it carries over to other facts, Ground truth shows."
_SEARCH: Final = "A search within a time budget measures some layers on some requests; a full sweep would be surer."
_MADE_WITH: Final = "that come with the model"
HALF: Final = 0.5  # share of resamples from which on a layer is preferred to those level with it


def recommend(store: Store, fingerprint: str, used: MethodUsed | None = None, data: str = "") -> Recommendation | None:
    """The layer for a method (None: ROME as it is) on a data set ("": any), by the best evidence.

    Real edits of the method, stored or shipped, decide (real_edits.deciding); a sweep of a single layer has not chosen
    anything. Without them LGA's layer is an estimate; edit-aware analysis is a second opinion and recommends nothing.
    None when nothing is known of this model.
    """
    used = used or MethodUsed()
    best = deciding(real_edits(store, fingerprint), used, data)
    if best is not None:
        return _by_edits(store, best, data)
    return by_gradients(store, fingerprint, used, data)


def by_gradients(
    store: Store, fingerprint: str, used: MethodUsed | None = None, data: str = ""
) -> Recommendation | None:
    """What LGA names, whatever else is known; None where it was not run on this model."""
    used = used or MethodUsed()
    runs = [
        m for m in store.runs() if m.fingerprint == fingerprint and m.kind == "score" and golden_layer(m) is not None
    ]
    run = _most([m for m in runs if score_method(m) == "lga"])
    if run is None:
        return None
    layer, stability = golden_layer(run), run.told.get("stability", "")
    assert layer is not None
    evidence = f"LGA on {run.n_requests} requests of {run.dataset}, {loss_words(run)}"
    evidence += f", stability {stability}" if stability else ""
    setting = used.covariance or "identity"
    other = _most([m for m in runs if score_method(m) == "edit-aware" and predicted_covariance(m) == setting])
    evidence += f"; edit-aware analysis names layer {golden_layer(other)}" if other is not None else ""
    return Recommendation(
        layer=layer,
        evidence=evidence,
        caution=said_of(store, fingerprint, "LGA", layer, used, data),
        run_id=run.run_id,
        n_requests=run.n_requests,
        method=used.words,
        brief=f"LGA on {counted(run.n_requests, 'request')}" + (f", stability {stability}" if stability else ""),
    )


def none_yet(found: Recommendation | None, used: MethodUsed) -> str:
    """That no real edit of a method was measured, with what to do; "" where some were."""
    if found is not None and found.kind != "score":
        return ""
    return f"None for {used.words} yet: no real {used.edits} of this model were measured. A sweep makes them."


def loss_words(run: RunManifest) -> str:
    """Which reading of LGA a score run's layer is of; runs from before there were two do not say, and are of one."""
    return LOSS_WORDS.get(str(run.part("config").get("loss_on", "answer")), "")


def known_fingerprint(store: Store, source: ModelSource) -> str | None:
    """The fingerprint that the newest run on a model recorded; None where there is no run on it."""
    wanted = (source.source, source.revision)
    for run in store.runs():
        asked = run.part("model")
        if (asked.get("source"), asked.get("revision")) == wanted:
            return run.fingerprint
    return None


def score_method(manifest: RunManifest) -> str:
    """By which method a score run scored its layers, one of records.SCORE_METHODS."""
    return str(dict(manifest.summary).get("method") or manifest.word("method") or "lga")


def predicted_covariance(run: RunManifest) -> Covariance:
    """With which covariance setting the edits are written that a run predicts; "" where it predicts none."""
    if run.kind != "score" or score_method(run) == "lga":
        return ""
    return "covariance" if dict(run.provenance).get("covariance") else "identity"


def _most(runs: Sequence[RunManifest]) -> RunManifest | None:
    return max(runs, key=lambda m: (m.n_requests, m.created), default=None)


def _by_edits(store: Store, best: Edits, data: str) -> Recommendation:
    table = opened(store, best)
    if table is not None:
        return of_table(best, table, data)
    assert best.run is not None
    layer, stability = golden_layer(best.run), best.run.told.get("stability", "")
    assert layer is not None
    strength, level = _of_search(store, best.run, layer)
    return Recommendation(
        layer=layer,
        evidence=f"{_named(best)}, {best.counted}" + (f", stability {stability}" if stability else ""),
        caution=_caution(best, None, data),
        run_id=best.run.run_id,
        kind=best.kind,
        strength="few" if best.n_requests < FEW else strength,
        level=level,
        n_requests=best.n_requests,
        method=best.used.words,
        data=best.data,
        other_data=_other(best, data),
        brief=_brief(best),
    )


def of_table(edits: Edits, table: Measured, data: str = "") -> Recommendation:
    """The recommendation that a table of real edits makes, with its interval.

    Among the layers where half of the edits take, if there are any: an edit that changes nothing keeps every neighbour,
    and may score more than one that takes.
    """
    taking = table.taking(HALF)
    found, other = standing(taking.score, taking.layers), _other(edits, data)
    interval = f"95 % interval {number(found.low, 2)} to {number(found.high, 2)}"
    return Recommendation(
        layer=found.layer,
        evidence=f"{_named(edits)}, {edits.counted}, stability {percent(found.share)}; "
        f"layer {found.layer} scores {number(found.score, 2)} ({interval})",
        caution=_caution(edits, table, data) + left_alone(table, found.layer),
        run_id=table.run_id,
        kind=edits.kind,
        strength=strength_of(found, other),
        level=found.level,
        n_requests=found.n_requests,
        method=edits.used.words,
        data=edits.data,
        other_data=other,
        brief=_brief(edits),
    )


def left_alone(table: Measured, layer: int) -> str:
    """What is to be said where another layer scores more by leaving the model as it is, or no edit takes anywhere."""
    best = golden_of(table.score, table.layers)
    takes, more, of_best = table.mean("rewrite", layer), table.mean("score", best), table.mean("rewrite", best)
    if takes is not None and takes < HALF:
        return f" At no layer do half of the edits take ({percent(takes)} at layer {layer}): try another method first."
    if best == layer or more is None or of_best is None:
        return ""
    return f" Layer {best} scores {number(more, 2)}, but only {percent(of_best)} of its edits take."


def strength_of(found: Standing, other_data: bool) -> Strength:
    """How strong the words for the best layer of some requests may be."""
    if found.n_requests < FEW:
        return "few"
    if found.level == (found.layer,):
        return "prefer" if other_data else "use"
    return "prefer" if found.share >= HALF else "level"


def _of_search(store: Store, run: RunManifest, layer: int) -> tuple[Strength, tuple[int, ...]]:
    """How sure a search's winner is, by its lead over the runner-up; what is level with it. Of a run that cannot be
    read, all there is is what lists know of it."""
    try:
        told = json.loads(store.load_run(run.run_id).texts.get("search", "{}"))
        lead, rival, confidence = told.get("lead"), told.get("rival"), float(told.get("confidence", 0))
        if not lead or not isinstance(rival, int) or float(lead[1]) > 0:
            return "prefer", ()
    except (GoldenLayersError, AttributeError, *DAMAGED):
        return "prefer", ()
    return ("prefer" if confidence >= HALF else "level"), tuple(sorted((layer, rival)))


def _other(edits: Edits, data: str) -> bool:
    return bool(data) and bool(edits.data) and not same_data(edits.data, data)


def _brief(edits: Edits) -> str:
    """`24 requests of real ROME edits that come with the model`."""
    edited = f"{counted(edits.n_requests, 'request')} of real {edits.used.edits}"
    return {"measured": f"{edited} that come with the model", "search": f"a search on {edited}"}.get(edits.kind, edited)


def _named(edits: Edits) -> str:
    few = edits.n_requests < FEW
    name = {"search": "a budgeted search"}.get(edits.kind, "a small sweep" if few else "a sweep")
    return f"{name} of real {edits.used.edits}" + (f" {_MADE_WITH}" if edits.kind == "measured" else "")


def _caution(edits: Edits, table: Measured | None, data: str) -> str:
    if _other(edits, data):
        return f"Measured on other data ({edits.data}), not on yours: which layer is best there, a sweep shows."
    if edits.n_requests < FEW:
        return _FEW_EDITS
    if edits.kind == "search":
        return _SEARCH
    return (carried(table) if table is not None else "") or _SWEEP


def carried(table: Measured) -> str:
    """What the layer chosen on the proxy part gives away on the test part; "" where one of them is missing."""
    proxy, test = table.of_part("proxy"), table.of_part("test")
    if len(proxy) < FEW or len(test) < FEW:
        return ""
    chosen, best = golden_of(proxy, table.layers), golden_of(test, table.layers)
    if chosen == best:
        return f"Layer {chosen}, chosen on {len(proxy)} of these requests, is the best on the {len(test)} others, too."
    apart = behind(test, table.layers, best, chosen)
    assert apart is not None
    return (
        f"Chosen on {len(proxy)} of these requests it would be layer {chosen}, which on the {len(test)} others scores "
        f"{lost(apart)} than their own best, layer {best}."
    )
