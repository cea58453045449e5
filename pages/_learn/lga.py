"""Lesson 6: Layer Gradient Analysis. Two gradients and an inner product, in a plane and on the model."""

import dataclasses
from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.learn.lga import lga_and_edits, two_arrows
from goldenlayers_core.figures.text import layer_list, number
from goldenlayers_core.results import LayerScores, Selection, SweepResult
from goldenlayers_core.results.learn.lga import Arrows, LgaJudged
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import ScoreQuestion
from goldenlayers_core.tasks.learn.lga import (
    ASKED,
    edits_question,
    judged,
    lesson_scores,
    pick_question,
    sign_question,
    sweep_with,
)
from goldenlayers_core.tasks.scores.stored import other_pick
from goldenlayers_core.tasks.truth.judgement import curve
from pages._learn import fact, lesson, stored_sweep, work
from pages._shared import advice, cached, jobs, session, show
from pages._shared.wording import count, escape

NAME: Final = "lga"
_SOME: Final = 12  # requests of the run that the lesson offers
_TURNS: Final = (  # key, label, field of Arrows, largest value
    ("lesson-arrow-old-turn", "Old answer: angle in degrees", "old_degrees", 360),
    ("lesson-arrow-old-length", "Old answer: length", "old_length", 2.0),
    ("lesson-arrow-new-turn", "New answer: angle in degrees", "new_degrees", 360),
    ("lesson-arrow-new-length", "New answer: length", "new_length", 2.0),
)


def section() -> None:
    """The plane first, which needs no model; then a real LGA run, and the sweep beside it."""
    lesson.intro(NAME)
    if not lesson.predict(NAME, sign_question()):
        return
    with lesson.behind(NAME, "plane", "The two arrows, to turn and stretch", "pick"):
        lesson.text(NAME, "plane")
        _plane()
        lesson.text(NAME, "meaning")
    swept = stored_sweep.stored()
    run = _run(swept)
    if run is None:
        return
    scores, selection = cached.scores(run.run_id)
    if not lesson.predict(NAME, pick_question(selection, run.run_id)):
        return
    with lesson.behind(NAME, "one", "One request, layer by layer", "edits"):
        _one(scores, selection)
        lesson.text(NAME, "sum")
    _beside(swept, scores, selection, run)
    lesson.links(
        lesson.Link(
            "Open these scores",
            "pages/layer_scores.py",
            lambda: session.show_score_run(run.run_id),
            ":material/grid_on:",
        ),
        *([stored_sweep.link_to_truth("LGA against edits", swept[0].run_id, view="agreement")] if swept else []),
    )


@st.fragment
def _plane() -> None:
    """Four sliders and two arrows: only this runs anew while the learner turns them."""
    turning, drawn = st.columns([2, 3], gap="large")
    values: dict[str, float] = {}
    for key, label, name, most in _TURNS:
        first = getattr(ASKED, name)
        st.session_state.setdefault(key, int(first) if most == 360 else float(first))
        step = 5 if most == 360 else 0.1
        least = 0 if most == 360 else 0.0
        values[name] = turning.slider(label, least, most, step=step, key=key, persist_state="session")
    arrows = Arrows(**values)
    table = pd.DataFrame(
        [dataclasses.asdict(arrows) | {"between_degrees": arrows.between, "inner_product": arrows.inner}]
    )
    with drawn:
        show.figure(two_arrows(arrows, session.dark()), "lesson-arrows", table)


def _run(swept: tuple[RunManifest, SweepResult] | None) -> RunManifest | None:
    """The LGA run the lesson reads, said in a line; else the button that makes one, and None."""
    jobs.follow("score", session.show_score_run)
    known = session.fingerprint()
    store = cached.workbench().store
    run = lesson_scores(store, known, swept[1] if swept else None, session.score_run()) if known else None
    if run is not None:
        st.caption(
            f":material/database: Read from a stored run: LGA on {count(run.n_requests, 'request')} of "
            f"{escape(run.dataset)}, {escape(run.model)} · {run.run_id}"
        )
        return run
    lesson.text(NAME, "empty")
    if lesson.model() is None:
        return None
    part = stored_sweep.part_of(swept[0]) if swept else dataclasses.replace(session.choice(), limit=_SOME)
    question = ScoreQuestion(session.model(), part)
    work.button("score", "lesson-score", f"Score {escape(part.words)}", question, f"Scoring {part.words}")
    st.caption("About a second for every five requests on two cores. It is kept as an ordinary run of Layer scores.")
    return None


