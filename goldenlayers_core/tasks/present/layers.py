"""The screens of layer scores and of sweeps: the finding, the picture, the golden layer, LGA against real edits."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from goldenlayers_core import figures
from goldenlayers_core.figures.scores.parts import PREDICTED
from goldenlayers_core.figures.text import counted, number, percent
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.figures.truth.two_layers import two_layers
from goldenlayers_core.results import PROBE_METRICS, SCORE, LayerCard, LayerScores, Selection, SweepResult
from goldenlayers_core.results.scores.parts import METHOD_WORDS
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.layer_said import judging, said_of
from goldenlayers_core.tasks.present.slide import Draw, Number, Slide
from goldenlayers_core.tasks.real_edits import data_of
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.judgement import curve, of_selection, steadiness
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep

_NO_EDIT: Final = "Gradients of an old and a new answer were compared. No edit was run."
_PREDICTED: Final = "What an edit would do was predicted from gradients. No edit was run."
_WHOSE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "search": "The budgeted search's layer",
        "edit_aware": "Edit-aware analysis",
        "lga": "The gradients' layer",
        "causal_trace": "Causal tracing",
        "literature_default": "The literature's layer",
        "middle": "The middle layer",
    }
)
_CAUTION: Final = "Only real edits tell whether a layer is a good one."


def of_scores(store: Store, manifest: RunManifest) -> tuple[Slide, ...]:
    """The golden layer, the heatmap, the sums, single requests, and what real edits say where there is a sweep."""
    scores, selection = open_scores(store, manifest.run_id)
    by = METHOD_WORDS[scores.method]
    made = f"{by}, {counted(scores.n_requests, 'request')} of {scores.dataset}; {scores.model}; {manifest.run_id}."
    said = said_of(store, scores.fingerprint, by, selection.golden_layer, MethodUsed(), data_of(manifest))
    alone = int((scores.best_layers == selection.golden_layer).sum())
    return (
        named_layer(scores, selection, by, made, said),
        heat(scores, selection, made),
        sums(selection, made),
        _slide(
            f"It is the best layer of {alone} of {counted(scores.n_requests, 'request')}",
            "Each request has a layer of its own that its gradients like best.",
            lambda dark: figures.best_layer_distribution(scores, selection, False, dark),
            made,
        ),
        against_edits(store, scores, selection, by, made, said),
    )


def named_layer(scores: LayerScores, selection: Selection, by: str, made: str, judged: str) -> Slide:
    """Which layer the gradients name, how sure that is, and what real edits say of it (`judged`)."""
    return Slide(
        headline=f"Gradients name layer {selection.golden_layer}",
        say=_NO_EDIT if scores.method == "lga" else _PREDICTED,
        numbers=(
            Number(str(selection.golden_layer), f"golden layer by {by}, of layers 0 to {scores.n_layers - 1}"),
            Number(percent(selection.stability), "of resamples of the requests name it again"),
            Number(f"{scores.n_requests:,}", "requests scored"),
        ),
        table=selection.to_frame(),
        how=(
            f"{selection.n_resamples:,} bootstrap resamples of the requests, seed {selection.seed}.",
            judged,
            made,
        ),
    )


def heat(scores: LayerScores, selection: Selection, made: str) -> Slide:
    """Every request at every layer."""
    cells = scores.n_requests * scores.n_layers

    def draw(dark: bool) -> Any:
        if scores.parts:
            return figures.part_heatmap(scores, selection, PREDICTED, "best", dark)
        return figures.scores_heatmap(scores, selection, "row", "best", dark)

    return _slide(
        f"{counted(scores.n_requests, 'fact')}, {counted(scores.n_layers, 'layer')}, {cells:,} scores",
        "A row is a fact, a column a layer; the stronger the colour, the stronger its gradients.",
        draw,
        made,
    )


def sums(selection: Selection, made: str) -> Slide:
    """All requests together."""
    aside = len(selection.outliers)
    return _slide(
        f"Taken together, layer {selection.golden_layer} stands out",
        f"{counted(aside, 'layer')} with extreme sums {'is' if aside == 1 else 'are'} set aside first (grey)."
        if aside
        else "No layer had to be set aside.",
        lambda dark: figures.totals_bars(selection, dark),
        made,
    )


def against_edits(store: Store, scores: LayerScores, selection: Selection, by: str, made: str, judged: str) -> Slide:
    """What a sweep of the same model says to the gradients' layer; without one what comes with the model says of it
    (`judged`), or that nothing does."""
    runs = [m for m in store.runs() if m.kind == "sweep" and m.fingerprint == scores.fingerprint]
    if not runs:
        headline, say = "No real edit has judged this yet", f"{_CAUTION[:-1]}; the page Ground truth makes them."
        if judging(store, scores.fingerprint, MethodUsed()) is not None:
            headline, say = "What real edits made before say", judged
        return Slide(
            headline=headline,
            say=say,
            how=(judged, _NO_EDIT if scores.method == "lga" else _PREDICTED, made),
        )
    sweep = open_sweep(store, max(runs, key=lambda m: (m.n_requests, m.created)).run_id)
    golden, other = sweep.golden_layer, selection.golden_layer
    apart = (
        f"Real edits name layer {golden}, not {other}" if golden != other else f"Real edits name layer {golden}, too"
    )
    means = dict(zip(sweep.layers, sweep.mean("score"), strict=True))
    pairs = [(layer, who) for layer, who in ((golden, "real edits"), (other, "gradients")) if layer in means]
    agreement = of_selection(sweep, scores, selection, by)
    return Slide(
        headline=apart,
        say=_agreement(agreement.correlation),
        numbers=tuple(
            Number(number(float(means[layer]), 2), f"mean score of real edits at layer {layer}, named by {who}")
            for layer, who in dict(pairs).items()
        ),
        table=agreement.to_frame(),
        how=(
            f"{SCORE}. {about(sweep)} Rank correlation over {counted(len(sweep.layers), 'layer')} (Spearman).",
            made,
        ),
    )


def _agreement(found: float | None) -> str:
    if found is None:
        return "Over the layers, gradients and real edits cannot be compared."
    words = "rank alike" if found > 0.5 else "rank almost in the opposite order" if found < -0.5 else "hardly agree"
    return f"Over all layers the two {words}: rank correlation {number(found, 2)}, where 1 is the same order."


def of_sweep(store: Store, manifest: RunManifest) -> tuple[Slide, ...]:
    """The layer to use, every way's pick on the real curve, what decides, every request, what each way gives away."""
    sweep = open_sweep(store, manifest.run_id)
    facts = ModelFacts(sweep.model, sweep.fingerprint, sweep.n_layers, sweep.provenance.get("model_type", ""))
    card = layer_card(store, facts, sweep, manifest.run_id, sweep.method)
    made = f"{about(sweep)} {manifest.run_id}."
    curves = [curve(sweep, name) for name in PROBE_METRICS]
    return (
        _use(sweep, card, made),
        picks(sweep, card, made),
        _slide(
            _what_moves(sweep),
            "A good layer takes the fact, also in other words, and leaves other facts alone.",
            lambda dark: figures.metric_curves(curves, sweep.golden_layer, about(sweep), dark),
            made,
        ),
        _slide(
            f"{sweep.n_requests * len(sweep.layers):,} real edits, each measured",
            "A row is a fact, a column a layer; the stronger the colour, the better the edit there.",
            lambda dark: figures.sweep_heatmap(sweep, "best", dark),
            made,
        ),
        _slide(
            _given_away(card),
            "Regret: how much an edit scores below the best layer of each single fact.",
            lambda dark: figures.regret_bars(card, dark),
            made,
        ),
    )


