"""A result on show belongs to one model, method and data set, and what stands beside it acts on exactly those."""

import dataclasses
from pathlib import Path

import pytest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.questions import EditQuestion, SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached
from tests import made_evidence
from tests.made_up import made_sweep
from tests.pages.benches import words
from tests.pages.driving import go, opened, press, start, work_done
from tests.tiny import save_tiny

CHOICE = DatasetChoice("bundled", "proxy", 3)


@pytest.fixture
def tiny(tmp_path: Path) -> ModelSource:
    """Another model than the session's, in memory."""
    source = ModelSource(str(save_tiny(tmp_path / "tiny")))
    cached.workbench().model(source)
    return source


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    made_evidence.none(monkeypatch)


def swept(model: ModelSource, peak: int, method: str = "rome", **settings: object) -> str:
    """A stored sweep of a model that is in memory, on the first requests of the bundled data."""
    bench = cached.workbench()
    handle = bench.model(model)
    requests = bench.requests(CHOICE, model).requests
    n = handle.n_layers
    found = dataclasses.replace(
        made_sweep(len(requests), tuple(range(n)), n, peak=peak, fingerprint=handle.fingerprint),
        request_digests=tuple(r.digest for r in requests),
        model=handle.name,
        method=method,
    )
    return save_sweep(bench.store, SweepQuestion(model, CHOICE, method, settings), found)


def test_the_sessions_model_comes_first_and_another_is_chosen_on_purpose(tiny: ModelSource) -> None:
    cached.workbench().model(ModelSource())
    other = swept(tiny, 1)
    app = start("ground_truth")
    assert app.selectbox(key="truth-run").value is None  # the newest sweep of all is of another model
    assert "what each of them gives away" in words(app)
    mine = swept(ModelSource(), 4)
    assert start("ground_truth").selectbox(key="truth-run").value == mine
    newer = swept(tiny, 2, steps=3)
    app = start("ground_truth")
    assert app.selectbox(key="truth-run").value == mine
    app.selectbox(key="truth-run").select(newer if newer != other else other).run()
    assert "which is not this session's model" in words(app)


def test_edit_at_layer_takes_the_model_the_method_and_its_settings_along(tiny: ModelSource) -> None:
    cached.workbench().model(ModelSource())
    run = swept(tiny, 1, "r-rome", steps=7)
    name = cached.workbench().model(tiny).name
    app = start("ground_truth", sweep_run=run)
    assert app.button(key="truth-complete").label == f"Compute what is missing on {name}"
    button = app.button(key="truth-edit")
    assert button.label.startswith(f"Edit {name} at layer ")  # says that it is another model
    assert "session's model" in button.help
    layer = int(button.label.rpartition(" ")[2])
    press(app, "truth-edit")
    app = go(app, "edit")
    assert app.session_state["chosen_model"] == tiny
    assert app.slider(key="edit-layer").value == layer
    assert app.selectbox(key="edit-method").value == "r-rome"
    assert app.number_input(key="edit-r-rome-steps").value == 7
    assert app.number_input(key="edit-r-rome-n_templates").value == 2  # as in the run: at its default


def test_on_the_sessions_model_nothing_is_said_of_another(tiny: ModelSource) -> None:
    run = swept(tiny, 1)
    app = start("ground_truth", sweep_run=run, chosen_model=tiny)
    assert app.button(key="truth-edit").label.startswith("Edit at layer ")
    assert app.button(key="truth-complete").label == "Compute what is missing"
    assert "which is not this session's model" not in words(app)


def test_a_method_without_edits_of_its_own_says_so_and_offers_the_sweep(tiny: ModelSource) -> None:
    swept(tiny, 1)
    app = start("edit", chosen_model=tiny)
    assert "None for ROME yet" not in words(app)
    app.selectbox(key="edit-method").select("wise").run()
    text = words(app)
    assert "Recommended layer for WISE" in text
    assert "ROME edits" not in text.split("Recommended layer for WISE")[1][:200]
    assert "No layer is recommended yet" in text


def test_the_sidebar_speaks_of_the_method_that_an_address_chose(tiny: ModelSource) -> None:
    cached.workbench().model(ModelSource())
    app = opened("edit", method="wise")
    assert app.selectbox(key="edit-method").value == "wise"
    assert "Recommended layer for WISE" in words(app)
    assert "Recommended layer for ROME" not in words(app)


def test_gradients_alone_are_an_estimate_on_the_button_too(tiny: ModelSource) -> None:
    bench = cached.workbench()
    score(bench, ScoreQuestion(tiny, CHOICE), Progress())
    app = start("edit", chosen_model=tiny)
    assert app.button(key="edit-layer-recommended").label.startswith("Estimate: ")
    assert "Estimate: layer" in words(app)
    assert "Use layer" not in words(app)
    assert "None for ROME yet" in words(app)


def test_a_model_that_is_loaded_leaves_the_runs_of_the_one_before(tiny: ModelSource) -> None:
    run = swept(tiny, 1)
    app = start("model", chosen_model=tiny, sweep_run=run)
    work_done(press(app, "model-load"))
    assert app.session_state["chosen_model"] == ModelSource()
    assert "sweep_run" not in app.session_state


@pytest.fixture
def foreign(tiny: ModelSource) -> str:
    """An edit of the other model; its run."""
    bench = cached.workbench()
    bench.model(ModelSource())
    request = bench.requests(CHOICE, tiny).requests[0]
    return edit(bench, EditQuestion(tiny, plain(request), layer=1, settings={"steps": 1, "n_templates": 0}), Progress())


def test_an_edit_of_another_model_says_so_and_is_not_made_again_at_this_models_layers(
    tiny: ModelSource, foreign: str
) -> None:
    name = cached.workbench().store.manifest(foreign).model
    app = start("edit", edit_run=foreign)
    assert f"An edit of {name}, which is not this session's model." in words(app)
    assert "beside-any" not in {button.key for button in app.button}
    press(app, "edit-take-model")
    assert app.session_state["chosen_model"] == tiny
    assert "which is not this session's model" not in words(app)
    assert app.button(key="beside-any")
    assert app.query_params["run"] == foreign


def test_with_another_model_the_edit_on_show_goes_and_an_address_brings_it_back(
    tiny: ModelSource, foreign: str
) -> None:
    app = start("model", chosen_model=tiny, edit_run=foreign)
    work_done(press(app, "model-load"))
    app = go(app, "edit")
    assert "which is not this session's model" not in words(app)
    assert "run" not in app.query_params
    app = opened("edit", run=foreign, model="bundled")
    assert app.query_params["run"] == foreign
    assert app.query_params["model"] == "bundled"
    assert "which is not this session's model" in words(app)


def test_the_layer_stack_is_of_the_model_whose_run_is_on_show(tiny: ModelSource) -> None:
    bench = cached.workbench()
    run, handle = swept(tiny, 1), bench.model(tiny)
    scored = score(bench, ScoreQuestion(tiny, CHOICE), Progress())
    bench.model(ModelSource())
    title = f"{handle.name}: {handle.n_layers} layers."
    assert title in words(start("ground_truth", sweep_run=run))  # the session's model has 30
    assert title in words(start("layer_scores", score_run=scored))
    assert "30 layers." in words(start("ground_truth"))
