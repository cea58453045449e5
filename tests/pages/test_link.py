"""The address of a view: written as a person looks, read when somebody opens it, and what of it is not here."""

from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import DatasetChoice, address
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached, link_copy
from tests.made_up import made_sweep
from tests.pages.driving import (
    APP,
    PATIENCE,
    healthy,
    opened,
    press,
    start,
    stored_edit,
    stored_scores,
    texts,
    work_done,
)

PROXY = DatasetChoice("bundled", "proxy", 12)


def notices(app: AppTest) -> str:
    """What the page says of the address."""
    return "\n".join(
        m.value for m in app.markdown if m.value.startswith((":material/link", ":material/memory"))
    ).replace("\\", "")


def stored_sweep(prefix: str = "case") -> str:
    """A sweep of made-up numbers in the store; its id."""
    question = SweepQuestion(choice=PROXY, layers=(0, 3, 6), settings={"steps": 4})
    return save_sweep(cached.workbench().store, question, made_sweep(4, (0, 3, 6), prefix=prefix))


def test_layer_scores() -> None:
    first, second = stored_scores(seed=1), stored_scores(seed=2)
    app = start("layer_scores", score_run=first)
    app.selectbox(key="scores-request").select_index(3).run()
    app.segmented_control(key="scores-scale").set_value("symlog").run()
    there = dict(app.query_params)
    assert there == {
        "model": "bundled",
        "dataset": "bundled",
        "run": first,
        "request": "bundled-1-3",
        "method": "lga",
        "settings": "loss_on.sequence",
        "view": "symlog",
    }
    other = opened("layer_scores", **{**there, "layer": "5"})
    assert other.selectbox(key="scores-run").value == first
    assert other.selectbox(key="scores-request").value == 3
    assert other.segmented_control(key="scores-scale").value == "symlog"
    assert other.session_state["open-layer"] == 5
    assert not notices(other)
    other.selectbox(key="scores-run").set_value(second).run()  # an ordinary rerun is no arrival
    assert other.query_params["run"] == second


def test_ground_truth() -> None:
    run_id = stored_sweep()
    stored_sweep("another")
    app = opened("ground_truth", run=run_id, request="case00000002", layer="6", view="requests")
    assert app.selectbox(key="truth-run").value == run_id
    assert app.selectbox(key="truth-request").value == 2
    assert app.select_slider(key="truth-layer").value == 6
    assert app.query_params["dataset"] == "bundled~proxy~12"
    assert app.query_params["settings"] == "layers.0_3_6~steps.4"
    app = opened("ground_truth", run=run_id, view="metrics", layer="3")
    assert app.segmented_control(key="truth-view").value == "metrics"
    assert app.query_params["layer"] == "3"  # kept until it is looked at
    app.segmented_control(key="truth-view").set_value("requests").run()
    assert app.select_slider(key="truth-layer").value == 3


def test_edit_with_its_form() -> None:
    run_id, bench = stored_edit(), cached.workbench()
    bench.model(ModelSource())
    digest = bench.dataset("bundled").requests[40].digest
    asked = {"model": "bundled", "dataset": "bundled~test~20~known", "run": run_id, "request": address.short(digest)}
    asked |= {"method": "rome", "settings": "clamp_factor.3.5~steps.7", "layer": "9", "view": "take"}
    app = opened("edit", **asked)
    assert app.session_state["chosen_dataset"] == DatasetChoice("bundled", "test", 20, True)
    assert app.session_state["edit_run"] == run_id
    assert app.selectbox(key="edit-request-digest").value == digest
    assert app.slider(key="edit-layer").value == 9
    assert app.number_input(key="edit-rome-steps").value == 7
    assert app.segmented_control(key="edit-view").value == "take"
    assert not notices(app)
    assert dict(app.query_params) == asked


def test_edit_waits_for_its_model_and_then_shows_the_form() -> None:
    app = opened("edit", model="bundled", method="ft-m", layer="11")
    assert app.query_params["layer"] == "11"
    press(app, "edit-load")
    work_done(app)
    assert app.slider(key="edit-layer").value == 11
    assert app.selectbox(key="edit-method").value == "ft-m"


def test_a_link_shows_its_edit_before_the_model_is_in_memory_and_loses_nothing_when_it_comes() -> None:
    run_id = stored_edit()
    report = cached.report(run_id)
    assert cached.workbench().cards() == ()
    app = opened("edit", model="bundled", run=run_id, layer="9", view="take")
    said = texts(app)
    assert "Load the model" in [button.label for button in app.button]
    assert report.prompt in said
    assert "Before and after" in said
    assert "Load its model to lay it on a stack" in said
    assert not [button for button in app.button if button.key in ("lay", "undo")]
    assert app.query_params["layer"] == "9"
    press(app, "edit-load")
    work_done(app)
    assert app.slider(key="edit-layer").value == 9
    assert app.segmented_control(key="edit-view").value == "take"
    assert app.session_state["edit_run"] == run_id


