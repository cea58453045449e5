"""The layer stack stands on every page where a layer matters, and says the same as the recommendation beside it."""

import dataclasses
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from goldenlayers_core.tasks.truth.sweep import sweep
from pages._shared import cached
from tests.made_up import made_sweep
from tests.pages.driving import go, healthy, start, stored_scores, texts
from tests.tiny import save_tiny

PAGES = ("home", "layer_scores", "ground_truth", "edit")


@pytest.fixture
def source(tmp_path: Path) -> ModelSource:
    return ModelSource(str(save_tiny(tmp_path / "tiny")))


def stacks(app: AppTest) -> list[str]:
    """The keys of the layer stacks on the page."""
    return [str(chart.proto.id) for chart in app.get("plotly_chart") if "layer-stack" in str(chart.proto.id)]


def test_without_real_edits_it_says_so_on_every_page(source: ModelSource) -> None:
    cached.workbench().model(source)
    app = start("home", chosen_model=source)
    for page in PAGES:
        app = go(app, page)
        assert len(stacks(app)) == 1, page
        assert "No edits were measured" in texts(app), page


def test_with_a_sweep_it_says_what_the_sidebar_says(source: ModelSource) -> None:
    bench = cached.workbench()
    choice = DatasetChoice("bundled", "proxy", 3)
    sweep(bench, SweepQuestion(source, choice, settings={"steps": 1, "n_templates": 0}), Progress())
    app = start("home", chosen_model=source, chosen_dataset=choice)
    for page in PAGES:
        app = healthy(go(app, page))
        assert len(stacks(app)) == 1, page
        assert texts(app).count("Too few to tell") > 1, page  # above the stack and in the sidebar


def test_nothing_without_a_model() -> None:
    assert not stacks(start("home"))


def test_a_run_of_a_model_that_is_not_in_memory_has_the_literatures_flag_too() -> None:
    scored = stored_scores(n_layers=30)
    swept = dataclasses.replace(made_sweep(12), provenance={**made_sweep(12).provenance, "model_type": "llama"})
    save_sweep(cached.workbench().store, SweepQuestion(choice=DatasetChoice("bundled", "proxy", 12)), swept)
    app = start("layer_scores", score_run=scored)  # itself it does not say of which family the model is
    (drawn,) = [chart.proto.spec for chart in app.get("plotly_chart") if "layer-stack" in str(chart.proto.id)]
    assert "literature: 5" in drawn
