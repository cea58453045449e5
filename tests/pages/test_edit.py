"""The page Edit in AppTest, on the bundled model."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import EditQuestion, Workbench
from goldenlayers_core.tasks.recommend import recommend
from goldenlayers_core.tasks.stored import open_report
from pages._shared import cached
from tests.pages.benches import copied, scored, words
from tests.pages.driving import press, start, work_done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scored(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def bench(store_folder: Path, folder: Path) -> Workbench:
    """The workbench of the pages, with one score run in its store and the model in memory."""
    copied(folder, store_folder)
    bench = cached.workbench()
    bench.model(ModelSource())
    return bench


@pytest.fixture
def app(bench: Workbench) -> AppTest:
    """The page with the shortest settings an edit can have: they change numbers, not what the page does with them."""
    app = start("edit")
    app.number_input(key="edit-rome-steps").set_value(4)
    app.number_input(key="edit-rome-n_templates").set_value(0)
    return app.run()


@pytest.fixture
def edited(app: AppTest, bench: Workbench) -> AppTest:
    press(app, "edit-layer-early")
    press(app, "edit")
    return work_done(app)


def test_without_a_model_in_memory_it_offers_to_load_it() -> None:
    app = start("edit")
    assert "No model is in memory yet" in words(app)
    press(app, "edit-load")
    work_done(app)
    assert app.slider(key="edit-layer").max == 29
    assert app.slider(key="edit-layer").value == 5  # no scores, so the literature's layer
    assert "No layer is recommended yet" in words(app)


def test_it_starts_at_the_recommended_layer_with_its_evidence_and_caution(app: AppTest, bench: Workbench) -> None:
    found = recommend(bench.store, bench.model(ModelSource()).fingerprint)
    assert found is not None
    assert app.slider(key="edit-layer").value == found.layer
    assert "LGA on 3 requests of bundled" in words(app)
    assert "has run no edit" in words(app)
    press(app, "edit-layer-middle")
    assert app.slider(key="edit-layer").value == 15
    assert "Layer 15: middle" in words(app)


def test_the_form_is_drawn_from_the_methods_settings(app: AppTest) -> None:
    assert app.selectbox(key="edit-method").options == ["ROME", "R-ROME"]
    assert app.number_input(key="edit-rome-steps").max == 500
    assert "Changed: Steps, Context templates" in words(app)
    app.selectbox(key="edit-method").select("r-rome").run()
    assert app.toggle(key="edit-r-rome-consistent_keys").value is True
    assert "All settings are at their defaults" in words(app)


def test_an_edit_shows_its_verdict_answers_probes_and_cost(edited: AppTest, bench: Workbench) -> None:
    run_id = edited.session_state["edit_run"]
    report = open_report(bench.store, run_id)
    manifest = next(m for m in bench.store.runs() if m.run_id == run_id)
    asked = EditQuestion.from_params(manifest.settings)
    assert (asked.layer, asked.method, asked.settings) == (5, "rome", {"steps": 4, "n_templates": 0})
    text = words(edited)
    assert report.verdict in text
    assert "The base model was never changed" in text
    shown = "\n".join(html.proto.body for html in edited.get("html"))
    for outcome in report.outcomes:
        assert outcome.prompt.replace("'", "&#x27;") in shown
    assert ("✓ yes" in shown, "✗ no" in shown) == (
        any(o.success for o in report.outcomes),
        not all(o.success for o in report.outcomes),
    )
    numbers = {metric.label: metric.value for metric in edited.metric}
    assert numbers["Time"] == f"{report.seconds:.1f} s"
    assert {stage.capitalize() for stage, _ in report.stages} <= set(numbers)


def test_another_layer_stands_beside_it_and_undo_drops_one(edited: AppTest, bench: Workbench) -> None:
    first = edited.session_state["edit_run"]
    press(edited, "beside-15")
    work_done(edited)
    second = edited.session_state["edit_run"]
    reports = [open_report(bench.store, run_id) for run_id in (first, second)]
    assert [report.layer for report in reports] == [5, 15]
    comparison = next(frame.value for frame in edited.dataframe if "took" in frame.value)
    assert list(comparison["layer"]) == [5, 15]
    for report in reports:
        assert report.verdict in words(edited)
    press(edited, f"show-{first}")
    assert edited.session_state["edit_run"] == first
    press(edited, "undo")
    assert edited.session_state["edit_run"] == second
    assert not any("took" in frame.value for frame in edited.dataframe)
    press(edited, "undo")
    assert "No edit yet" in words(edited)


def test_nobody_else_sees_an_edit(edited: AppTest) -> None:
    assert "No edit yet" in words(start("edit"))


def test_free_prompts_are_asked_before_and_after(edited: AppTest) -> None:
    edited.text_area(key="edit-prompts").set_value("The capital of France is\n\nTwo <b>and</b> two is")
    next(b for b in edited.button if b.label.startswith("Ask the model")).click().run()
    table = next(html.proto.body for html in edited.get("html") if "next token moved" in html.proto.body)
    assert "The capital of France is" in table
    assert "Two &lt;b&gt;and&lt;/b&gt; two is" in table
    assert table.count("<tr>") == 3


@pytest.fixture
def free(app: AppTest) -> AppTest:
    return app.segmented_control(key="edit-source").set_value("free").run()


def test_an_example_fills_the_free_form_and_can_be_edited(free: AppTest, bench: Workbench) -> None:
    assert free.button(key="edit").disabled
    press(free, "edit-example")
    assert free.text_input(key="edit-subject").value == "The Eiffel Tower"
    assert not free.button(key="edit").disabled
    press(free, "edit")
    work_done(free)
    report = open_report(bench.store, free.session_state["edit_run"])
    assert {outcome.kind for outcome in report.outcomes} == {"rewrite", "rephrase", "locality"}
    assert report.target_new == "Rome"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("edit-subject", "the eiffel tower", "is not in the prompt (there it is written 'The Eiffel Tower')"),
        ("edit-subject", "Big Ben", "is not in the prompt; copy it"),
        ("edit-subject", " ", "The subject is empty"),
        ("edit-new", "", "The new answer is empty"),
        ("edit-prompt", "", "The prompt is empty"),
        ("edit-neighbours", "a\n" * 51, "There are 51 locality prompts"),
    ],
)
def test_bad_input_is_one_sentence_before_any_work(free: AppTest, field: str, value: str, sentence: str) -> None:
    press(free, "edit-example")
    kind = free.text_area if field == "edit-neighbours" else free.text_input
    kind(key=field).set_value(value).run()
    assert sentence in free.warning[0].value.replace("\\", "")
    assert free.button(key="edit").disabled


def test_a_no_op_is_flagged(free: AppTest) -> None:
    press(free, "edit-example")
    free.text_input(key="edit-new").set_value(" paris. ").run()
    assert "no-op" in free.warning[0].value.replace("\\", "")
    assert not free.button(key="edit").disabled
