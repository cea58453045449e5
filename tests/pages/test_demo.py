"""The demo mode on its pages, and the door before every page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Claim
from goldenlayers_core.tasks import ScoreQuestion
from goldenlayers_core.tasks.mode import person
from pages._shared import cached, session
from pages._shared.desk import NAME, public
from tests.lending import lend_models
from tests.pages.conftest import app_on
from tests.pages.driving import APP, PATIENCE, SOME, go, healthy, opened, press, start, texts

TABLE = b"prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,Paris\n"


@pytest.fixture(autouse=True)
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store of the demo's."""
    monkeypatch.setenv("GOLDENLAYERS_MODE", "demo")
    with app_on(lend_models(tmp_path / "cache")) as folder:
        yield folder


def plain(app: AppTest) -> str:
    return texts(app).replace("\\", "")


def test_the_model_page_offers_the_allowed_models_alone() -> None:
    app = start("model")
    assert "bundled" in app.selectbox(key="model-name").options
    assert all(name == "bundled" or name.startswith("classroom") for name in app.selectbox(key="model-name").options)
    assert "This demo uses only the models bundled" in plain(app)
    assert not app.text_input
    assert "deleted 24 hours after your last visit" in plain(app)
    press(app, "model-load")
    assert cached.workbench().jobs()[0].params["model"]["source"] == "bundled"


@pytest.mark.parametrize("allowed", [False, True])
def test_gemma_is_offered_where_the_demo_allows_it(allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.models.gemma.place.is_ready", lambda _root: False)
    if allowed:
        monkeypatch.setenv("GOLDENLAYERS_MODELS", "bundled,gemma")
    assert ("I accept Gemma's terms of use" in [box.label for box in start("model").checkbox]) == allowed


def test_the_dataset_page_offers_the_allowed_datasets_alone() -> None:
    app = start("dataset")
    assert len(app.selectbox(key="dataset-entry").options) == 3
    app.session_state["dataset-kind"] = "Your own file"
    app.run()
    assert "This demo takes 5 files of at most 8 MiB together" in plain(healthy(app))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"model": "Qwen/Qwen3-0.6B"}, "only the models bundled"),
        ({"dataset": "counterfact"}, "only the datasets bundled"),
    ],
)
def test_an_address_opens_nothing_else(asked: dict[str, str], sentence: str) -> None:
    app = opened("model" if "model" in asked else "dataset", **asked)
    assert sentence in plain(app)
    assert cached.workbench().jobs() == ()


def test_a_session_that_asks_for_another_model_gets_a_sentence() -> None:
    app = start("layer_scores", chosen_model=ModelSource("/etc"), chosen_dataset=SOME)
    assert "/etc/" not in texts(app)
    assert all(job.params.get("model", {}).get("source") != "/etc" for job in cached.workbench().jobs())


def test_two_visitors_see_nothing_of_each_other() -> None:
    ann, bob = start("dataset"), start("dataset")
    assert ann.session_state[NAME] != bob.session_state[NAME]
    bench = cached._workbench()
    hers = cached.DeskBench(bench, public(ann.session_state[NAME]))
    hers.upload(TABLE, "secret-of-ann.csv")
    hers.submit(ScoreQuestion(choice=SOME), "Secret work of Ann", claim_of(ann))
    for app, sees in ((ann, True), (bob, False)):
        app.session_state["dataset-kind"] = "Your own file"
        go(app, "dataset")
        assert any("secret-of-ann" in str(box.options) for box in app.selectbox) is sees
        go(app, "runs")
        assert ("Secret work of Ann" in whole(app)) is sees


def whole(app: AppTest) -> str:
    return texts(app) + "".join(str(bar.proto) for bar in app.get("progress"))


def claim_of(app: AppTest) -> Claim:
    return Claim(public(app.session_state[NAME]), app.session_state["desk-tab"], "score", "Secret work of Ann")


@pytest.fixture
def others_reach_it() -> Iterator[None]:
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    yield
    config.set_option("server.address", before)


@pytest.mark.usefixtures("others_reach_it")
def test_a_server_that_others_reach_shows_nothing_but_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOLDENLAYERS_MODE")
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    assert [title.value for title in app.title] == ["Golden Layers is closed"]
    assert "OPEN=yes" in app.error[0].value
    assert not app.sidebar.markdown
    assert NAME not in app.session_state
    monkeypatch.setenv("GOLDENLAYERS_OPEN", "yes")
    assert "closed" not in healthy(app.run()).title[0].value


@pytest.mark.usefixtures("others_reach_it")
def test_a_login_that_is_not_set_up_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENLAYERS_MODE", "local")
    monkeypatch.setenv("GOLDENLAYERS_LOGIN", "yes")
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    assert [title.value for title in app.title] == ["Golden Layers is closed"]
    assert NAME not in app.session_state


def test_a_setting_that_means_nothing_is_a_sentence() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLDENLAYERS_MODE", "public")
        app = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    assert "set it to demo or local" in healthy(app).error[0].value


def test_a_person_has_one_desk_that_nobody_else_can_name() -> None:
    ann = person("https://id.example", "ann", "a secret")
    assert ann == person("https://id.example", "ann", "a secret")
    assert session.is_name(ann)
    others = {person("https://id.example", "bob", "a secret"), person("https://other.example", "ann", "a secret")}
    assert ann not in others | {person("https://id.example", "ann", "another secret")}
    assert len(others) == 2
