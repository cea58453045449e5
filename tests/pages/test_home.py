"""Home: a stranger sees what this is and what comes next."""

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.recommendation import by_gradients, recommend
from pages._shared import cached
from tests.pages.driving import SOME, go, press, start, stored_scores, texts, work_done


def loaded() -> None:
    cached.workbench().model(ModelSource(), Progress())


def test_a_stranger_sees_the_first_step_and_why_the_others_wait() -> None:
    app = start("home")
    assert app.title[0].value == "Golden Layers"
    assert not app.button(key="do-load").disabled
    assert app.button(key="do-score").disabled
    assert app.button(key="do-edit").disabled
    assert texts(app).count("Needs step 1.") == 2
    assert not app.error
    assert "not loaded yet" in texts(app)


def test_the_three_steps_lead_to_the_edit_page_with_a_request_open() -> None:
    app = start("home", chosen_dataset=SOME)
    work_done(press(app, "do-load"))
    assert "is loaded: 30 layers" in texts(app)
    assert app.button(key="do-score").label == "Score 4 requests"
    work_done(press(app, "do-score"))
    store, known = cached.workbench().store, cached.workbench().model(ModelSource()).fingerprint
    found, advice = by_gradients(store, known), recommend(store, known, data="bundled")
    assert found is not None
    assert advice is not None
    assert f"Gradients name layer {found.layer}" in texts(app)
    assert f"{advice.headline}, by {advice.brief}" in texts(app).replace("\\", "")
    assert app.session_state["score_run"].startswith("score-")
    prompt = cached.workbench().requests(SOME, ModelSource()).requests[0].prompt
    assert prompt in texts(app).replace("\\", "")
    app.button(key="do-edit").click().run()
    assert app.title[0].value == "Edit"
    assert app.session_state["open_request"] == cached.workbench().requests(SOME, ModelSource()).requests[0].digest


def test_a_model_in_memory_is_found_by_a_new_session() -> None:
    loaded()
    app = start("home")
    assert app.button(key="do-load").label == "See the model"
    assert not app.button(key="do-score").disabled


def test_a_load_that_fails_says_why_and_can_be_tried_again() -> None:
    app = start("home", chosen_model=ModelSource("/nowhere/at/all"))
    assert app.button(key="do-load").label == "Load /nowhere/at/all"
    work_done(press(app, "do-load"))
    assert len(app.error) == 1
    assert "There is no folder or file" in app.error[0].value
    assert app.button(key="resume-load").label == "Try again"
    press(app, "dismiss-load")
    assert not app.error


def test_the_last_results_open() -> None:
    run_id = stored_scores()
    app = start("home")
    assert "golden layer" in texts(app)
    app.button(key=f"open-home-{run_id}").click().run()
    assert app.title[0].value == "Layer scores"
    assert app.session_state["score_run"] == run_id


def test_choices_survive_a_walk_through_the_pages() -> None:
    app = start("home", chosen_dataset=SOME)
    for page in ("model", "dataset", "runs", "home"):
        go(app, page)
    assert app.session_state["chosen_dataset"] == SOME
    assert app.button(key="do-score").label == "Score 4 requests"
