"""Screens: title, closing, the layer of every edit, words as strong as their numbers; the order they are offered in."""

import dataclasses
import re
from datetime import UTC, datetime

import numpy as np
import pytest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress, RunManifest
from goldenlayers_core.tasks import Workbench
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.present.covers import in_short
from goldenlayers_core.tasks.present.layers import named_words, own_best
from goldenlayers_core.tasks.present.programme import programme
from goldenlayers_core.tasks.present.stored_tour import TourQuestion, open_tour
from goldenlayers_core.tasks.present.tour import tour
from goldenlayers_core.tasks.questions import DatasetChoice, ScoreQuestion, SweepQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.scores.stored import save_scores
from goldenlayers_core.tasks.slides import slides
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from tests.browser.stocked import made_scores
from tests.made_up import made_sweep

FEW = DatasetChoice("bundled", "proxy", 4)


@pytest.fixture
def question(tiny: ModelSource) -> TourQuestion:
    """A tour of a tiny model."""
    return TourQuestion(tiny, FEW)


def test_a_run_begins_with_its_title_names_the_layer_of_every_edit_and_ends_with_what_to_take_home(
    bench: Workbench, question: TourQuestion
) -> None:
    run_id = tour(bench, question, Progress())
    found = open_tour(bench.store, run_id)
    sweep = save_sweep(bench.store, SweepQuestion(question.model, FEW), made_sweep())
    for run in (run_id, found.edit_run, found.score_run, sweep):
        first, *rest, last = slides(bench.store, run)
        named = {line.name: line.value for line in first.about}
        assert set(named) == {"Model", "Fact", "Layer", "Evidence", "Computed"}
        assert named["Computed"].endswith(str(datetime.now(UTC).year))
        assert last.points
        assert not any(slide.points or slide.about for slide in rest)
        assert any(slide.strip for slide in rest) == (run != found.edit_run or len(rest) > 5)
        for slide in rest:
            if slide.changes or (slide.sides and slide.sides[0].title):
                assert re.fullmatch(r"Edited at layer [0-2] \(ROME\)", slide.mark)
    fact = {line.name: line.value for line in slides(bench.store, run_id)[0].about}["Fact"]
    assert fact == f"{found.subject}: {found.target_true} → {found.target_new}"
    assert f"layer {found.edit_layer}" in " ".join(slides(bench.store, run_id)[-1].points)


def test_a_title_slide_ends_its_lines_with_a_clause_and_says_the_rest_below() -> None:
    long = f"a sweep of {'many ' * 18}edits, 24 requests (proxy, and test), stability 50 %; layer 3 scores 0.58"
    assert in_short(long) == long.partition(", stability")[0]
    assert in_short(f"{'many ' * 24}edits, ({'x' * 9}, y), z") == f"{'many ' * 24}edits"
    assert in_short("short, and whole; all of it") == "short, and whole; all of it"
    assert in_short("x" * 200).endswith("…")


def test_that_an_edit_took_is_said_once_on_its_slide(bench: Workbench, question: TourQuestion) -> None:
    edit_run = open_tour(bench.store, tour(bench, question, Progress())).edit_run
    for slide in slides(bench.store, edit_run):
        assert f"{slide.headline} {slide.say}".lower().count("took") <= 1
    verdict = open_report(bench.store, edit_run).verdict
    assert any(verdict in slide.how for slide in slides(bench.store, edit_run))


def test_a_sweep_that_does_not_decide_what_is_recommended_says_that_it_speaks_alone(
    bench: Workbench, question: TourQuestion
) -> None:
    asked = SweepQuestion(question.model, FEW)
    alone = save_sweep(bench.store, asked, made_sweep())
    first = slides(bench.store, alone)[1]
    assert first.headline == "Prefer layer 4"
    assert re.search(r"; layers? [0-9, and]+ (is|are) level with it\.$", first.say)
    save_sweep(bench.store, asked, made_sweep(requests=40, peak=12, prefix="more"))
    shown = slides(bench.store, alone)
    assert shown[1].headline == shown[-1].headline == "By this sweep alone: prefer layer 4"


