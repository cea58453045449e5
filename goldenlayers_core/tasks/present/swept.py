"""The screens of a sweep: the layer to use, every way's pick on the real curve, what an edit costs, what is given away.

No torch.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from goldenlayers_core import figures
from goldenlayers_core.figures.present.kept import few_regrets, kept_lines
from goldenlayers_core.figures.text import counted, layer_list, number, percent
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.figures.truth.two_layers import two_layers
from goldenlayers_core.results import PROBE_METRICS, SCORE, LayerCard, SweepResult
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.present.covers import closing, cover
from goldenlayers_core.tasks.present.layers import pictured
from goldenlayers_core.tasks.present.slide import Number, Slide
from goldenlayers_core.tasks.present.stack import stack_slides
from goldenlayers_core.tasks.truth.judgement import curve, rivals, steadiness
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.words import headline_of

_WHOSE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "search": "The budgeted search's layer",
        "edit_aware": "Edit-aware analysis",
        "line_check": "The line check",
        "damage": "The damage to general text",
        "lga": "The gradients' layer",
        "causal_trace": "Causal tracing",
        "literature_default": "The literature's layer",
        "middle": "The middle layer",
    }
)


def of_sweep(store: Store, manifest: RunManifest) -> tuple[Slide, ...]:
    """The layer to use, every way's pick on the real curve, what decides, every request, what each way gives away."""
    sweep = open_sweep(store, manifest.run_id)
    facts = ModelFacts(sweep.model, sweep.fingerprint, sweep.n_layers, sweep.provenance.get("model_type", ""))
    card = layer_card(store, facts, sweep, manifest.run_id, sweep.method)
    made = f"{about(sweep)} {manifest.run_id}."
    curves = [curve(sweep, name) for name in PROBE_METRICS]
    kept = str(kept_lines(curves, sweep.golden_layer, about(sweep)).layout.meta["title"])
    edits = f"{sweep.n_requests * len(sweep.layers):,} real edits"
    return (
        _title(sweep, manifest, edits),
        _use(sweep, card, made),
        picks(sweep, card, made),
        pictured(
            kept,
            "A good layer takes the fact, also in other words, and leaves other facts alone.",
            lambda dark: kept_lines(curves, sweep.golden_layer, about(sweep), dark),
            made,
        ),
        pictured(
            f"{edits}, each measured",
            "A row is a fact, a column a layer; the stronger the colour, the better the edit there.",
            lambda dark: figures.sweep_heatmap(sweep, "best", dark),
            made,
        ),
        pictured(
            _given_away(card),
            "Regret: how much an edit scores below the best layer of each single fact.",
            lambda dark: few_regrets(card, dark),
            made,
        ),
        *stack_slides(store, manifest, made),
        closing(_headline(sweep, card), _points(sweep, card, kept), manifest),
    )


def _headline(sweep: SweepResult, card: LayerCard) -> str:
    """What the sweep says to do; that it alone says so, where other edits decide what is recommended."""
    own = headline_of(sweep)
    return own if card.sentence.startswith(own) else f"By this sweep alone: {own[:1].lower()}{own[1:]}"


def _title(sweep: SweepResult, manifest: RunManifest, edits: str) -> Slide:
    return cover(
        manifest,
        "Which layer should be edited?",
        "Every fact was really written into every layer, and asked again.",
        fact=f"{counted(sweep.n_requests, 'fact')} of {sweep.dataset}",
        layer=f"{len(sweep.layers)} of {sweep.n_layers} tried",
        evidence=f"{edits} ({sweep.method.upper()})",
    )


def _points(sweep: SweepResult, card: LayerCard, kept: str) -> tuple[str, ...]:
    """What to take home of a sweep."""
    place = sweep.layers.index(sweep.golden_layer)
    share = percent(float(steadiness(sweep)[place]))
    facts = counted(sweep.n_requests, "fact")
    return (
        f"Layer {sweep.golden_layer} did best; {share} of resamples of these {facts} say so again.",
        f"{kept}.",
        f"{_given_away(card)}.",
        "It holds for this model, this method and facts of this kind.",
    )


def _use(sweep: SweepResult, card: LayerCard, made: str) -> Slide:
    place, level = sweep.layers.index(sweep.golden_layer), sorted(rivals(sweep))
    return Slide(
        headline=_headline(sweep, card),
        say=f"Layer {sweep.golden_layer} had the highest mean score of all layers that were tried with real edits"
        + (f"; {layer_list(level)} {'is' if len(level) == 1 else 'are'} level with it." if level else "."),
        numbers=(
            Number(number(float(sweep.mean("score")[place]), 2), "mean score of its edits, 0 to 1"),
            Number(percent(float(steadiness(sweep)[place])), "of resamples of the requests choose it again"),
            Number(f"{sweep.n_requests:,}", f"facts, each edited at {counted(len(sweep.layers), 'layer')}"),
        ),
        table=card.to_frame(),
        how=(card.sentence, *card.remarks, f"{SCORE}.", made),
    )


def picks(sweep: SweepResult, card: LayerCard, made: str) -> Slide:
    """Every way's layer on the curve of real edits."""
    lga, own = card.pick("lga"), card.pick("sweep")
    headline = f"Layer {own.layer} scores {number(own.score or 0.0, 2)} by real edits"
    if lga.score is not None and lga.layer != own.layer:
        headline += f", layer {lga.layer} by gradients {number(lga.score, 2)}"
    score = curve(sweep, "score")
    return pictured(
        headline,
        "The line: the mean score of real edits at every layer.",
        lambda dark: two_layers(score, sweep.golden_layer, lga.layer, dark),
        made,
    )


def _given_away(card: LayerCard) -> str:
    judged = [p for p in card.picks if p.regret is not None and p.way != "sweep"]
    if not judged:
        return "No other way to choose was judged"
    worst = max(judged, key=lambda p: p.regret or 0.0)
    return f"{_WHOSE[worst.way]} gives most away: {number(worst.regret or 0.0, 2)}"
