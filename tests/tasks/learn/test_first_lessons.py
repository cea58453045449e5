"""Lessons 1 to 3: what they compute and ask, on a tiny real model; texts, glossary, class plan and sheets."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from goldenlayers_core.errors import ConfigError, EditError, RequestError
from goldenlayers_core.figures.learn import know as know_figures
from goldenlayers_core.figures.learn import rank_one as rank_figures
from goldenlayers_core.figures.learn import recall as recall_figures
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditRequest, ModelSource, Probe
from goldenlayers_core.reports.sheet import Sheet, SheetLesson, sheet_html
from goldenlayers_core.results import TokenTrace
from goldenlayers_core.results.formats import percent
from goldenlayers_core.results.learn.know import likeliest_question, share_question, wording_question
from goldenlayers_core.results.learn.question import Guess, Question, layer_ranges, range_words
from goldenlayers_core.results.learn.rank_one import RankOne, alike_question, leak_question, size_question
from goldenlayers_core.results.learn.recall import layer_question, readable_question, token_question
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import EditQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.learn.class_plan import class_plan
from goldenlayers_core.tasks.learn.facts import lesson_facts
from goldenlayers_core.tasks.learn.glossary import glossary, mentions, named
from goldenlayers_core.tasks.learn.know import ask_in_words, speak
from goldenlayers_core.tasks.learn.rank_one import take_apart
from goldenlayers_core.tasks.learn.recall import depth
from goldenlayers_core.tasks.learn.text import LESSONS, NUMBERED, lesson_text, lessons, parse
from goldenlayers_core.tasks.serial import plain
from tests.charts import shortcomings
from tests.tiny import save_tiny

REQUEST = EditRequest(
    "one",
    "The capital of France is",
    "France",
    "Rome",
    "Paris",
    rephrases=(Probe("France is governed from", ("Rome",), "rephrase"),),
    locality=(Probe("The capital of Spain is", ("Madrid",), "locality"),),
    relation="capital",
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return open_workbench(tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return ModelSource(str(save_tiny(tmp_path_factory.mktemp("tiny") / "model")))


@pytest.fixture(scope="module")
def apart(bench: Workbench, tiny: ModelSource) -> RankOne:
    run_id = edit(bench, EditQuestion(tiny, plain(REQUEST), "rome", 1), Progress())
    return take_apart(bench, tiny, open_report(bench.store, run_id).edit_id, REQUEST)


def test_lesson_one_asks_the_model(bench: Workbench, tiny: ModelSource) -> None:
    spoken = speak(bench, tiny, REQUEST.prompt)
    handle = bench.model(tiny)
    ids = torch.tensor([encode_prompt(handle.tokenizer, REQUEST.prompt)])
    p = handle.model(input_ids=ids).logits[0, -1].softmax(dim=0)
    assert spoken.view.top_tokens[0][1] == pytest.approx(float(p.max()), rel=1e-4)
    assert spoken.rest + sum(p for _, p in spoken.view.top_tokens) == pytest.approx(1)
    assert spoken.steps[0].probability == pytest.approx(float(p.max()), rel=1e-4)
    assert spoken.steps[0].probability >= spoken.steps[0].second_probability
    assert spoken.chance == pytest.approx(np.prod([step.probability for step in spoken.steps]))
    question = likeliest_question(spoken, "about")
    assert list(question.options) == sorted(question.options, key=str.casefold)
    assert percent(spoken.view.top_tokens[0][1]) in question.explanation
    with pytest.raises(RequestError, match="is empty"):
        speak(bench, tiny, "  ")
    for drawn in (know_figures.next_words(spoken), know_figures.answer_steps(spoken, dark=True)):
        assert list(shortcomings(drawn)) == []


def test_one_fact_in_several_wordings(bench: Workbench, tiny: ModelSource) -> None:
    found = ask_in_words(bench, tiny, REQUEST)
    assert found.prompts == (REQUEST.prompt, REQUEST.rephrases[0].prompt)
    known = dataclasses.replace(found, knows=(True, False))
    question = wording_question(known)
    assert question.options == ("in none", "in 1", "in all 2")
    assert question.answers == ("in 1",)
    drawn = know_figures.wordings(known)
    assert [label[-1] for label in drawn.layout.yaxis.ticktext] == ["✓", "✗"]
    assert list(shortcomings(drawn)) == []
    with pytest.raises(RequestError, match="no true answer"):
        ask_in_words(bench, tiny, dataclasses.replace(REQUEST, target_true=""))


@pytest.mark.parametrize(("n_known", "place"), [(0, 0), (24, 0), (25, 1), (49, 1), (50, 2), (75, 3), (100, 3)])
def test_the_share_of_known_facts_falls_into_one_quarter(n_known: int, place: int) -> None:
    assert share_question(n_known, 100, "m").right == (place,)


def test_nothing_asked_has_no_share() -> None:
    with pytest.raises(ConfigError, match="ask some first"):
        share_question(0, 0, "m")


def test_lesson_two_reads_every_layer(bench: Workbench, tiny: ModelSource) -> None:
    found = depth(bench, tiny, REQUEST)
    handle = bench.model(tiny)
    ids = torch.tensor([encode_prompt(handle.tokenizer, REQUEST.prompt)])
    last = handle.model(input_ids=ids).logits[0, -1].softmax(dim=0)
    assert found.n_layers == 3
    assert found.rank[-1] == 1
    assert found.probability[-1] == pytest.approx(float(last.max()), rel=1e-4)
    assert found.top[-1] == pytest.approx(found.probability[-1])
    assert (found.probability <= found.top + 1e-9).all()
    late = dataclasses.replace(found, rank=np.array([5.0, 1.0, 2.0, 1.0]))
    assert late.readable_from == 2
    assert readable_question(late, "a").answers == ("from one of layer 2 on",)
    assert dataclasses.replace(found, rank=np.ones(4)).readable_from == 0
    drawn = recall_figures.depth_ladder(late)
    assert len(drawn.data[0].y) == 4
    assert list(shortcomings(drawn)) == []


def made_trace() -> TokenTrace:
    effects = np.zeros((5, 8))
    effects[3, 2], effects[4, 7], effects[3, 6] = 0.6, 0.4, 0.2
    tokens = ("The", " capital", " of", " France", " is")
    return TokenTrace("mlp", 3, "m", "The capital of France is", " Paris", tokens, (3, 3), 0.8, 0.1, effects, 0.1, 4, 0)


def test_questions_about_a_trace_are_answered_by_it() -> None:
    trace = made_trace()
    first = token_question(trace, "a")
    assert first.answers == ("the subject's last token",)
    assert "a token further on" not in first.options  # this prompt has none
    assert "around layer 2 at “France”" in first.explanation
    assert layer_question(trace, "a").answers == ("layers 2 to 3",)


def test_lesson_three_takes_a_real_edit_apart(apart: RankOne) -> None:
    assert apart.rows[0].share == pytest.approx(1)
    assert apart.residual < 1e-6
    assert apart.residual_run < 1e-4
    for row in apart.rows:  # what the key foretells is what a forward pass under the edit measures
        assert row.moved == pytest.approx(abs(row.share), rel=1e-3, abs=1e-4)
        assert abs(row.share) / np.hypot(row.share, row.across) <= 1
    assert apart.relative_update == pytest.approx(apart.update_norm / apart.weight_norm)
    assert {row.kind for row in apart.rows} == {"rewrite", "rephrase", "neighbour", "unrelated"}
    assert apart.rows[0].p_new_after != apart.rows[0].p_new_before
    for drawn in (rank_figures.key_plane(apart), rank_figures.key_rows(apart, dark=True)):
        assert list(shortcomings(drawn)) == []


def test_its_questions_are_answered_by_its_numbers(apart: RankOne) -> None:
    def changed(share: float, **cosines: float) -> RankOne:
        rows = tuple(
            dataclasses.replace(row, share=share, cosine=cosines.get(row.kind, row.cosine))
            if row.kind in ("rephrase", "neighbour")
            else row
            for row in apart.rows
        )
        return dataclasses.replace(apart, rows=rows)

    for share, place in ((0.01, 0), (-0.1, 1), (0.3, 2), (1.2, 3)):
        asked = leak_question(changed(share))
        assert asked is not None
        assert asked.right == (place,)
    for same, other, place in ((0.9, 0.2, 0), (0.2, 0.9, 1), (0.5, 0.52, 2)):
        alike = alike_question(changed(0.1, rephrase=same, neighbour=other))
        assert alike is not None
        assert alike.right == (place,)
    for size, place in ((0.001, 0), (0.03, 1), (0.1, 2), (0.5, 3)):
        assert size_question(dataclasses.replace(apart, update_norm=size, weight_norm=1.0)).right == (place,)
    alone = dataclasses.replace(apart, rows=apart.rows[:1])
    assert leak_question(alone) is None
    assert alike_question(alone) is None


def test_only_an_edit_of_the_request_is_taken_apart(bench: Workbench, tiny: ModelSource, apart: RankOne) -> None:
    with pytest.raises(EditError, match="no rank-one change"):
        take_apart(bench, tiny, apart.edit_id, dataclasses.replace(REQUEST, prompt="The capital of Spain is"))


def test_facts_of_the_lessons_are_one_of_each_relation(bench: Workbench) -> None:
    facts = lesson_facts(bench, ModelSource())
    relations = [fact.relation for fact in facts]
    assert len(set(relations)) == len(relations) > 20
    opened = next(r for r in bench.dataset("bundled").requests if r not in facts and r.rephrases and r.locality)
    assert opened in lesson_facts(bench, ModelSource(), opened.digest)


def test_a_question_needs_options_and_a_right_one() -> None:
    with pytest.raises(ConfigError, match="two or more"):
        Question("k", "?", ("a", "a"), (0,), "")
    with pytest.raises(ConfigError, match="counted from 0"):
        Question("k", "?", ("a", "b"), (2,), "")
    tie = Question("k", "?", ("a", "b", "c"), (0, 2), "")
    assert tie.answers == ("a", "c")
    assert [Guess(tie, i).is_right for i in range(3)] == [True, False, True]


def test_ranges_cover_every_layer_once() -> None:
    for n_layers in (1, 2, 3, 12, 30):
        ranges = layer_ranges(n_layers)
        assert [layer for one in ranges for layer in one] == list(range(n_layers))
        assert all(len(one) for one in ranges)
        assert len({range_words(one) for one in ranges}) == len(ranges)


def test_every_lesson_has_what_the_frame_shows() -> None:
    found = [lesson_text(name) for name in lessons()]
    assert [text.name for text in found] == [name for name in LESSONS if name in lessons()]
    for text in found:
        assert 3 <= text.minutes <= 8
        assert len(text.questions) >= 2
        assert len(text.afterwards) >= 2
        assert "intro" in text.parts
        missing = [word for word in text.words if named(word) is None]
        assert not missing, f"{text.name} has words that the glossary lacks: {missing}"


def test_a_text_says_what_it_lacks() -> None:
    text = parse("know", "# T\n- minutes: 5\n- questions: a, b\n\n## one\nWith {{layer}}.\n")
    assert text.part("one", layer=3) == "With 3."
    assert text.number == "Lesson 1"
    with pytest.raises(ConfigError, match="no part 'two'"):
        text.part("two")
    with pytest.raises(ConfigError, match="values for layer"):
        text.part("one")
    with pytest.raises(ConfigError, match="its minutes"):
        parse("know", "# T\n\n## one\n")
    with pytest.raises(ConfigError, match="no lesson 'none'"):
        lesson_text("none")


def test_every_term_has_a_lesson_and_a_page_that_exist() -> None:
    root = Path(__file__).resolve().parents[3]
    for term in glossary():
        assert term.lesson in LESSONS, term.term
        assert not term.page or (root / term.page).is_file(), term.term
        assert term.meaning.endswith((".", ")", "?")), term.term
    taught = {term.lesson for term in glossary()}
    assert set(LESSONS[:NUMBERED]) <= taught
    assert len({term.key for term in glossary()}) == len(glossary())


def test_mentions_are_whole_words_outside_of_links_and_quotations() -> None:
    text = "A golden layer, not a [golden layer](x); `sweep` and “ROME”. Sweeps, golden layers, edit\\-aware."
    found = [(m.term.key, text[m.start : m.end]) for m in mentions(text)]
    assert found == [("golden-layer", "golden layer"), ("sweep", "Sweeps"), ("edit-aware-analysis", "edit\\-aware")]
    assert [m.term.key for m in mentions(text, leave_out=("golden-layer",))] == ["sweep", "edit-aware-analysis"]
    assert not list(mentions("All roads lead to Rome, and no lga or memit does"))
    assert [m.term.term for m in mentions("ROME and a golden Layer by LGA")] == ["ROME", "golden layer", "LGA"]
    assert not list(mentions("the key to it"))
    assert [m.term.key for m in mentions("the key to it", everyday=True)] == ["key"]


def test_a_class_takes_exactly_its_time() -> None:
    slots = class_plan(90)
    assert [slot.start for slot in slots[1:]] == [slot.start + slot.minutes for slot in slots[:-1]]
    assert slots[-1].start + slots[-1].minutes == 90
    assert [slot.lesson for slot in slots if slot.lesson] == [n for n in lessons() if n in LESSONS[:NUMBERED]]
    with pytest.raises(ConfigError, match="need"):
        class_plan(20)


def test_a_sheet_gives_nothing_away_and_its_twin_everything() -> None:
    question = Question("k", "Which <b>?", ("one & two", "three"), (1,), "Because of 42 %.")
    sheet = Sheet("Some model", (SheetLesson("Lesson 1. Knowing", ("You can.",), (question,)),), "today")
    blank, told = sheet_html(sheet, answers=False), sheet_html(sheet, answers=True)
    assert "Which &lt;b&gt;?" in blank
    assert "one &amp; two" in blank
    assert "42 %" not in blank
    assert "(right)" not in blank
    assert "Because of 42 %." in told
    assert told.index("one &amp; two") < told.index("three (right)")
    assert "http" not in blank + told  # it needs nothing else
