"""The first minute: asked, scored, named, edited, measured; stored, opened, taken up again; and its screens."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.errors import Cancelled, ConfigError, DatasetError, StoreError
from goldenlayers_core.evaluation.answers import accepts
from goldenlayers_core.evaluation.evaluate import probe_questions
from goldenlayers_core.evaluation.read import read
from goldenlayers_core.figures import alt_text
from goldenlayers_core.figures.present.large import enlarged
from goldenlayers_core.figures.present.tour import tour_heatmap, tour_values
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results import EditReport, ProbeOutcome
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.edit.stored import open_report, save_report
from goldenlayers_core.tasks.layer_options import early_layer
from goldenlayers_core.tasks.present.slide import said
from goldenlayers_core.tasks.present.stored_tour import FACT, TourQuestion, open_tour, tour_facts, tour_from, under_way
from goldenlayers_core.tasks.present.tour import tour
from goldenlayers_core.tasks.present.tour_words import evidence, further, neighbours, neighbours_kept, told
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.slides import slides
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from goldenlayers_core.tasks.wings import with_screens
from tests import made_evidence
from tests.made_up import made_report, made_sweep, view

FEW = DatasetChoice("bundled", "proxy", 4)


@pytest.fixture
def question(tiny: ModelSource) -> TourQuestion:
    """A tour of a tiny model."""
    return TourQuestion(tiny, FEW)


def kinds(bench: Workbench) -> list[str]:
    return sorted(run.kind for run in bench.store.runs())


def test_a_tour_says_how_far_it_is_and_ends_as_a_run(bench: Workbench, question: TourQuestion) -> None:
    seen: list[tuple[int, int, Tour]] = []
    run_id = tour(
        bench, question, Progress(lambda done, total, _: seen.append((done, total, under_way(bench.store, question))))
    )
    counts = [done for done, _, _ in seen]
    assert counts == sorted(counts)
    assert counts[-1] == seen[-1][1]
    assert {found.stage for _, _, found in seen} >= {0, 1, 3, 5}
    assert max(found.n_scored for _, _, found in seen if not found.score_run) >= 2  # the heatmap fills
    found = open_tour(bench.store, run_id)
    assert found.stage == 5
    assert found == dataclasses.replace(under_way(bench.store, question), rows=())
    scores, selection = open_scores(bench.store, found.score_run)
    assert (found.golden_layer, scores.n_requests) == (selection.golden_layer, 4)
    np.testing.assert_allclose(tour_values(under_way(bench.store, question)), scores.values)
    for run, layer in ((found.edit_run, found.edit_layer), (found.other_run, found.golden_layer)):
        assert open_report(bench.store, run).layer == layer
    assert open_report(bench.store, found.edit_run).prompt == found.prompt
    assert (found.edit_by, found.edit_layer) == ("literature", early_layer(3))
    manifest = next(m for m in bench.store.runs() if m.run_id == run_id)
    assert TourQuestion.from_params(manifest.settings) == question
    assert dict(manifest.summary)["edited at layer"] == str(found.edit_layer)


def test_a_tour_again_is_the_same_run_and_only_a_fresh_one_computes(
    bench: Workbench, question: TourQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = tour(bench, question, Progress())
    first = next(m for m in bench.store.runs() if m.run_id == run_id)
    before = kinds(bench)
    edited: list[int] = []
    from goldenlayers_core.tasks.present import tour as module

    real = module.edit

    def counted(*args: object) -> str:
        edited.append(1)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "edit", counted)
    assert tour(bench, question, Progress()) == run_id
    assert next(m for m in bench.store.runs() if m.run_id == run_id) == first
    assert (kinds(bench), edited) == (before, [])
    assert tour(bench, dataclasses.replace(question, fresh=True), Progress()) == run_id
    assert len(edited) == len({open_tour(bench.store, run_id).edit_run, open_tour(bench.store, run_id).other_run})
    assert open_scores(bench.store, open_tour(bench.store, run_id).score_run)[0].n_computed == 4


def test_a_cancelled_tour_keeps_what_it_found_and_goes_on_from_there(bench: Workbench, question: TourQuestion) -> None:
    def stop_at_the_edit(_done: int, _total: int, note: str) -> None:
        if note.startswith("Editing"):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        tour(bench, question, Progress(stop_at_the_edit))
    so_far = under_way(bench.store, question)
    assert (so_far.stage, bool(so_far.edit_run), kinds(bench)) == (3, False, ["score"])
    job = bench.submit(question, "The first minute")
    assert bench.queue_of(job) is bench.quick
    done = bench.quick.wait(job, 120)
    assert done.state == "done", done.error
    assert done.result in {m.run_id for m in bench.store.runs()}
    assert open_scores(bench.store, so_far.score_run)[0].n_computed == 4  # none of them a second time


def test_a_sweep_in_the_store_decides_where_to_edit(bench: Workbench, question: TourQuestion) -> None:
    handle = bench.model(question.model)
    sweep = made_sweep(12, (0, 1, 2), 3, peak=2, fingerprint=handle.fingerprint)
    run = save_sweep(bench.store, SweepQuestion(question.model, FEW), sweep)
    found = open_tour(bench.store, tour(bench, question, Progress()))
    assert (found.edit_by, found.edit_layer, found.evidence_run) == ("sweep", sweep.golden_layer, run)
    screens = slides(bench.store, next(m.run_id for m in bench.store.runs() if m.kind == "tour"))
    assert any(f"layer {sweep.golden_layer}" in s.headline and s.draw is not None for s in screens)


def test_an_unknown_fact_is_one_sentence(bench: Workbench, question: TourQuestion) -> None:
    lost = dataclasses.replace(question, case_id="nowhere-1")
    with pytest.raises(DatasetError, match="no case 'nowhere-1'"):
        tour(bench, lost, Progress())
    assert under_way(bench.store, lost) == Tour(case_id="nowhere-1", scored=FEW.words)
    assert under_way(bench.store, question) == Tour()
    other = made_report((), view("Paris", 0.1, 0.9), view("Rome", 0.9, 0.1))
    edit_run = save_report(bench.store, EditQuestion(), other, "m")
    with pytest.raises(StoreError, match="holds no tour"):
        open_tour(bench.store, edit_run)
    with pytest.raises(StoreError, match="cannot be read"):
        tour_from({"prompts": [], "rows": [], "nonsense": 1})
    with pytest.raises(ConfigError):
        TourQuestion.from_params({"nonsense": 1})


def test_the_facts_offered_are_of_the_test_part_and_of_many_relations(bench: Workbench) -> None:
    dataset = bench.dataset("bundled")
    facts = tour_facts(dataset)
    assert facts[0].case_id == FACT
    assert len({f.relation for f in facts}) == len(facts) >= 8
    assert {f.split for f in facts} == {"test"}
    assert len({f.case_id for f in facts}) == len(facts)
    assert all(len(f.locality) >= 3 for f in facts)


def test_the_bundled_model_knows_every_fact_offered_with_its_neighbours(bundled: ModelHandle) -> None:
    facts = tour_facts(open_workbench().dataset("bundled"))
    asked = [question for fact in facts for question in probe_questions(fact)]
    said = iter(reading.view.answer for reading in read(bundled, asked))
    for fact in facts:
        for probe in fact.probes:
            answer = next(said)
            if probe.kind == "locality":
                assert accepts(answer, probe.answers), (fact.case_id, probe.prompt, answer)
            if probe.kind == "rewrite":
                assert accepts(answer, fact.true_answers, (fact.target_new,)), (fact.case_id, answer)


def test_what_was_measured_before_is_what_the_shipped_table_says(tmp_path: Path, monkeypatch) -> None:
    scores = made_evidence.peaked(9, 6, 1)
    table = made_evidence.rows(scores, locality={1: 0.75, 4: 0.25})
    file = made_evidence.write(tmp_path / "e.parquet", table)
    monkeypatch.setattr("goldenlayers_core.tasks.shipped_evidence.FILE", str(file))
    found = dataclasses.replace(
        FOUND, fingerprint="f" * 32, golden_layer=4, edit_layer=1, edit_by="measured", evidence="edits", data="bundled"
    )
    assert neighbours_kept(found) == ((1, 0.75), (4, 0.25))
    assert "stay 75 % when layer 1 is edited, 25 % when layer 4 is edited" in evidence(found)
    assert neighbours_kept(dataclasses.replace(found, edit_by="sweep")) == ()
    file.unlink()
    assert evidence(found) == "Real edits: edits."


# Words and pictures ---------------------------------------------------------------------------------------------------

FOUND = Tour(
    model="Some model",
    n_layers=6,
    prompt="The capital of France is",
    target_true="Paris",
    target_new="Rome",
    answer="Paris.",
    knows=True,
    true_probability=0.6,
    scored="bundled, first 2",
    prompts=("a", "b"),
    score_run="score-1",
    golden_layer=4,
    stability=0.1,
    edit_layer=1,
    edit_by="sweep",
    evidence="a sweep",
    edit_run="edit-1",
    other_run="edit-2",
)


def probe(kind: str, place: str, success: bool) -> ProbeOutcome:
    after = "Oslo." if success and kind == "locality" else "Rome, as it was"
    views = view("Oslo.", 0.1, 0.5), view(after, 0.1, 0.5)
    return ProbeOutcome(f"The capital of {place} is", kind, "", ("Oslo",), *views, success, 0.1)


def report(layer: int, stays: int, took: bool = True) -> EditReport:
    """An edit after which `stays` of three neighbours stay and one of two rephrases follows."""
    outcomes = [probe("rewrite", "France", took)]
    outcomes += [probe("locality", f"place {n}", n < stays) for n in range(3)]
    outcomes += [probe("rephrase", f"words {n}", n < 1) for n in range(2)]
    after = view("Rome." if took else "Paris.", 0.9, 0.01)
    return made_report(tuple(outcomes), view("Paris.", 0.01, 0.6), after, layer=layer, took=took)


def test_every_step_says_what_came_out_also_what_is_not_wished() -> None:
    words = told(FOUND, report(1, 2), report(4, 0))
    assert [w.headline for w in words] == [
        "The model says Paris",
        "2 facts, 6 layers: 12 scores",
        "Gradients name layer 4, real edits layer 1",
        "The model now says Rome",
        "2 of 3 neighbours keep their answer; at layer 4, 0 of 3",
    ]
    assert "10 % of resamples" in words[2].text
    assert told(FOUND, report(1, 2, took=False), report(4, 0))[3].headline.startswith("The edit did not take")
    few = dataclasses.replace(FOUND, advice="Too few to tell: layer 1 is ahead so far")
    assert told(few)[2].headline == "Gradients name layer 4. Real edits: too few to tell: layer 1 is ahead so far"
    unknown = told(dataclasses.replace(FOUND, knows=False, target_true="Lyon"))
    assert "does not know" in unknown[0].text
    one = dataclasses.replace(FOUND, golden_layer=1, other_run="edit-1")
    assert told(one, report(1, 3), report(1, 3))[4].headline == "3 of 3 neighbours keep their answer"
    assert told(dataclasses.replace(FOUND, edit_by="literature"))[2].text.count("No real edit was measured") == 1


def test_no_neighbour_is_left_out() -> None:
    found = neighbours(report(1, 2), report(4, 0))
    assert [(n.stays, n.other_stays) for n in found] == [(True, False), (True, False), (False, False)]
    assert [n.after for n in found] == ["Oslo", "Oslo", "Rome"]
    assert further(report(1, 2), report(4, 0)) == "1 of 2 rephrases follow at layer 1, at layer 4 1 of 2."
    assert further(made_report((), view("", math.nan, math.nan), view("", math.nan, math.nan)), None) == ""


@pytest.mark.parametrize(
    ("answer", "short"),
    [
        ("Paris. It is", "Paris"),
        ("Warsaw and more", "Warsaw"),
        ("", "(nothing)"),
        ("the euro (EUR)", "the euro"),
        ("x" * 60, "x" * 43 + "…"),
        ("Sweden Sweden Sweden Sweden Sweden S", "Sweden, again and again"),
        ("New York New York New York New", "New York, again and again"),
        ("Sweden Sweden Norway", "Sweden Sweden Norway"),
    ],
)
def test_an_answer_is_said_in_its_first_clause(answer: str, short: str) -> None:
    assert said(answer) == short


def test_rows_keep_their_colours_while_others_come_in() -> None:
    part = dataclasses.replace(FOUND, score_run="", golden_layer=-1, rows=((1.0, -2.0, 0.5, 0.0, 3.0, 1.0), ()))
    drawn = tour_heatmap(part, tour_values(part), part.prompts)
    full = np.array([part.rows[0], (5.0, 5.0, 5.0, 5.0, 5.0, 5.0)])
    named = tour_heatmap(FOUND, full, FOUND.prompts)
    np.testing.assert_array_equal(drawn.data[0].z[0], named.data[0].z[0])
    assert np.isnan(drawn.data[0].z[1]).all()
    assert "1 of 2 facts scored" in alt_text(drawn)
    assert "gradients name layer 4; 10 % of resamples pick it again" in alt_text(named)
    assert "stands out" not in alt_text(named)
    assert [a.text for a in named.layout.annotations] == ["gradients: 4"]
    assert not drawn.layout.annotations
    large = enlarged(named, 500)
    assert large.layout.height == 500
    assert large.layout.xaxis.tickfont.size > 1.5 * named.layout.template.layout.xaxis.tickfont.size


def test_every_kind_of_run_has_screens_whose_headlines_are_findings(bench: Workbench, question: TourQuestion) -> None:
    run_id = tour(bench, question, Progress())
    found = open_tour(bench.store, run_id)
    sweep = save_sweep(bench.store, SweepQuestion(question.model, FEW), made_sweep())
    for run in (run_id, found.edit_run, found.score_run, sweep):
        screens = slides(bench.store, run)
        assert len(screens) >= 3
        for screen in screens:
            assert screen.headline
            assert not screen.headline.endswith(".")
            assert all(screen.how)
            assert screen.how
            if screen.draw is not None:
                assert alt_text(screen.draw(True))
    headlines = [s.headline for s in slides(bench.store, found.edit_run)]
    after = said(open_report(bench.store, found.edit_run).after.answer)
    assert headlines[1] in (f"The model now says {after}", f"The model still says {after}")
    assert any(re.fullmatch(r"\d of 3 neighbours keep their answer", h) for h in headlines)
    assert "No real edit has judged this yet" in [s.headline for s in slides(bench.store, found.score_run)]
    asked = slides(bench.store, run_id)
    shown = [len(s.changes) for s in asked if s.changes and s.changes[0].word in ("stays", "moved")]
    assert shown == [3] * (1 + (found.golden_layer != found.edit_layer))  # every neighbour, at every layer edited


def test_a_run_without_screens_and_one_that_is_gone_are_sentences(bench: Workbench, question: TourQuestion) -> None:
    with pytest.raises(StoreError, match="is not in this machine's store"):
        slides(bench.store, "tour-nowhere")
    run_id = tour(bench, question, Progress())
    bench.store.delete_run(open_tour(bench.store, run_id).score_run)
    assert slides(bench.store, run_id)  # what is left of it
    bench.store.delete_run(open_tour(bench.store, run_id).edit_run)
    with pytest.raises(StoreError, match="run the tour again"):
        slides(bench.store, run_id)
    assert set(with_screens()) == {"tour", "edit", "score", "sweep"}
