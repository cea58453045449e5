"""A link to a run puts a new session on the run's model, data and method; one at work is offered them in one press."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached
from tests.made_up import made_sweep
from tests.pages.driving import APP, PATIENCE, healthy, opened, press, start, stored_scores
from tests.pages.test_link import notices
from tests.tiny import save_tiny

HARD = DatasetChoice("bundled-hard", "proxy", 3)


@pytest.fixture
def tiny(tmp_path: Path) -> ModelSource:
    return ModelSource(str(save_tiny(tmp_path / "tiny")))


def swept(model: ModelSource, choice: DatasetChoice = HARD, method: str = "r-rome") -> str:
    """A sweep of made-up numbers of another model, data and method than the session's."""
    question = SweepQuestion(model, choice, method, {"steps": 4}, (0, 1, 2))
    found = made_sweep(4, (0, 1, 2), 3, fingerprint="e" * 32)
    return save_sweep(cached.workbench().store, question, found)


def test_a_new_session_computes_on_what_the_link_shows(tiny: ModelSource) -> None:
    app = opened("ground_truth", run=swept(tiny))
    assert app.session_state["chosen_model"] == tiny
    assert app.session_state["chosen_dataset"] == HARD
    assert app.session_state["edit-method"] == "r-rome"
    assert "Recommended layer for R-ROME" in "\n".join(m.value for m in app.sidebar.markdown)
    assert app.selectbox(key="truth-run").value == app.query_params["run"]
    assert not notices(app)


def test_a_session_at_work_is_offered_it_in_one_press(tiny: ModelSource) -> None:
    run_id = swept(tiny)
    app = start("home")
    app.query_params["run"] = run_id
    healthy(app.switch_page("pages/ground_truth.py").run())
    assert "chosen_model" not in app.session_state
    said = notices(app)
    assert "What the link shows is of the model tiny, the dataset" in said
    assert "the method R-ROME; this session is on something else" in said
    press(app, "link-do-session")
    assert app.session_state["chosen_model"] == tiny
    assert app.session_state["chosen_dataset"] == HARD
    assert app.session_state["sweep_run"] == run_id
    assert MethodUsed("r-rome").words in "\n".join(m.value for m in app.sidebar.markdown)


def test_all_of_what_a_browser_had_comes_back_its_defaults_and_its_empty_places_too(tiny: ModelSource) -> None:
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    app.session_state["score_run"] = stored_scores()  # as the desk of a browser that was here before
    app.switch_page("pages/ground_truth.py")
    app.query_params["run"] = swept(tiny)
    said = notices(healthy(app.run()))
    assert "the model (SmolLM2-135M-Instruct), the dataset (bundled (proxy split), first 32)" in said
    press(app, "link-do-before")
    assert app.session_state["chosen_model"] == ModelSource()
    assert app.session_state["chosen_dataset"] == DatasetChoice("bundled", "proxy", 32)
    assert "sweep_run" not in app.session_state
    assert app.selectbox(key="truth-run").value is None  # the sweep is of another model


def test_what_is_not_here_is_said(tmp_path: Path) -> None:
    gone = ModelSource(str(tmp_path / "models" / "gone-model"))
    app = opened("ground_truth", run=swept(gone, DatasetChoice("upload-" + "0" * 32), "rome"))
    said = notices(app)
    assert "The model gone-model is no longer where it was on this machine." in said
    assert "is not in this store; upload the file here" in said
    assert "The session stays on what it had" in said
    assert str(tmp_path) not in said
    assert "chosen_model" not in app.session_state


def test_a_run_of_the_sessions_own_model_under_another_path_changes_nothing(tiny: ModelSource, tmp_path: Path) -> None:
    bench = cached.workbench()
    fingerprint = bench.model(ModelSource()).fingerprint
    other = ModelSource(str(shutil.copytree(tiny.source, tmp_path / "copy")))
    choice = DatasetChoice("bundled", "proxy", 32)
    question = SweepQuestion(other, choice, "rome", {"steps": 4}, (0, 1, 2))
    run_id = save_sweep(bench.store, question, made_sweep(4, (0, 1, 2), 3, fingerprint=fingerprint))
    app = opened("ground_truth", run=run_id)
    assert "chosen_model" not in app.session_state
    assert not notices(app)
    assert "which is not this session's model" not in "\n".join(c.value for c in app.caption)
