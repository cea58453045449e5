"""A saved edit on a dataset: rates, what is left out, and files that are no edits."""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from goldenlayers_core.errors import EditError
from goldenlayers_core.evaluation import evaluate_edit
from goldenlayers_core.evaluation.fluency import fluency
from goldenlayers_core.places import assets_folder
from goldenlayers_core.records import EditRequest, ModelSource, Probe
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, open_workbench
from goldenlayers_core.tasks.edit.evaluation import evaluate_on, open_edit_file
from goldenlayers_core.tasks.edit.export import export_to
from goldenlayers_core.tasks.edit.one_edit import edit, open_edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.serial import plain
from tests.lending import lend_models
from tests.tiny import save_tiny

QUICK = {"n_templates": 1, "steps": 12}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    made = open_workbench(lend_models(tmp_path_factory.mktemp("evaluating") / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def edited(bench, tmp_path_factory) -> tuple[EditRequest, Path, str]:
    """The bundled dataset's third request, edited on the bundled model."""
    request = bench.dataset("bundled").requests[2]
    run_id = edit(bench, EditQuestion(ModelSource(), plain(request), "rome", 5, QUICK), Progress())
    report = open_report(bench.store, run_id)
    file = tmp_path_factory.mktemp("edits") / "one.safetensors"
    export_to(bench.model(ModelSource()), [open_edit(bench, report.edit_id)], "safetensors", file)
    return request, file, report.edit_id


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four tokens of a continuation; tests of the command line and of fluency write it whole."""
    monkeypatch.setattr("goldenlayers_core.tasks.edit.evaluation.fluency", functools.partial(fluency, new_tokens=4))


@pytest.fixture
def one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short text for the perplexity, where a test does not look at it."""
    monkeypatch.setattr("goldenlayers_core.tasks.edit.evaluation.neutral_text", lambda: "We went along the river.")


def test_a_file_holds_the_edit_that_was_saved(bench, edited):
    _, file, edit_id = edited
    read = open_edit_file(file)
    assert read.edit_id == edit_id
    assert read == open_edit(bench, edit_id)


def test_rates_agree_with_the_edits_own_report(bench, edited):
    request, file, _ = edited
    made = open_edit_file(file)
    found = evaluate_on(bench, ModelSource(), made, DatasetChoice("bundled", limit=4), Progress())
    report = evaluate_edit(bench.model(ModelSource()), made, request)
    assert found.case_id == request.case_id
    assert found.n_requests == 4
    own = {rate.kind: rate for rate in found.rates if rate.group == "edited"}
    for kind, (good, count) in report.rates().items():
        rate = own[kind]
        assert rate.n_probes == count
        assert (rate.unchanged if kind == "locality" else rate.after) == good
        mean = sum(o.divergence for o in report.outcomes if o.kind == kind) / count
        assert rate.divergence == pytest.approx(mean, rel=1e-2, abs=1e-4)
    others = [r for r in bench.dataset("bundled").requests[:4] if r != request]
    asked = [p for r in others for p in r.probes]
    assert sum(r.n_probes for r in found.rates if r.group == "others") + found.n_left_out == len(asked)
    unchanged, count = found.locality
    assert 0 <= unchanged <= count == len(asked) - found.n_left_out + own["locality"].n_probes
    assert found.perplexity[0] != found.perplexity[1]
    assert all(1 < p < 200 for p in found.perplexity)
    assert len(found.to_frame()) == len(found.rates)


def test_the_edited_request_is_read_beyond_the_limit_and_its_question_left_out_elsewhere(bench, edited, one_sentence):
    request, file, _ = edited
    other = EditRequest(
        "other",
        "Japan's capital is",
        "Japan",
        "Oslo",
        "Tokyo",
        locality=(Probe(request.prompt, ("x",), "locality"), Probe("Two plus two is", ("four",), "locality")),
    )
    reference, _ = bench.upload(table([other, request]), "two.json")
    found = evaluate_on(bench, ModelSource(), open_edit_file(file), DatasetChoice(reference, limit=1), Progress())
    assert (found.n_requests, found.n_left_out) == (2, 1)
    locality = next(r for r in found.rates if (r.group, r.kind) == ("others", "locality"))
    assert locality.n_probes == 1


def test_a_fact_that_is_not_in_the_dataset_is_asked_alone(bench, edited, one_sentence):
    _, file, _ = edited
    made = open_edit_file(file)
    stranger = dataclasses.replace(made, facts=(dataclasses.replace(made.fact, target_new="Atlantis"),))
    found = evaluate_on(bench, ModelSource(), stranger, DatasetChoice("bundled", limit=1), Progress())
    assert found.case_id == ""
    assert found.n_requests == 1
    own = [r for r in found.rates if r.group == "edited"]
    assert [(r.kind, r.n_probes) for r in own] == [("rewrite", 1)]


def test_an_edit_of_another_model_and_files_that_are_no_edits_are_refused(bench, edited, tmp_path):
    _, file, _ = edited
    other = ModelSource(str(save_tiny(tmp_path / "tiny")))
    with pytest.raises(EditError, match="load the model it belongs to"):
        evaluate_on(bench, other, open_edit_file(file), DatasetChoice("bundled", limit=1), Progress())
    with pytest.raises(EditError, match="cannot be read"):
        open_edit_file(tmp_path / "missing.safetensors")
    with pytest.raises(EditError, match="cannot be read"):
        open_edit_file(tmp_path)
    text = tmp_path / "text.safetensors"
    text.write_text("not an edit")
    with pytest.raises(EditError, match="is not a whole safetensors file"):
        open_edit_file(text)
    save_file({"weight": np.zeros((2, 2), np.float32)}, tmp_path / "weights.safetensors")
    with pytest.raises(EditError, match="but not of edits"):
        open_edit_file(tmp_path / "weights.safetensors")


def table(requests: list[EditRequest]) -> bytes:
    """Requests in the project's own format."""
    content = json.loads((assets_folder() / "datasets" / "bundled.json").read_text())
    rows = [{**plain(r), "rephrases": [probe.prompt for probe in r.rephrases]} for r in requests]
    return json.dumps({**content, "requests": rows}).encode()