def _one(scores: LayerScores, selection: Selection) -> None:
    """phi of one request over the layers."""
    lesson.text(NAME, "request")
    index = fact.of_run(
        "Request",
        "lesson-lga-request",
        scores.request_digests,
        lambda q: fact.words(q, scores.prompts[q], scores.targets_old[q], scores.targets_new[q]),
    )
    frame = scores.to_frame()
    size = scores.n_layers
    drawn = figures.request_profile(scores, index, selection, session.dark())
    show.figure(drawn, "lesson-lga-one", frame.iloc[index * size : (index + 1) * size])


def _beside(
    swept: tuple[RunManifest, SweepResult] | None, scores: LayerScores, selection: Selection, run: RunManifest
) -> None:
    """The sums; and real edits beneath them, with what they say of LGA's layer."""
    found = judged(swept[1], selection) if swept and swept[1].n_layers == scores.n_layers else None
    if swept is None or found is None:
        show.figure(figures.totals_bars(selection, session.dark()), "lesson-lga-sums", selection.to_frame())
        lesson.text(NAME, "unjudged", pick=selection.golden_layer)
        _readings(scores, selection, run)
        jobs.follow("sweep", session.show_sweep_run)
        if swept is None:
            stored_sweep.offer()
        else:
            _offer_layer(*swept, selection.golden_layer)
        return
    sweep_run, sweep = swept
    if not lesson.predict(NAME, edits_question(found, f"{run.run_id} {sweep_run.run_id}")):
        return
    line = curve(sweep, "score")
    table = selection.to_frame().merge(line.to_frame(), on="layer", how="left")
    show.figure(lga_and_edits(scores, selection, sweep, line, found, session.dark()), "lesson-lga-edits", table)
    _verdict(found)
    stored_sweep.sample(sweep_run)
    _readings(scores, selection, run)


def _offer_layer(run: RunManifest, sweep: SweepResult, layer: int) -> None:
    """One button that edits the sweep's requests at LGA's layer, too."""
    if lesson.model() is None:
        return
    stored_sweep.start(f"Edit at layer {layer}, too", "lesson-lga-layer", sweep_with(run, sweep, layer))
    st.caption(f"{count(sweep.n_requests, 'edit')}; what this sweep has measured is not measured again.")


def _verdict(found: LgaJudged) -> None:
    """How LGA's layer does by real edits, no stronger than the interval allows; and why, as far as the sums tell."""
    said: dict[str, object] = {
        "pick": found.pick,
        "rank": found.rank,
        "layers": found.n_layers,
        "score": number(found.pick_score, 2),
        "best": number(found.golden_score, 2),
        "golden": found.golden_layer,
        "n": found.n_requests,
    }
    said |= {"apart": number(found.apart, 2), "low": number(found.low, 2), "high": number(found.high, 2)}
    lesson.text(NAME, found.outcome, **said)
    if found.outcome != "behind":
        return
    sums = {"negative": found.negative, "sums": found.n_sums, "total": number(found.total, 2)}
    lesson.text(NAME, "slopes")
    if 2 * found.negative > found.n_sums:
        lesson.text(NAME, "negative", **sums)
    if found.lost:
        lesson.text(NAME, "lost", good=found.n_good, lost=f"{len(found.lost)} ({layer_list(found.lost)})")


def _readings(scores: LayerScores, selection: Selection, run: RunManifest) -> None:
    """Where the two readings of LGA name two layers: both, and what real edits say of each."""
    other = other_pick(scores, cached.asked(ScoreQuestion, run.run_id))
    if other is not None and other[1].golden_layer != selection.golden_layer:
        lesson.text(NAME, "readings", said=advice.of_scores(scores, selection, run.run_id))
