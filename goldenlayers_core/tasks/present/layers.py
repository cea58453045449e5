"""The screens of layer scores: the finding, the picture, the golden layer, gradients against real edits. No torch."""

from typing import Any, Final

import numpy as np

from goldenlayers_core import figures
from goldenlayers_core.attribution.standing import Apart, Standing, behind, standing
from goldenlayers_core.figures.scores.parts import PREDICTED
from goldenlayers_core.figures.scores.selection import PREDICTED_SCORE
from goldenlayers_core.figures.text import counted, number, percent
from goldenlayers_core.results import SCORE, LayerScores, Selection
from goldenlayers_core.results.scores.parts import METHOD_WORDS, who
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.layer_said import judging, said_of
from goldenlayers_core.tasks.present.covers import closing, cover
from goldenlayers_core.tasks.present.slide import Draw, Number, Slide
from goldenlayers_core.tasks.present.stack import stack_slides
from goldenlayers_core.tasks.real_edits import data_of
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.scores.predicting import judged_by
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.judgement import of_selection
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep

_NO_EDIT: Final = "Gradients of an old and a new answer were compared. No edit was run."
_PREDICTED: Final = "What an edit would do was predicted from gradients. No edit was run."
_BETTER: Final = "the better the predicted edit"
_STRONGER: Final = {"lga": "the stronger its gradients", "damage": "the less other text is moved"}
_CLEAR: Final = 0.8  # share of resamples from which a layer stands out
_MOSTLY: Final = 0.5  # and from which it comes first without a but
_UNJUDGED: Final = "No real edit has judged this yet."
_DECIDES: Final = "Real edits decide: they measure what an edit does, gradients only estimate it."
_CAUTION: Final = "Only real edits tell whether a layer is a good one."


def of_scores(store: Store, manifest: RunManifest) -> tuple[Slide, ...]:
    """What was scored, the golden layer, heatmap, sums, single requests, what real edits say, and the layer stack."""
    scores, selection = open_scores(store, manifest.run_id)
    by = METHOD_WORDS[scores.method]
    made = _made(scores, by, manifest)
    said = said_of(
        store, scores.fingerprint, who(scores.method), selection.golden_layer, judged_by(scores), data_of(manifest)
    )
    alone = int((scores.best_layers == selection.golden_layer).sum())
    golden = selection.golden_layer
    judged = against_edits(store, scores, selection, said, manifest)
    lga = scores.method == "lga"
    return (
        cover(
            manifest,
            "Which layer do gradients name?" if lga else "Which layer is predicted to edit best?",
            _NO_EDIT if lga else _PREDICTED,
            fact=f"{counted(scores.n_requests, 'fact')} of {scores.dataset}",
            layer=f"{golden} of 0 to {scores.n_layers - 1}",
            evidence=f"{by}; no edit",
        ),
        named_layer(scores, selection, by, made, said),
        heat(scores, selection, made),
        sums(selection, made, figures.mean_value(scores)),
        pictured(
            f"Layer {golden} is the best layer of {alone} of {counted(scores.n_requests, 'request')}",
            own_best(scores, selection),
            lambda dark: figures.best_layer_distribution(scores, selection, False, dark),
            made,
        ),
        judged,
        *stack_slides(store, manifest, made),
        _to_take_home(store, scores, selection, said, manifest),
    )


def _to_take_home(store: Store, scores: LayerScores, selection: Selection, said: str, manifest: RunManifest) -> Slide:
    """One statement: the layer that is recommended and what gradients name; then how sure either is, and which of the
    two decides and why. `said`: what real edits say of the gradients' layer."""
    layer = selection.golden_layer
    sure = f"{percent(selection.stability)} of resamples of {counted(scores.n_requests, 'fact')} name it again"
    advice = recommend(store, scores.fingerprint, judged_by(scores), data_of(manifest))
    if advice is None or advice.kind == "score":
        return closing(named_words(selection), (f"{sure}.", _UNJUDGED, _CAUTION), manifest)
    if layer == advice.layer and not advice.is_shared:
        beside = "gradients name it, too"
    elif layer in advice.level:
        beside = f"gradients name {layer}, one of them" if advice.strength == "level" else f"gradients name {layer}"
    else:
        beside = f"gradients alone name layer {layer}"
    points = (f"Gradients: layer {layer}. {sure}; no edit was run.", said, _DECIDES)
    if advice.kind == "search":
        points = (points[0], f"Real edits: {advice.evidence}.", _DECIDES)
    return closing(f"{advice.headline}; {beside}", points, manifest)


def named_words(selection: Selection) -> str:
    """Which layer gradients name, no stronger than the share of resamples that name it again."""
    layer = selection.golden_layer
    if selection.stability >= _CLEAR:
        return f"Taken together, layer {layer} stands out"
    if selection.stability >= _MOSTLY:
        return f"Taken together, layer {layer} comes first"
    return f"Layer {layer} comes first, but only just"


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


