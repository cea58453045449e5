"""The first minute on Home: offered, stopped, failed, finished; every step opens its page with its run."""

import re

import pytest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks.present.stored_tour import TourQuestion
from pages._shared import cached
from tests.pages.driving import PATIENCE, go, healthy, press, start, texts, work_done
from tests.pages.tours import stored_tour


def html(app: object) -> str:
    """What the page writes as HTML."""
    return "\n".join(element.proto.body for element in app.get("html"))  # type: ignore[attr-defined]


def test_a_stranger_gets_one_button_and_what_it_will_do() -> None:
    app = start("home")
    assert app.button(key="tour-go").label == "Show me in a minute"
    assert app.button(key="tour-go").proto.type == "primary"
    assert app.button(key="do-load").proto.type == "secondary"  # one gold button
    assert app.selectbox(key="tour-fact").options[0].startswith("The capital of Spain is | Madrid → Canberra")


def test_with_another_model_chosen_it_says_on_which_it_runs() -> None:
    app = start("home", chosen_model=ModelSource("some/other-model"))
    assert "It runs on the bundled model; yours (some/other\\-model) stays chosen." in texts(app)


def test_a_finished_tour_says_what_it_found_with_every_neighbour() -> None:
    run_id, tour = stored_tour()
    app = start("home", tour_run=run_id)
    said = texts(app)
    for words in (
        "1. The model says Paris",
        "2. 6 facts, 8 layers: 48 scores",
        f"3. Gradients name layer {tour.golden_layer}, real edits layer {tour.edit_layer}",
        "4. The model now says Rome",
        f"5. 3 of 3 neighbours keep their answer; at layer {tour.golden_layer}, 1 of 3",
        f"1 of 2 rephrases follow at layer {tour.edit_layer}",
    ):
        assert words in said.replace("\\", ""), words
    assert re.search(r"Computed today \d\d:\d\d, in .+; shown from the store", said.replace("\\", ""))
    drawn = html(app)
    assert drawn.count("✓ stays") == 4
    assert drawn.count("✗ moved") == 2
    assert "<b>place</b>" not in drawn  # what a dataset holds is no markup
    assert not app.error
    press(app, "tour-close")
    assert app.button(key="tour-go")


@pytest.mark.parametrize(
    ("step", "page", "kept"),
    [
        ("ask", "Edit", "open_request"),
        ("score", "Layer scores", "score_run"),
        ("layer", "Ground truth", ""),
        ("edit", "Edit", "edit_run"),
        ("neighbours", "Edit", "other_run"),
    ],
)
def test_every_step_opens_its_page_with_its_run(step: str, page: str, kept: str) -> None:
    run_id, tour = stored_tour()
    app = start("home", tour_run=run_id)
    app.button(key=f"tour-open-{step}").click().run()
    healthy(app)
    assert app.title[0].value == page
    wanted = {"open_request": tour.request, "score_run": tour.score_run, "edit_run": tour.edit_run}
    if kept == "other_run":
        assert app.session_state["edit_run"] == tour.other_run
    elif kept:
        assert app.session_state[kept] == wanted[kept]


def test_a_tour_opens_from_the_runs_and_outlives_what_was_deleted() -> None:
    run_id, tour = stored_tour()
    app = start("runs")
    press(app, f"open-runs-{run_id}")
    assert app.title[0].value == "Golden Layers"
    assert "4. The model now says Rome" in texts(app)
    store = cached.workbench().store
    store.delete_run(tour.other_run)
    store.delete_run(tour.score_run)
    assert texts(go(app, "home")).count("was deleted from the store") == 2
    store.delete_run(run_id)
    assert press(app, "tour-close").button(key="tour-go")


def test_a_tour_that_fails_says_why_and_one_that_is_cancelled_can_go_on() -> None:
    bench = cached.workbench()
    lost = bench.submit(TourQuestion(case_id="nowhere-1"), "The first minute")
    app = work_done(start("home", **{"job:tour": lost}))
    assert "has no case 'nowhere-1'" in app.error[0].value.replace("\\", "")
    assert app.button(key="resume-tour").label == "Try again"
    press(app, "dismiss-tour")
    press(app, "tour-go")
    (job,) = (j for j in bench.jobs() if j.active)
    bench.queue_of(job.job_id).cancel(job.job_id)
    assert not bench.queue_of(job.job_id).wait(job.job_id, PATIENCE).active
    app.run()
    healthy(app)
    assert "was cancelled; what was finished is kept" in app.warning[0].value
    assert app.button(key="resume-tour").label == "Resume"
