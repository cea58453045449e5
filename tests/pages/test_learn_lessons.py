"""Lessons 4 to 7 in AppTest, on stored made-up runs: empty, done, and what they say is what the runs hold."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.attribution.standing import standing
from goldenlayers_core.figures.text import MINUS, counted
from goldenlayers_core.records import LgaConfig, LossOn, ModelSource
from goldenlayers_core.results import Floats, LayerScores, ProbeOutcome, SweepResult
from goldenlayers_core.results.scores.readings import Reading
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, shipped_sweep
from goldenlayers_core.tasks.edit.stored import save_report
from goldenlayers_core.tasks.learn import wrong
from goldenlayers_core.tasks.learn.layer import FEW, TABLE, lesson_sweep, texts_name
from goldenlayers_core.tasks.learn.text import lesson_text
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.scores.stored import save_scores
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._learn import lesson
from pages._shared import cached
from tests.made_lessons import made_pile, made_texts
from tests.made_up import made_report, made_sweep, view
from tests.pages.benches import words as raw_words
from tests.pages.driving import press, start

BUNDLED = DatasetChoice("bundled", "proxy", 12)


@pytest.fixture
def sweep() -> SweepResult:
    """A made-up sweep of real requests of the bundled dataset, stored as one of the session's model."""
    requests = cached.workbench().requests(BUNDLED, ModelSource()).requests
    made = made_sweep(requests=12, peak=4, seed=3)
    texts = {"prompts": "prompt", "subjects": "subject", "targets_new": "target_new", "request_digests": "digest"}
    own = {field: tuple(str(getattr(r, name)) for r in requests) for field, name in texts.items()}
    found = SweepResult(**{**vars(made), **own})
    save_sweep(cached.workbench().store, SweepQuestion(choice=BUNDLED), found)
    return found


@pytest.fixture
def run_id(sweep: SweepResult) -> str:
    return cached.workbench().store.runs()[0].run_id


def opened(name: str) -> AppTest:
    return start("learn", **{lesson.VIEW: name})


def open_questions(app: AppTest) -> list[str]:
    return [str(radio.key) for radio in app.radio if str(radio.key).startswith("predict-")]


def guess(app: AppTest) -> AppTest:
    """Guess at the first open question, and reveal it."""
    key = open_questions(app)[0]
    next(radio for radio in app.radio if radio.key == key).set_value(0).run()
    return press(app, f"reveal-{key}")