def test_a_written_request() -> None:
    cached.workbench().model(ModelSource())
    mine = {"prompt": "The Louvre is in", "subject": "The Louvre", "new": "Rome", "stay": "The Tower is in\nThe sky is"}
    app = opened("edit", **mine)
    assert app.segmented_control(key="edit-source").value == "free"
    assert app.text_input(key="edit-prompt").value == "The Louvre is in"
    assert app.text_area(key="edit-neighbours").value == mine["stay"]
    assert {name: app.query_params[name] for name in mine} == mine


def test_dataset_shows_the_part_and_uses_it_when_asked() -> None:
    app = opened("dataset", dataset="bundled-hard~test~7~known")
    assert app.session_state["dataset-entry"] == "bundled-hard"
    assert app.number_input(key="part-limit-bundled-hard-test").value == 7
    assert app.query_params["dataset"] == "bundled-hard~test~7~known"
    assert "chosen_dataset" not in app.session_state
    press(app, "use-dataset")
    assert app.session_state["chosen_dataset"] == DatasetChoice("bundled-hard", "test", 7, True)
    whole = opened("dataset", dataset="bundled~proxy")
    assert (
        whole.number_input(key="part-limit-bundled-proxy").value
        == whole.number_input(key="part-limit-bundled-proxy").max
    )


def test_runs_with_filter_and_page() -> None:
    for seed in range(9):
        stored_scores(seed=seed)
    edit = stored_edit()
    app = opened("runs", view="score", page="2")
    assert app.segmented_control(key="runs-kind").value == "score"
    assert len([b for b in app.button if str(b.key).startswith("open-runs-")]) == 1
    a, b = (app.selectbox(key=f"compare-{name}").value for name in "ab")
    assert dict(app.query_params) == {"view": "score", "page": "2", "a": a, "b": b}
    app.segmented_control(key="runs-kind").set_value("edit").run()
    assert dict(app.query_params) == {"view": "edit", "a": a, "b": b}
    assert f"open-runs-{edit}" in [b.key for b in app.button]


def test_two_runs_beside_each_other() -> None:
    first, second, third = (stored_scores(seed=seed) for seed in range(3))
    app = opened("runs", a=first, b=third)
    assert (app.selectbox(key="compare-a").value, app.selectbox(key="compare-b").value) == (first, third)
    app.selectbox(key="compare-b").set_value(second).run()
    assert (app.query_params["a"], app.query_params["b"]) == (first, second)
    assert "The address asks for the run A “score-gone”" in notices(opened("runs", a="score-gone", b=third))


@pytest.mark.parametrize(
    ("page", "key", "view"), [("layer_scores", "scores", ""), ("ground_truth", "truth", "requests")]
)
def test_the_order_of_the_rows(page: str, key: str, view: str) -> None:
    run_id = stored_scores() if page == "layer_scores" else stored_sweep()
    app = opened(page, run=run_id, order="dataset", **({"view": view} if view else {}))
    order = app.segmented_control(key=f"{key}-order")
    assert order.value == "dataset"
    assert app.query_params["order"] == "dataset"
    order.set_value("best").run()
    assert "order" not in app.query_params


def test_the_link_that_is_copied_opens_the_view() -> None:
    run_id = stored_scores()
    app = start("layer_scores", score_run=run_id)
    copied = app.code[0].value
    asked = {name: values[0] for name, values in parse_qs(urlsplit(copied).query).items()}
    assert asked == dict(app.query_params)
    assert link_copy.address("http://me:8501/base/edit", {"dataset": "a~b", "model": "x/y"}) == (
        "http://me:8501/base/edit?dataset=a~b&model=x/y"
    )


def test_a_link_says_which_choices_it_replaced_and_gives_them_back() -> None:
    mine, theirs = stored_scores(seed=1), stored_scores(seed=2)
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    app.session_state["score_run"] = mine  # as the desk of a browser that was here before
    app.switch_page("pages/layer_scores.py")
    app.query_params["run"] = theirs
    healthy(app.run())
    assert app.selectbox(key="scores-run").value == theirs
    title = cached.workbench().store.manifest(mine).title
    had = f"the dataset (bundled (proxy split), first 32), the layer scores on show ({title})"
    assert f"This link took the place of what this browser had: {had}." in notices(app)
    press(app, "link-do-before")
    assert app.selectbox(key="scores-run").value == mine
    assert app.query_params["run"] == mine
    assert not notices(app)