def _use(sweep: SweepResult, card: LayerCard, made: str) -> Slide:
    place = sweep.layers.index(sweep.golden_layer)
    return Slide(
        headline=f"Edit at layer {sweep.golden_layer}",
        say="It had the highest mean score of all layers that were tried with real edits.",
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
        headline += f", the gradients' layer {lga.layer} {number(lga.score, 2)}"
    score = curve(sweep, "score")
    return _slide(
        headline,
        "The line: the mean score of real edits at every layer.",
        lambda dark: two_layers(score, sweep.golden_layer, lga.layer, dark),
        made,
    )


def _what_moves(sweep: SweepResult) -> str:
    """Where most neighbours stay, against the layer where fewest do."""
    kept = sweep.mean("locality")
    if kept.size == 0 or kept[0] != kept[0]:  # none asked: NaN
        return "What an edit does at every layer"
    golden = percent(float(kept[sweep.layers.index(sweep.golden_layer)]))
    least = int(kept.argmin())
    worst = f"layer {sweep.layers[least]} {percent(float(kept[least]))}"
    return f"At layer {sweep.golden_layer} {golden} of neighbours stay, at {worst}"


def _given_away(card: LayerCard) -> str:
    judged = [p for p in card.picks if p.regret is not None and p.way != "sweep"]
    if not judged:
        return "No other way to choose was judged"
    worst = max(judged, key=lambda p: p.regret or 0.0)
    return f"{_WHOSE[worst.way]} gives most away: {number(worst.regret or 0.0, 2)}"


def _slide(headline: str, say: str, draw: Draw, made: str) -> Slide:
    """A screen that is a picture; what its definition says is how it was measured."""
    meta = draw(False).layout.meta or {}
    return Slide(headline=headline, say=say, draw=draw, how=(str(meta.get("title", "")), str(meta["subtitle"]), made))