def words(app: AppTest) -> str:
    """What is written on the page; terms of the glossary without their links."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", raw_words(app))


def titles(app: AppTest) -> str:
    """Headings, among them the findings of the figures."""
    return "\n".join(m.value for m in app.markdown if str(m.value).startswith("### ")).replace("\\", "")


def said(app: AppTest) -> str:
    """The cards of what the model says."""
    bodies = (str(getattr(html, "body", "")) for html in app.get("html"))
    return "\n".join(body for body in bodies if body.startswith("<div class='gl-said'>"))


@pytest.mark.parametrize("name", ["layer", "golden", "wrong"])
def test_without_a_sweep_each_lesson_says_so_and_offers_the_model_first(name: str) -> None:
    app = opened(name)
    assert lesson_text(name).number in app.header[0].value
    assert "No sweep of this model is in the store yet" in words(app)
    assert app.button(key="lesson-load").label == "Load the bundled model"
    assert not open_questions(app)


def test_without_a_sweep_of_ones_own_a_lesson_reads_the_one_that_comes_with_the_model() -> None:
    handle = cached.workbench().model(ModelSource())
    few = made_sweep(FEW, fingerprint=handle.fingerprint)
    mine = save_sweep(cached.workbench().store, SweepQuestion(choice=BUNDLED), few)
    app = start(
        "learn", sweep_run=mine, **{lesson.VIEW: "layer"}
    )  # it has fewer requests, so that it does not take that one's place
    assert not [button for button in app.button if button.key == "lesson-sweep"]
    read = lesson_sweep(cached.workbench().store, handle.fingerprint)
    assert read.n_requests >= FEW
    assert read.title.endswith("(comes with the product)")
    assert f"{read.n_requests} requests of {read.dataset}" in words(app)
    assert open_questions(app)


def test_the_small_sweep_says_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_sweep, "FOLDER", "none-here")
    cached.workbench().model(ModelSource())
    app = opened("layer")
    assert app.button(key="lesson-sweep").label == "Sweep 6 requests at 10 layers"
    assert "60 real edits, about 42 s (0.7 s each" in words(app)
    assert not app.button(key="lesson-sweep").disabled


def test_lesson_four_scrubs_through_the_sweep(sweep: SweepResult, run_id: str) -> None:
    app = opened("layer")
    assert f"12 requests of {sweep.dataset}" in words(app)
    assert run_id in words(app)
    assert "appears here once you have answered both questions" in words(app)
    app.selectbox(key="lesson-layer-request").select_index(2).run()
    app.select_slider(key="lesson-layer-at").set_value(9).run()
    shown = said(app)
    assert "after the edit at layer 9" in shown
    assert "answer 2 at 9 &lt;b&gt;" in shown
    assert app.session_state["open_request"] == sweep.request_digests[2]
    guess(app)
    guess(app)
    assert f"Layer 9: {sweep.mean('rewrite')[9]:.0%}".removesuffix("%") in titles(app)
    app.select_slider(key="lesson-layer-at").set_value(20).run()
    assert "Layer 20: " in titles(app)
    assert "Done · 2 of 2 questions revealed" in words(app)
    press(app, "lesson-link-layer-0")
    assert app.session_state["sweep_run"] == run_id
    assert app.session_state["truth-layer"] == 20


def test_lesson_four_reads_the_texts_that_are_stored(sweep: SweepResult, run_id: str) -> None:
    found, store = made_texts(sweep, 0), cached.workbench().store
    name = texts_name(sweep.fingerprint, "float32", found.request, sweep.method, {}, sweep.layers)
    store.save_json(TABLE, name, {**plain(found), "hits": found.hits.tolist()})
    app = opened("layer")
    assert app.selectbox(key="lesson-layer-request").value == wrong.telling_edit(sweep)[0]
    app.selectbox(key="lesson-layer-request").select_index(0).run()
    for layer, marks in ((3, ("✓ new answer", "✗ does not follow", "✓ stays")), (12, ("✗ changed", "elsewhere"))):
        app.select_slider(key="lesson-layer-at").set_value(layer).run()
        shown = said(app)
        assert f"new &lt;b&gt; at {layer}" in shown
        assert all(mark in shown for mark in marks)


def test_lesson_five_chooses_on_some_and_judges_on_others(sweep: SweepResult, run_id: str) -> None:
    app = opened("golden")
    assert len(open_questions(app)) == 1
    assert "choose layer" not in titles(app)  # the picture gives it away
    guess(app)
    assert "4 proxy requests choose layer" in titles(app)
    first = titles(app)
    press(app, "lesson-golden-again")
    assert titles(app) != first
    guess(app)
    app.slider(key="lesson-golden-proxies").set_value(8).run()
    assert "8 proxy requests choose layer" in titles(app)
    assert "8 proxy requests: mean regret" in titles(app)
    assert "Done" in words(app)


def test_two_requests_are_too_few_for_lesson_five() -> None:
    save_sweep(cached.workbench().store, SweepQuestion(), made_sweep(requests=2))
    app = opened("golden")
    assert "This sweep has 2 requests, too few" in words(app)
    assert not open_questions(app)


def stored_lga(sweep: SweepResult, best: int, other: int | None = None) -> str:
    """An LGA run on a sweep's requests whose layer is `best`; under the other reading `other`, where it is given."""
    values = np.tile(1e-4 * np.sin(np.arange(30)), (12, 1))
    values[:, best] = 2e-4
    each = sweep.request_digests
    moved = np.roll(values, (other or best) - best, axis=1)
    scores = LayerScores(
        method="lga",
        model=sweep.model,
        fingerprint=sweep.fingerprint,
        dataset=sweep.dataset,
        scope="mlp",
        old_answer="dataset",
        case_ids=each,
        request_digests=each,
        prompts=sweep.prompts,
        targets_old=sweep.targets_true,
        targets_new=sweep.targets_new,
        relations=sweep.relations,
        values=values,
        norm_old=np.abs(values) + 1,
        norm_new=np.abs(values) + 1,
        readings=() if other is None else (reading("answer", values), reading("sequence", moved)),
        n_computed=12,
        provenance={"dtype": "float32", "device": "cpu"},
    )
    asked = ScoreQuestion(choice=BUNDLED, config=LgaConfig(loss_on="answer"))
    return save_scores(cached.workbench().store, asked, scores, select(values))


def reading(loss_on: LossOn, values: Floats) -> Reading:
    tokens, norms = np.full(len(values), 2), np.abs(values) + 1
    return Reading(loss_on, values, norms, norms, tokens, tokens)


def test_lesson_six_is_the_disagreement_of_the_readings_where_they_disagree(sweep: SweepResult, run_id: str) -> None:
    worst = int(sweep.mean("score").argmin())
    stored_lga(sweep, worst, sweep.golden_layer)
    app = opened("lga")
    for _ in range(3):
        guess(app)
    text = words(app)
    assert "Two readings of one formula" in text
    assert f"layer {worst} (loss on the answer) and layer {sweep.golden_layer} (loss on prompt and answer)" in text
    level = standing(sweep.score, sweep.layers).level
    how = "is the best, too" if len(level) < 2 else f"comes first, too, and {counted(len(level) - 1, 'other layer')}"
    assert f"LGA's layer {sweep.golden_layer} (loss on prompt and answer) {how}" in text
    assert f"LGA's layer {worst} (loss on the answer) scores" in text
    assert "less (95 % interval" in text


def test_the_teachers_page_says_of_lga_what_was_measured(sweep: SweepResult, run_id: str) -> None:
    worst = int(sweep.mean("score").argmin())
    stored_lga(sweep, worst)
    assert f"LGA's layer {worst} scores" in words(opened("teacher"))


