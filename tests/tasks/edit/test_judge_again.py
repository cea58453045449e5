"""Stored edits say by which rules they were judged, and are judged again from the texts that they hold."""

import dataclasses
import json
from pathlib import Path

import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.results import EditReport, ProbeOutcome, View
from goldenlayers_core.runtime import RunManifest, Store, now
from goldenlayers_core.tasks.edit.judge_again import judge_again, report_judged_again
from goldenlayers_core.tasks.edit.stored import open_report, save_report
from goldenlayers_core.tasks.judging import earlier_rules, judged_by
from goldenlayers_core.tasks.questions import EditQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.texts import JUDGEMENT

NAN = float("nan")


def outcome(kind: str, before: str, after: str, success: bool, answers: tuple[str, ...]) -> ProbeOutcome:
    return ProbeOutcome("p", kind, "", answers, View(before, NAN, NAN, ()), View(after, 0.98, 0.01, ()), success, 0.0)


def old_report() -> EditReport:
    """As the rules before "answers-2" judged it: the last three verdicts were wrong."""
    outcomes = (
        outcome("rewrite", "H.", "Aluminum, a metal", False, ("Al",)),
        outcome("rephrase", "Serie A", "Serie B", True, ("Serie A",)),
        outcome("rephrase", "10", "10\u00a0000 people", False, ("10,000",)),
        outcome("locality", "J. K. Rowling", "J. R. R. Tolkien", True, ()),
    )
    sides = (outcomes[0].before, outcomes[0].after)
    fact = ("1", "The symbol of aluminium is", "aluminium", "Al", "H")
    return EditReport(
        "e" * 32, "rome", 5, "by hand", *fact, *sides, outcomes, "It did not take.", False, 0.1, (), "f", {"torch": "2"}
    )


def test_a_report_is_judged_again_from_its_texts() -> None:
    found = report_judged_again(old_report())
    assert [o.success for o in found.outcomes] == [False, False, True, False]
    assert [o.told for o in found.outcomes] == ["written on", "no", "yes", "no"]
    assert found.took is False
    assert "begins with and goes on as a longer word" in found.verdict
    assert "1 of 2 rephrases follow, 1 of 1 neighbour moved" in found.verdict
    assert found.provenance["judgement"] == JUDGEMENT
    assert report_judged_again(found) == found
    assert found.to_frame()["written_on"].tolist() == [True, False, False, False]


def test_a_stored_edit_from_before_opens_is_marked_and_is_judged_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_id = save_report(store, EditQuestion(), old_report(), "tiny")
    written = store.load_run(run_id)
    content = json.loads(written.texts["report"])
    for part in (content, *content["outcomes"]):  # what reports had not yet
        part.pop("against", None)
        for side in ("before", "after"):
            part[side].pop("target_new_agreement")
    store.save_run(written.manifest, dict(written.frames), {"report": json.dumps(content)})
    manifest = store.manifest(run_id)
    assert plain(open_report(store, run_id))["took"] is False
    assert judged_by(manifest) == "answers-1"
    assert earlier_rules(manifest) == "judged by earlier rules, judge it again"
    assert dict(manifest.summary)["rephrase"] == "1 of 2"
    assert judge_again(store, run_id) == 3
    again = store.manifest(run_id)
    assert (judged_by(again), earlier_rules(again)) == (JUDGEMENT, "")
    assert dict(again.summary)["locality"] == "0 of 1"
    assert again.created == manifest.created
    assert [o.success for o in open_report(store, run_id).outcomes] == [False, False, True, False]
    assert judge_again(store, run_id) == 0


def manifest_of(kind: str, provenance: tuple[tuple[str, str], ...] = ()) -> RunManifest:
    return RunManifest(f"{kind}-1", kind, "t", now(), "m", "f", "d", "0", 1, "{}", 1.0, provenance)


def test_what_holds_no_texts_has_to_be_measured_again(tmp_path: Path) -> None:
    store, old = Store(tmp_path), manifest_of("sweep")
    assert earlier_rules(old) == "judged by earlier rules, measure it again"
    assert earlier_rules(manifest_of("sweep", (("judgement", JUDGEMENT),))) == ""
    assert earlier_rules(manifest_of("score")) == judged_by(manifest_of("trace")) == ""
    store.save_run(old, {})
    with pytest.raises(StoreError, match="measure it again"):
        judge_again(store, "sweep-1")


def test_a_long_answer_is_not_judged_by_a_text_that_was_cut() -> None:
    long = "one two three four five six " * 15
    report = old_report()
    rewrite = dataclasses.replace(report.outcomes[0], answers=(long,))
    with pytest.raises(StoreError, match="too long to be judged"):
        report_judged_again(dataclasses.replace(report, outcomes=(rewrite,)))
    told = dataclasses.replace(rewrite, after=dataclasses.replace(rewrite.after, target_new_agreement=1.0))
    assert report_judged_again(dataclasses.replace(report, outcomes=(told,))).took
