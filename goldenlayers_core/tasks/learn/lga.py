"""Lesson 6, Layer Gradient Analysis: which stored run it is taught on, and LGA's layer beside real edits. No torch."""

import dataclasses
from typing import Final

import numpy as np

from goldenlayers_core.attribution.regret import regret
from goldenlayers_core.figures.text import counted, layer_list, number
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import Selection, SweepResult, spearman
from goldenlayers_core.results.learn.lga import RANKS, Arrows, LgaJudged
from goldenlayers_core.results.learn.question import Question, layer_ranges, range_words
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.recommendation import golden_layer, score_method
from goldenlayers_core.tasks.truth.judgement import difference

ASKED: Final = Arrows(30.0, 1.0, 150.0, 1.0)  # the arrows of the first question; the playground begins with them
_EFFECTS: Final = ("it becomes less likely", "nothing, to first order", "it becomes more likely, too")


def lesson_scores(
    store: Store, fingerprint: str, sweep: SweepResult | None = None, wanted: str | None = None
) -> RunManifest | None:
    """The LGA run a lesson reads: the one on the sweep's very requests, else `wanted` where it is an LGA run of these
    weights, else the one with most requests, the newest among equals."""
    swept = digest_of(list(sweep.request_digests)) if sweep else ""
    runs = [
        m
        for m in store.runs()
        if m.kind == "score"
        and m.fingerprint == fingerprint
        and score_method(m) == "lga"
        and golden_layer(m) is not None
    ]
    return max(
        runs, key=lambda m: (m.dataset_digest == swept, m.run_id == wanted, m.n_requests, m.created), default=None
    )


def sweep_with(run: RunManifest, sweep: SweepResult, layer: int) -> SweepQuestion:
    """The question of a stored sweep with one layer more: what was measured is not measured again.

    Raises ConfigError where the run's settings do not fit this version."""
    layers = tuple(sorted({*sweep.layers, layer}))
    return dataclasses.replace(SweepQuestion.from_params(run.settings), layers=layers)


def judged(sweep: SweepResult, selection: Selection) -> LgaJudged | None:
    """What real edits say of LGA's pick; None where the sweep did not measure that layer."""
    pick, golden = selection.golden_layer, sweep.golden_layer
    mine, best = (regret(sweep.score, sweep.layers, layer) for layer in (pick, golden))
    apart = difference(sweep, golden, pick)
    if mine is None or best is None or apart is None:
        return None
    real = sweep.mean("score").round(9)
    good = [sweep.layers[i] for i in np.argsort(-real, kind="stable")[: max(1, len(real) // 3)]]
    totals = np.asarray(selection.totals)
    return LgaJudged(
        pick=pick,
        golden_layer=golden,
        pick_score=mine.score,
        golden_score=best.score,
        rank=1 + int((real > real[sweep.layers.index(pick)]).sum()),
        n_layers=len(sweep.layers),
        regret=mine.mean,
        golden_regret=best.mean,
        apart=apart.mean,
        low=apart.low,
        high=apart.high,
        correlation=spearman(totals[list(sweep.layers)], real),
        n_requests=sweep.n_requests,
        total=float(totals[pick]),
        negative=int((totals < 0).sum()),
        n_sums=len(totals),
        lost=tuple(sorted(set(good) & set(selection.outliers))),
        n_good=len(good),
    )


def sign_question(arrows: Arrows = ASKED) -> Question:
    """What a step for the new answer does to the old one, with the arrows at an angle."""
    says = ("less likely", "neither more nor less likely", "more likely")[arrows.sign + 1]
    return Question(
        "sign",
        f"The two answers' directions of descent stand {arrows.between:.0f} degrees apart, both of length "
        f"{number(arrows.old_length)}. A small step along the new answer's direction makes the new answer likelier. "
        "What does it do to the old one?",
        _EFFECTS,
        (arrows.sign + 1,),
        f"The inner product is {number(arrows.old_length)} times {number(arrows.new_length)} times cos "
        f"{arrows.between:.0f} degrees = {number(round(arrows.inner, 2), 2)}. To first order a step of size eta "
        f"changes the old answer's loss by minus eta times the inner product, so here it becomes {says}.",
        f"{arrows.between:.0f}",
    )


def pick_question(selection: Selection, run_id: str) -> Question:
    """In which part of the model LGA's layer lies."""
    ranges = layer_ranges(len(selection.totals))
    aside = f", after setting aside {layer_list(selection.outliers)}" if selection.outliers else ""
    return Question(
        "pick",
        f"LGA sums phi over {counted(selection.n_requests, 'request')} and takes the layer with the largest sum inside "
        "the fences. In which part of the model does it lie?",
        tuple(range_words(r) for r in ranges),
        tuple(i for i, r in enumerate(ranges) if selection.golden_layer in r),
        f"LGA picks layer {selection.golden_layer}{aside}; {round(100 * selection.stability)} % of "
        f"{selection.n_resamples:,} resamples of the requests pick it again.",
        run_id,
    )


def edits_question(found: LgaJudged, run_id: str) -> Question:
    """Where LGA's layer stands among all layers by real edits."""
    versus = (
        "which is the golden layer by real edits too"
        if found.pick == found.golden_layer
        else f"{number(found.apart, 2)} behind layer {found.golden_layer} (95 % interval {number(found.low, 2)} to "
        f"{number(found.high, 2)})"
    )
    agree = (
        "" if found.correlation is None else f" Over all layers the rank correlation is {number(found.correlation, 2)}."
    )
    return Question(
        "edits",
        f"Real edits were made at {counted(found.n_layers, 'layer')}. Ranked by what these edits score, where does "
        f"LGA's layer {found.pick} stand?",
        tuple(f"among the {word} third of the layers" for word in RANKS),
        (RANKS.index(found.third),),
        f"Layer {found.pick} is number {found.rank} of {found.n_layers} with a mean score of "
        f"{number(found.pick_score, 2)} over {counted(found.n_requests, 'request')}, {versus}.{agree}",
        run_id,
    )