def test_lesson_six_says_where_lga_is_wrong(sweep: SweepResult, run_id: str) -> None:
    real = sweep.mean("score")
    worst = int(real.argmin())
    stored_lga(sweep, worst)
    app = opened("lga")
    assert len(open_questions(app)) == 1
    guess(app)
    assert f"120 degrees apart: the inner product is {MINUS}0.5" in titles(app)
    app.slider(key="lesson-arrow-new-turn").set_value(90).run()
    assert "60 degrees apart: the inner product is 0.5" in titles(app)
    guess(app)
    assert "has this request's largest value" in titles(app)
    guess(app)
    assert f"LGA picks layer {worst}: number" in titles(app)
    assert "Here LGA's layer is not the best" in words(app)
    assert f"against {real.max():.2f}".rstrip("0") in words(app)
    assert "Done" in words(app)
    press(app, "lesson-link-lga-1")
    assert app.session_state["truth-view"] == "agreement"


def test_lesson_six_says_where_lga_is_right(sweep: SweepResult, run_id: str) -> None:
    stored_lga(sweep, sweep.golden_layer)
    app = opened("lga")
    for _ in range(3):
        guess(app)
    assert "LGA and real edits choose the same layer" in titles(app)
    assert "That is a measurement on these requests, not a rule" in words(app)


def test_lesson_six_without_a_run_offers_one_on_the_sweeps_requests(sweep: SweepResult, run_id: str) -> None:
    app = guess(opened("lga"))
    assert "No LGA run of this model is in the store yet" in words(app)
    assert "Load the bundled model" in [button.label for button in app.button]


def stored_edit(sweep: SweepResult) -> None:
    """The edit that lesson 7 looks at, with a rephrase that follows and a neighbour that does not stay."""
    bench = cached.workbench()
    row, layer = wrong.telling_edit(sweep)
    request = {r.digest: r for r in bench.dataset("bundled").requests}[sweep.request_digests[row]]
    old, new = view("Paris", 0.1, 0.9), view("Rome <b>", 0.9, 0.1)
    kinds = (("rewrite", True), ("rephrase", True), ("locality", False))
    outcomes = tuple(ProbeOutcome(f"A {kind} prompt", kind, "", ("Rome",), old, new, good, 0.1) for kind, good in kinds)
    question = wrong.edit_question(ModelSource(), request, layer)
    assert EditQuestion.from_params(question.to_params()) == question
    save_report(bench.store, question, made_report(outcomes, old, new, layer=layer), "Some model")


def test_lesson_seven_shows_one_edit_and_the_pile(sweep: SweepResult, run_id: str) -> None:
    stored_edit(sweep)
    cached.workbench().store.save_json(wrong.TABLE, "a" * 32, plain(made_pile()))
    app = opened("wrong")
    assert not said(app)
    assert len(open_questions(app)) == 2  # of the edit, and of the pile
    guess(app)
    shown = said(app)
    assert "✗ changed" in shown
    assert "Rome &lt;b&gt;" in shown
    assert "Computed: **neighbours: other facts that should stay**" in words(app)
    for _ in range(3):
        assert "collapses" not in titles(app)
        guess(app)
    assert "At layer 25 the model collapses with 3 edits" in titles(app)
    assert "at layer 15 the words with 1 and the perplexity with 6" in words(app)
    assert "Done" in words(app)


def test_lesson_seven_offers_what_is_not_measured_yet(sweep: SweepResult, run_id: str) -> None:
    app = opened("wrong")
    _, layer = wrong.telling_edit(sweep)
    assert f"its prompt gets the new answer at layer {layer}" in words(app)
    assert "10 facts at each of the" in words(app)
    assert sum(button.label == "Load the bundled model" for button in app.button) == 1


def test_lesson_six_does_not_judge_a_layer_that_no_edit_tried() -> None:
    requests = cached.workbench().requests(BUNDLED, ModelSource()).requests
    made = made_sweep(requests=12, layers=(0, 6, 12, 18, 24, 29))
    few = SweepResult(**{**vars(made), "request_digests": tuple(r.digest for r in requests)})
    save_sweep(cached.workbench().store, SweepQuestion(choice=BUNDLED), few)
    stored_lga(few, 21)
    app = guess(guess(opened("lga")))
    assert "has edited at LGA's layer 21, so they stand alone here" in words(app)
    assert not app.error
    assert app.button(key="lesson-next").label == "Lesson 7: When edits go wrong"


def test_the_teachers_page_asks_for_as_many_requests_as_the_lessons_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_sweep, "FOLDER", "none-here")
    handle = cached.workbench().model(ModelSource())
    few = made_sweep(requests=FEW - 1, fingerprint=handle.fingerprint)
    save_sweep(cached.workbench().store, SweepQuestion(), few)
    asked = f"A sweep of it with {FEW} requests or more is stored"
    assert f"missing** · {asked}" in words(opened("teacher"))
    save_sweep(cached.workbench().store, SweepQuestion(), made_sweep(requests=FEW, fingerprint=handle.fingerprint))
    assert f"there** · {asked}" in words(opened("teacher"))