@pytest.mark.parametrize(
    ("stability", "words"),
    [(0.097, "Layer 4 comes first, but only just"), (0.6, "Taken together, layer 4 comes first"), (0.9, "stands out")],
)
def test_no_layer_stands_out_that_hardly_any_resample_names_again(stability: float, words: str) -> None:
    values = np.zeros((6, 8))
    values[:, 4] = 1.0
    found = select(values, by="mean")
    shares = np.where(np.arange(8) == found.golden_layer, stability, 0.0)
    assert words in named_words(dataclasses.replace(found, pick_share=shares))


def test_a_score_run_ends_in_one_statement_of_one_strength(bench: Workbench) -> None:
    scores = made_scores(32, 30)
    selection = select(scores.values)
    golden = selection.golden_layer
    run = save_scores(bench.store, ScoreQuestion(choice=FEW), scores, selection)
    alone = slides(bench.store, run)
    assert alone[-1].headline == named_words(selection)
    assert "No real edit has judged this yet." in alone[-1].points

    save_sweep(bench.store, SweepQuestion(choice=FEW), made_sweep())
    advice = recommend(bench.store, scores.fingerprint)
    assert advice is not None
    assert advice.layer == 4 != golden
    shown = slides(bench.store, run)
    last = shown[-1]
    assert last.headline == f"{advice.headline}; gradients alone name layer {golden}"
    assert not any(words in " ".join((last.headline, *last.points)) for words in ("Taken together", "stands out"))
    gradients, real, why = last.points
    assert gradients.startswith(f"Gradients: layer {golden}. ")
    assert re.match(rf"By real edits LGA's layer {golden} scores [0-9.]+ less \(95 % interval .*\) than layer 4 ", real)
    assert why.startswith("Real edits decide: ")
    judged = next(slide for slide in shown if slide.headline.startswith("Real edits"))
    assert judged.headline == f"Real edits put layer 4 before layer {golden}"
    assert [re.sub(r".* at layer ", "", number.meaning) for number in judged.numbers] == [
        "4, named by real edits",
        f"{golden}, named by gradients",
    ]
    assert real in judged.how


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (11, "20 of 32 have their largest value at layer 11, which is set aside."),
        (5, "21 of 32 have their largest value at layer 5."),
    ],
)
def test_where_single_requests_agree_is_said_as_far_as_they_do(column: int, words: str) -> None:
    values = np.random.default_rng(0).normal(1.0, 0.1, (32, 12))
    values[np.arange(32), np.arange(32) % 9] += 5.0
    values[:20, column] += 20.0 if column == 11 else 6.0
    scores = dataclasses.replace(made_scores(32, 12), values=values)
    assert own_best(scores, select(values, by="sum" if column == 11 else "mean")).startswith(words)
    values = np.random.default_rng(0).normal(1.0, 0.1, (32, 12))
    scores = dataclasses.replace(made_scores(32, 12), values=values)
    many = len(np.unique(scores.best_layers))
    assert own_best(scores, select(values)).endswith(f"at {many} different layers in all.")


def test_first_minutes_are_offered_first_and_edits_of_one_sitting_together() -> None:
    def run(name: str, kind: str, created: str, fingerprint: str = "f") -> RunManifest:
        return RunManifest(
            name, kind, f"{name} (ROME)", f"2026-11-27T{created}:00+00:00", "m", fingerprint, "d", "d", 1, "{}", 1.0
        )

    runs = (
        run("e4", "edit", "15:00"),
        run("s1", "score", "14:50"),
        run("e3", "edit", "14:10"),
        run("o1", "edit", "14:05", "other model"),
        run("e2", "edit", "13:05"),
        run("t1", "tour", "12:00"),
        run("e1", "edit", "09:00"),
    )
    found = [[one.run_id for one in entry.runs] for entry in programme(runs)]
    assert found == [["t1"], ["e4", "e3"], ["s1"], ["o1"], ["e2"], ["e1"]]
    assert programme(runs)[1].names == ("e4", "e3")