# What is not here -----------------------------------------------------------------------------------------------------


def test_scores_that_are_not_here_are_computed_here() -> None:
    asked = {"run": "score-0123456789abcdef", "model": "bundled", "dataset": "bundled~proxy~2", "method": "lga"}
    app = opened("layer_scores", **{**asked, "settings": "scope.mlp_out", "request": "abcdefabcdef"})
    said = notices(app)
    assert "The run score-0123456789abcdef is not in this store. The missing one was LGA of bundled (proxy" in said
    press(app, "link-do-run")
    work_done(app)
    run = next(m for m in cached.workbench().store.runs() if m.kind == "score")
    assert run.settings["config"]["scope"] == "mlp_out"
    assert app.session_state["score_run"] == run.run_id
    assert app.query_params["run"] == run.run_id
    assert "The request abcdefabcdef of the address is not in the run on show." in notices(app)
    press(app, "link-dismiss")
    assert not notices(app)


def test_a_sweep_that_is_not_here_can_be_swept_here() -> None:
    there = stored_sweep()
    asked = {
        "run": "sweep-0123456789abcdef",
        "model": "bundled",
        "dataset": "bundled~proxy~2",
        "settings": "layers.0_3~steps.4",
    }
    app = opened("ground_truth", **asked)
    assert (
        "is not in this store, and what is shown below is another one. The missing one was a sweep of ROME edits of"
        in notices(app)
    )
    assert app.selectbox(key="truth-run").value == there
    press(app, "link-do-run")
    (job,) = cached.workbench().jobs()
    assert (job.params["layers"], job.params["settings"]) == ([0, 3], {"steps": 4})
    cached.workbench().slow.cancel(job.job_id)


@pytest.mark.parametrize(
    ("page", "asked", "said"),
    [
        ("layer_scores", {"run": "score-nowhere"}, "The address does not say enough to compute it"),
        (
            "layer_scores",
            {"run": "score-nowhere", "model": "bundled", "dataset": "bundled", "settings": "scope.everything"},
            "cannot be computed here: Scope",
        ),
        (
            "layer_scores",
            {"run": "score-nowhere", "model": "bundled", "dataset": "bundled", "method": "guess"},
            "The method 'guess' is unknown",
        ),
        ("learn", {"view": "sideways"}, "The address asks for the view “sideways”, which is none of: contents, know"),
        ("edit", {"run": "edit-nowhere"}, "the form below is as it was when the link was made"),
        ("layer_scores", {"dataset": "upload-" + "0" * 32}, "is not in this store; upload the file"),
        ("layer_scores", {"dataset": "nobody-knows"}, "No dataset is called “nobody-knows” here"),
        (
            "layer_scores",
            {"dataset": "here~facts.csv"},
            "The dataset facts.csv is a file of the machine the link was made on",
        ),
        ("layer_scores", {"dataset": "/etc/passwd"}, "“/etc/passwd” is no dataset's name"),
        ("layer_scores", {"dataset": "bundled~seventy"}, "“seventy” is no part of a dataset"),
        ("layer_scores", {"dataset": "knowedit-zsre"}, "is on the Hugging Face hub and was not fetched yet"),
        ("model", {"model": "owner/tiny"}, "This link is about the model owner/tiny, which is not in memory."),
        (
            "model",
            {"model": "here~my-model"},
            "The model my-model is a folder or file of the machine the link was made on",
        ),
        ("model", {"model": "<script>"}, "“<script>” is no model's name"),
        ("model", {"model": "a" * 400}, "The address cannot be read at: model."),
        ("layer_scores", {"run": "bad\x00run"}, "The address cannot be read at: run."),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(page: str, asked: dict[str, str], said: str) -> None:
    app = opened(page, **asked)
    assert said in notices(app)


def test_a_request_layer_view_or_method_that_is_none() -> None:
    cached.workbench().model(ModelSource())
    asked = {"request": "0" * 12, "layer": "99", "view": "sideways", "method": "magic", "settings": "steps.0~x.1"}
    app = opened("edit", **asked)
    said = notices(app)
    assert "The request 000000000000 of the address is not in the dataset on show." in said
    assert "The address asks for layer 99; there is no such one among layers 0 to 29." in said
    assert "The address asks for the view “sideways”, which is none of: did, panel" in said
    assert "The address asks for the method “magic”, which is none of: " in said
    assert "has no such setting, or not with that value: steps, x." in said
    known = recommend(cached.workbench().store, cached.workbench().model(ModelSource()).fingerprint, data="bundled")
    assert known is not None
    assert app.slider(key="edit-layer").value == known.layer
