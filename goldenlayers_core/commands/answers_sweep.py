"""A sweep as the JSON that the command line prints (design.md section 6), and as lines for a person."""

import math
from typing import Any

import numpy as np

from goldenlayers_core.attribution.regret import oracle_layers
from goldenlayers_core.results import PROBE_METRICS, Floats, LayerCard, Pick, SweepResult, Way
from goldenlayers_core.results.formats import NOT_ASKED
from goldenlayers_core.tasks.truth.judgement import curve, steadiness
from goldenlayers_core.tasks.truth.needed import requests_needed

KEYS: tuple[tuple[str, Way], ...] = (
    ("golden", "sweep"),
    ("lga", "lga"),
    ("edit_aware", "edit_aware"),
    ("line_check", "line_check"),
    ("damage", "damage"),
    ("causal_trace", "causal_trace"),
    ("literature_default", "literature_default"),
    ("middle", "middle"),
)


def number(value: float) -> float | None:
    """A number JSON can hold: null for what was not measured."""
    return float(value) if math.isfinite(value) else None


def sweep_answer(sweep: SweepResult, card: LayerCard, dataset: str, run_id: str) -> dict[str, Any]:
    """What real edits found, and what every way to choose a layer gives away by them; null where not computed."""
    scores = sweep.score
    means = {name: sweep.mean(name) for name in (*PROBE_METRICS, "score")}
    searched = card.pick("search")
    return {
        "model": sweep.model,
        "dataset": dataset,
        "requests_of": sweep.dataset,
        "method": sweep.method,
        "edits": sweep.used.edits,
        "n_requests": sweep.n_requests,
        "golden_layer": sweep.golden_layer,
        "not_asked": [name for name in PROBE_METRICS if np.isnan(means[name]).all()],
        "layers": [_layer(layer, place, means) for place, layer in enumerate(sweep.layers)],
        "requests": [
            {"case_id": case, "oracle_layers": list(best), "scores": row.tolist()}
            for case, best, row in zip(sweep.case_ids, oracle_layers(scores, sweep.layers), scores, strict=True)
        ],
        "regret": {key: card.pick(way).regret for key, way in KEYS},
        "regret_intervals": {key: _interval(card.pick(way)) for key, way in KEYS},
        "picks": {key: card.pick(way).layer for key, way in KEYS},
        "reasons": {key: card.pick(way).source for key, way in KEYS if card.pick(way).layer is None},
        "search": {"layer": searched.layer, "regret": searched.regret, "interval": _interval(searched)},
        "oracle_score": card.oracle_score,
        "score_intervals": [[number(low), number(high)] for low, high in curve(sweep, "score").interval],
        "stability": {
            "golden_layer_share": float(steadiness(sweep)[sweep.layers.index(sweep.golden_layer)]),
            "n_resamples": card.n_resamples,
        },
        "requests_needed": _needed(sweep),
        "sentence": card.sentence,
        "remarks": list(card.remarks),
        "skipped": [{"case_id": case, "reason": reason} for case, reason in sweep.skipped],
        "seconds": sweep.seconds,
        "seconds_per_edit": number(sweep.seconds_per_edit),
        "n_computed": sweep.n_computed,
        "run": run_id,
    }


def _needed(sweep: SweepResult) -> dict[str, Any] | None:
    """How many requests choose a layer about as good as the best; null where too few were swept to say."""
    found = requests_needed(sweep)
    if found is None:
        return None
    within = [
        {"within": margin, "chances": chances.tolist()}
        for margin, chances in zip(found.margins, found.chance, strict=True)
    ]
    return {"enough": found.enough, "wanted": found.wanted, "numbers": list(found.numbers), "chances": within}


def _layer(layer: int, place: int, means: dict[str, Floats]) -> dict[str, float | int | None]:
    return {"layer": layer, **{name: number(float(values[place])) for name, values in means.items()}}


def _interval(pick: Pick) -> list[float] | None:
    return None if pick.low is None or pick.high is None else [pick.low, pick.high]


def sweep_lines(content: dict[str, Any], card: LayerCard) -> list[str]:
    """The same for a person."""
    return [
        f"{content['model']}, {content['edits']} of {content['n_requests']} requests of {content['requests_of']}",
        *(
            f"  layer {entry['layer']:3} score {entry['score']:.3f} {'#' * round(40 * entry['score'])}"
            for entry in content["layers"]
        ),
        *([f"  {NOT_ASKED}: {', '.join(content['not_asked'])}"] if content["not_asked"] else []),
        f"  {'way to choose':28} layer  regret (95 % interval)",
        *(_pick_line(pick) for pick in card.picks),
        card.sentence,
        *card.remarks,
    ]


def _pick_line(pick: Pick) -> str:
    name = f"  {pick.info.title:28}"
    if pick.layer is None:
        return f"{name}     -  {pick.source}"
    if pick.regret is None:
        return f"{name} {pick.layer:5}  no edit was measured there"
    return f"{name} {pick.layer:5}  {pick.regret:.3f} ({pick.low:.3f} to {pick.high:.3f})"
