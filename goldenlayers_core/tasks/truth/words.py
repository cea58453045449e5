"""The layer card in words: which layer to use and how sure that is, and what to keep in mind. No torch."""

import json
from collections.abc import Sequence
from typing import Final

from goldenlayers_core.attribution.standing import Apart, Standing, standing
from goldenlayers_core.figures.text import capital, counted, layer_list, listed, number, percent
from goldenlayers_core.results import WAYS, Pick, SweepResult, Way
from goldenlayers_core.results.truth.advice import FEW, Recommendation
from goldenlayers_core.results.truth.measured import Covariance, MethodUsed, method_used
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.real_edits import data_of, same_data
from goldenlayers_core.tasks.recommendation import strength_of
from goldenlayers_core.tasks.truth.judgement import SEED, difference, left_out_regret, rivals

_WRITTEN: Final[tuple[tuple[Covariance, str], ...]] = (("identity", "without"), ("covariance", "with"))


def sentence(
    picks: Sequence[Pick], sweep: SweepResult | None, advice: Recommendation | None, run_id: str, n_resamples: int
) -> str:
    """Which layer to edit, no stronger than the interval allows; says so where LGA picks badly.

    `advice` is the recommendation for the sweep's model, method and data: where other edits decide it, both are said.
    """
    if sweep is None:
        return _unjudged(picks, advice)
    found = standing(sweep.score, sweep.layers, n_resamples, SEED)
    sure = _how_sure(sweep, found, n_resamples)
    parts = [f"{_headline(found)}: {sure}"]
    if advice is not None and advice.decides_over(run_id):
        parts = [f"{advice.headline}, by {advice.brief}", f"this sweep's best is layer {found.layer}: {sure}"]
    lga = _of(picks, "lga").layer
    if lga is not None:
        parts.append(_about_lga(lga, found.layer, difference(sweep, found.layer, lga, n_resamples), sweep.n_requests))
    return f"{'; '.join(parts)}."


def other_sample(run: RunManifest, advice: Recommendation | None) -> str:
    """Where a sweep on show and the recommendation come from different requests of the same data: which is of which,
    and why their numbers differ; "" where they do not stand beside each other like that."""
    if advice is None or advice.kind not in ("sweep", "measured") or advice.run_id == run.run_id:
        return ""
    if not same_data(data_of(run), advice.data):
        return ""
    return (
        f"{counted(run.n_requests, 'request')} here; the recommended layer is by {advice.brief}: scores differ because "
        "the requests do."
    )


def headline_of(sweep: SweepResult) -> str:
    """What a sweep by itself says to do, no stronger than its requests allow."""
    return _headline(standing(sweep.score, sweep.layers, seed=SEED))


def _headline(found: Standing) -> str:
    return Recommendation(
        found.layer, "", "", "", strength=strength_of(found, other_data=False), level=found.level
    ).headline


def _of(picks: Sequence[Pick], way: Way) -> Pick:
    return picks[WAYS.index(way)]


def _unjudged(picks: Sequence[Pick], advice: Recommendation | None) -> str:
    """Without a sweep here: the best evidence there is; of an estimate, that nobody has judged it."""
    search, lga = _of(picks, "search"), _of(picks, "lga")
    if advice is not None and advice.kind == "search" and search.layer == advice.layer:
        return f"{advice.headline}: a budgeted search of real edits ended with it ({search.source})."
    if advice is not None and advice.kind != "score":
        return advice.sentence
    if lga.layer is None:
        return "No layer can be named from this store yet: nothing was measured on this model here."
    return (
        f"Estimate: layer {lga.layer} by gradients (LGA, {lga.source}), and how good it is nobody knows yet: no real "
        "edit has judged it."
    )


def _how_sure(sweep: SweepResult, found: Standing, n_resamples: int) -> str:
    if sweep.n_requests == 1:
        return "the best layer of one single request, which says little about others"
    level = rivals(sweep, n_resamples)
    others = f"{_layers(level)} {'is' if len(level) == 1 else 'are'} level with it" if level else "no other is level"
    few = f"only {sweep.n_requests} requests were swept, " if sweep.n_requests < FEW else ""
    return f"{few}{percent(found.share)} of resamples choose layer {found.layer} again and {others}"


def _layers(layers: Sequence[int]) -> str:
    return layer_list(layers) if len(layers) <= 4 else f"{len(layers)} layers ({', '.join(map(str, layers[:3]))}, …)"


def _about_lga(lga: int, golden: int, apart: Apart | None, n_requests: int) -> str:
    if lga == golden:
        return "LGA chooses it, too"
    if apart is None:
        return f"LGA's layer {lga} was not measured"
    if n_requests == 1:
        return f"LGA's layer {lga} scores {number(apart.mean, 2)} less on it"
    if apart.low > 0:
        return (
            f"LGA picks badly here: its layer {lga} scores {number(apart.mean, 2)} less "
            f"({number(apart.low, 2)} to {number(apart.high, 2)} less)"
        )
    return f"LGA's layer {lga} scores {number(apart.mean, 2)} less, which these requests cannot tell from none"


def remarks(picks: Sequence[Pick], sweep: SweepResult | None) -> tuple[str, ...]:
    """What to keep in mind when reading the card."""
    if sweep is None:
        return ("Nothing here is judged: regret needs a sweep of real edits.",)
    found = [_chosen_here(sweep)]
    if len(sweep.layers) < sweep.n_layers:
        found.append(
            f"{len(sweep.layers)} of {sweep.n_layers} layers were measured; the best of the others is not known."
        )
    apart = [
        f"{pick.info.said}'s layer {pick.layer}"
        for pick in picks
        if pick.layer is not None and pick.layer not in sweep.layers
    ]
    if apart:
        found.append(f"Not judged, because no edit was measured there: {', '.join(apart)}.")
    search = _of(picks, "search")
    if search.layer is not None:
        found.append(f"The budgeted search chose from {search.source}; where those are judged here too, that flatters.")
    others = [pick.info.said for pick in picks if pick.info.kind == "estimate" and _elsewhere(pick, sweep)]
    if others:
        found.append(f"Chosen on other requests than exactly those judged: {', '.join(others)}.")
    found += _otherwise_edited(picks, method_used(sweep.method, json.loads(sweep.config)))
    if sweep.skipped:
        found.append(f"Left out, because they could not be edited: {counted(len(sweep.skipped), 'request')}.")
    return tuple(found)


def _otherwise_edited(picks: Sequence[Pick], used: MethodUsed) -> list[str]:
    """That some estimates predict other edits than those measured; nothing where they do not."""
    found = []
    for setting, words in _WRITTEN:
        names = [pick.info.said for pick in picks if pick.covariance == setting and pick.layer is not None]
        if names and used != MethodUsed("rome", setting):
            said = f"{capital(listed(names))} {'predict' if names[1:] else 'predicts'} ROME edits {words}"
            found.append(f"{said} a key covariance; measured here: {used.words}.")
    return found


def _chosen_here(sweep: SweepResult) -> str:
    fair = left_out_regret(sweep)
    text = f"Layer {sweep.golden_layer} was chosen on the very requests it is judged on, which flatters it"
    if fair is None:
        return f"{text}."
    return f"{text}; chosen on all requests but one and judged on that one, the regret is {number(fair, 2)}."


def _elsewhere(pick: Pick, sweep: SweepResult) -> bool:
    """Whether a layer comes from another choice of requests than the sweep's, by its words."""
    return pick.layer is not None and pick.source != f"{sweep.n_requests:,} requests of {sweep.dataset}"