def own_best(scores: LayerScores, selection: Selection) -> str:
    """Where single requests have their largest value, as far as they agree."""
    layers, counts = np.unique(scores.best_layers, return_counts=True)
    often, share = int(layers[counts.argmax()]), int(counts.max())
    aside = ", which is set aside" if often in selection.outliers else ""
    if 2 * share > scores.n_requests:
        return f"{share} of {scores.n_requests} have their largest value at layer {often}{aside}."
    return f"Each request has its largest value somewhere: at {counted(len(layers), 'different layer')} in all."


def heat(scores: LayerScores, selection: Selection, made: str) -> Slide:
    """Every request at every layer."""
    cells = scores.n_requests * scores.n_layers

    def draw(dark: bool) -> Any:
        if scores.parts:
            return figures.part_heatmap(scores, selection, PREDICTED, "best", dark)
        return figures.scores_heatmap(scores, selection, "row", "best", dark)

    return pictured(
        f"{counted(scores.n_requests, 'fact')}, {counted(scores.n_layers, 'layer')}, {cells:,} scores",
        f"A row is a fact, a column a layer; the stronger the colour, {_STRONGER.get(scores.method, _BETTER)}.",
        draw,
        made,
    )


def sums(selection: Selection, made: str, value: str = PREDICTED_SCORE) -> Slide:
    """All requests together."""
    aside = len(selection.outliers)
    return pictured(
        named_words(selection),
        f"{counted(aside, 'layer')} with extreme sums {'is' if aside == 1 else 'are'} set aside first (grey)."
        if aside
        else "No layer had to be set aside.",
        lambda dark: figures.totals_bars(selection, dark, value),
        made,
    )


def against_edits(store: Store, scores: LayerScores, selection: Selection, judged: str, manifest: RunManifest) -> Slide:
    """What the real edits that decide for the model say of the gradients' layer (`judged`); or that there are none."""
    by = METHOD_WORDS[scores.method]
    made = _made(scores, by, manifest)
    no_edit = _NO_EDIT if scores.method == "lga" else _PREDICTED
    found = judging(store, scores.fingerprint, judged_by(scores), data_of(manifest))
    if found is None:
        return Slide(
            _UNJUDGED[:-1], say=f"{_CAUTION[:-1]}; the page Ground truth makes them.", how=(judged, no_edit, made)
        )
    edits, table = found
    stands, layer = standing(table.score, table.layers), selection.golden_layer
    best = stands.layer
    pairs = dict({layer: "gradients", best: "real edits"} if layer in table.layers else {best: "real edits"})
    numbers = tuple(
        Number(number(table.mean("score", at) or 0.0, 2), f"mean score of real edits at layer {at}, named by {who}")
        for at, who in reversed(pairs.items())
    )
    how = (judged, f"{SCORE}. {edits.counted}, {edits.used.words}.", made)
    headline, run = _verdict(behind(table.score, table.layers, best, layer), stands, layer), edits.run
    if run is None:
        return Slide(headline, say=judged, numbers=numbers, how=how)
    agreement = of_selection(open_sweep(store, run.run_id), scores, selection, by)
    ranked = f"Rank correlation over {counted(len(table.layers), 'layer')} (Spearman)."
    told = agreement.to_frame()
    return Slide(headline, say=_agreement(agreement.correlation), numbers=numbers, table=told, how=(*how, ranked))


def _verdict(apart: Apart | None, stands: Standing, layer: int) -> str:
    """What real edits say of the gradients' layer, no stronger than the interval of the difference."""
    best = stands.layer
    if layer == best:
        return (
            f"Real edits name layer {best}, too" if len(stands.level) < 2 else f"Real edits put layer {best} first, too"
        )
    if apart is None:
        return f"Real edits name layer {best}; layer {layer} was not tried"
    if apart.is_level:
        return f"Real edits cannot tell layer {layer} from layer {best}"
    return f"Real edits put layer {best} before layer {layer}"


def _made(scores: LayerScores, by: str, manifest: RunManifest) -> str:
    return f"{by}, {counted(scores.n_requests, 'request')} of {scores.dataset}; {scores.model}; {manifest.run_id}."


def _agreement(found: float | None) -> str:
    if found is None:
        return "Over the layers, gradients and real edits cannot be compared."
    words = "rank alike" if found > 0.5 else "rank almost in the opposite order" if found < -0.5 else "hardly agree"
    return f"Over all layers the two {words}: rank correlation {number(found, 2)}, where 1 is the same order."


def pictured(headline: str, say: str, draw: Draw, made: str) -> Slide:
    """A screen that is a picture; what its definition says is how it was measured."""
    meta = draw(False).layout.meta or {}
    return Slide(headline=headline, say=say, draw=draw, how=(str(meta.get("title", "")), str(meta["subtitle"]), made))
