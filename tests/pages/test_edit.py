"""The page Edit in AppTest, on the bundled model: a few quick edits are made once, and sessions begin with them."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.evaluation.panel import bundled_panel
from goldenlayers_core.figures.text import percent
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.edit.light import light
from goldenlayers_core.results.edit.stack import Entry, Stack
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench
from goldenlayers_core.tasks.edit.stored import edit_card, open_report
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached
from pages._shared.wording import precise
from tests.made_up import made_sweep
from tests.pages.benches import scored, words
from tests.pages.conftest import app_on
from tests.pages.driving import go, healthy, press, start, twins, work_done


@pytest.fixture(scope="module", autouse=True)
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache folder for the whole file; process-wide caches are new at its begin and end."""
    with app_on(scored(tmp_path_factory.mktemp("cache"))) as folder:
        yield folder


@pytest.fixture(scope="module")
def bench(store_folder: Path) -> Workbench:
    """The workbench of the pages, with one score run in its store and the model in memory."""
    bench = cached.workbench()
    bench.model(ModelSource())
    return bench


def quick(**state: object) -> AppTest:
    """The page with the shortest settings an edit can have: they change numbers, not what the page does with them."""
    app = start("edit", **state)
    app.number_input(key="edit-rome-steps").set_value(4)
    app.number_input(key="edit-rome-n_templates").set_value(0)
    return app.run()


@pytest.fixture
def app(bench: Workbench) -> AppTest:
    return quick()


@pytest.fixture(scope="module")
def made(bench: Workbench) -> tuple[str, str]:
    """Two edits made on the page, the second on top of the first: their ids."""
    app = quick()
    press(app, "edit-layer-early")
    press(app, "edit")
    work_done(app)
    app.segmented_control(key="edit-source").set_value("free").run()
    press(app, "edit-example")
    press(app, "edit")
    work_done(app)
    first, second = app.session_state["stack-A"].edit_ids
    return first, second


def begin(made: tuple[str, str], view: str = "did", b: Stack | None = None) -> AppTest:
    """A session whose stack A holds the two edits."""
    state: dict[str, object] = {"stack-A": Stack((Entry(made[0]), Entry(made[1]))), "edit-view": view}
    return start("edit", **state, **({"stack-B": b} if b else {}))


def html(app: AppTest) -> str:
    """The tables that the page writes itself."""
    return "\n".join(e.proto.body for e in app.get("html") if "<style" not in e.proto.body)


def test_without_a_model_in_memory_it_offers_to_load_it() -> None:
    app = start("edit", chosen_model=ModelSource(dtype="float32"))  # another key than the one that is in memory
    assert "No model is in memory yet" in words(app)
    assert "before its first use it is converted" in words(app)
    assert "is converted" not in words(start("edit", chosen_model=ModelSource("gemma")))  # whose loading is another
    press(app, "edit-load")
    work_done(app)
    assert app.slider(key="edit-layer").max == 29


def test_it_starts_at_the_recommended_layer_with_its_evidence_and_caution(app: AppTest, bench: Workbench) -> None:
    found = recommend(bench.store, bench.model(ModelSource()).fingerprint, data="bundled")
    assert found is not None
    assert app.slider(key="edit-layer").value == found.layer
    assert found.brief in words(app)
    assert found.headline in words(app)
    assert found.caution in words(app)
    press(app, "edit-layer-middle")
    assert app.slider(key="edit-layer").value == 15
    assert "Layer 15: middle" in words(app)
    assert "Stack A is empty" in words(app)


def test_the_form_is_drawn_from_the_methods_settings(app: AppTest) -> None:
    assert app.selectbox(key="edit-method").options[:2] == ["ROME", "R-ROME"]
    assert app.number_input(key="edit-rome-steps").max == 500
    assert "Changed: Steps, Context templates" in words(app)
    app.selectbox(key="edit-method").select("r-rome").run()
    assert app.toggle(key="edit-r-rome-consistent_keys").value is True
    assert "All settings are at their defaults" in words(app)


def test_a_window_says_which_layers_it_writes_and_a_text_needs_none(app: AppTest) -> None:
    app.slider(key="edit-layer").set_value(8).run()
    app.selectbox(key="edit-method").select("memit").run()
    assert "writes a window of 5 layers" in words(app)
    assert "Published" in words(app)
    app.selectbox(key="edit-method").select("ice").run()
    assert not any(slider.key == "edit-layer" for slider in app.slider)
    assert "it needs no layer" in app.info[0].value
    assert app.button(key="edit").label == "Add the text"


def test_an_edit_shows_its_light_answers_probes_and_cost(made: tuple[str, str], bench: Workbench) -> None:
    app = begin(made)
    card = edit_card(bench.store, made[1])
    report, first = open_report(bench.store, card.run_id), edit_card(bench.store, made[0])
    manifests = {m.run_id: EditQuestion.from_params(m.settings) for m in bench.store.runs() if m.kind == "edit"}
    assert (manifests[first.run_id].layer, manifests[first.run_id].settings) == (5, {"steps": 4, "n_templates": 0})
    assert manifests[first.run_id].earlier == ()
    assert manifests[card.run_id].earlier == (made[0],)  # on top of the stack, as the switch says
    assert report.provenance["on top of"] == "1 edit"
    text = words(app)
    assert light(report, card).words in text
    assert "Before: the model with 1 edit below it" in text
    assert "The base model was never changed" in text
    for outcome in report.outcomes:
        assert outcome.prompt.replace("'", "&#x27;") in html(app)
    assert "Target probability" in html(app)
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers["Time"] == precise(report.seconds)
    table = next(frame.value for frame in app.dataframe if "took" in frame.value)
    assert list(table["layer"]) == [5, 5]


def test_the_stack_says_what_every_edit_is(made: tuple[str, str], bench: Workbench) -> None:
    text, change = words(begin(made)), edit_card(bench.store, made[0]).weight_change
    assert "1. France: Paris → Warsaw" in text
    assert "2. The Eiffel Tower: Paris → Rome** · on show" in text
    assert f"ROME · layer 5 · rank 1 · norm {percent(change)} of the weight · 8.2 KiB · digest {made[0][:8]}" in text


def test_a_note_on_an_edit_is_kept_with_its_run(made: tuple[str, str], bench: Workbench) -> None:
    app, run_id = begin(made), edit_card(bench.store, made[0]).run_id
    app.text_area(key=f"note-stack-A-{run_id}").set_value("for *Friday*")
    press(app, f"keep-note-stack-A-{run_id}")
    assert bench.store.manifest(run_id).note == "for *Friday*"
    assert "for *Friday*" in words(app)
    file = cached.export_bundle(ModelSource(), made, "safetensors", ("for *Friday*", ""))
    header = json.loads(file.data[8 : 8 + int.from_bytes(file.data[:8], "little")])["__metadata__"]
    assert json.loads(header["notes"]) == ["for *Friday*", ""]
    assert "for *Friday*" in words(go(app, "runs"))


def test_edits_are_switched_moved_dropped_undone_redone_copied_and_cleared(made: tuple[str, str]) -> None:
    app, (one, two) = begin(made), made

    def stack(name: str = "A") -> tuple[Entry, ...]:
        entries: tuple[Entry, ...] = app.session_state[f"stack-{name}"].entries
        return entries

    app.toggle(key=f"stack-on-A-{one[:12]}").set_value(False).run()
    assert stack() == (Entry(one, False), Entry(two))
    assert "Stack A · 1 on" in app.segmented_control(key="edit-stack-choice").options
    press(app, f"stack-up-A-{two[:12]}")
    assert stack() == (Entry(two), Entry(one, False))
    press(app, f"stack-drop-A-{two[:12]}")
    assert stack() == (Entry(one, False),)
    for _ in range(3):
        press(app, "stack-undo")
    assert stack() == (Entry(one), Entry(two))
    assert app.button(key="stack-undo").disabled
    press(app, "stack-redo")
    assert stack() == (Entry(one, False), Entry(two))
    assert app.toggle(key=f"stack-on-A-{one[:12]}").value is False
    press(app, "stack-copy")
    press(app, "stack-clear")
    assert (stack(), stack("B")) == ((), (Entry(one, False), Entry(two)))
    app.segmented_control(key="edit-stack-choice").set_value("B").run()
    assert "2. The Eiffel Tower: Paris → Rome" in words(healthy(app))
    app = go(go(app, "model"), "edit")
    assert "2. The Eiffel Tower: Paris → Rome" in words(app)


def test_nobody_else_sees_a_stack(made: tuple[str, str]) -> None:
    assert "Stack A is empty" in words(start("edit"))
    assert "No edit yet" in words(start("edit"))


def test_the_same_fact_at_another_layer_takes_the_place_of_the_first(made: tuple[str, str], bench: Workbench) -> None:
    app = begin(made)
    press(app, f"stack-show-A-{made[0][:12]}")
    press(app, "beside-15")
    work_done(app)
    entries = app.session_state["stack-A"].entries
    assert entries[:2] == (Entry(made[0], False), Entry(made[1]))
    third = edit_card(bench.store, entries[2].edit_id)
    assert third.layers == (15,)
    asked = next(m for m in bench.store.runs() if m.run_id == third.run_id).settings
    assert asked["earlier"] == []  # as the first: what it was computed on is not changed by trying another layer
    press(app, "undo")  # of the edit on show, which is the new one
    assert app.session_state["stack-A"].edit_ids == made


def test_an_edit_can_be_computed_on_the_unedited_model(made: tuple[str, str], bench: Workbench) -> None:
    app = begin(made)
    assert "computed on top of 2 edits" in words(app)
    app.toggle(key="edit-on-top").set_value(False).run()
    assert "computed on the unedited model" in words(app)


def test_the_blast_radius_is_measured_once_and_read_by_everyone(
    made: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = bundled_panel()[::8]  # the rest of the panel takes time and shows nothing more
    monkeypatch.setattr("goldenlayers_core.tasks.edit.panel.bundled_panel", lambda: some)
    app = begin(made, "panel")
    press(app, "panel")
    work_done(app)
    text = words(app)
    assert f"of {len(some)} prompts" in text
    assert "the next token move" in text
    assert "of the panel go on with another word" in text
    frame = next(frame.value for frame in twins(app).dataframe if "divergence_nats" in frame.value)
    assert len(frame) == len(some)
    assert frame["divergence_nats"].is_monotonic_decreasing
    curve = next(frame.value for frame in app.dataframe if "perplexity" in frame.value)
    assert list(curve["edits"]) == [0, 1, 2]
    again = begin(made, "panel")
    assert not any(button.key == "panel" for button in again.button)
    again.toggle(key=f"stack-on-A-{made[0][:12]}").set_value(False).run()
    assert any(button.key == "panel" for button in again.button)  # another stack, another radius
    assert "has no edit that is on" in start("edit", **{"edit-view": "panel"}).info[0].value


def test_the_layer_stack_marks_where_the_edit_on_show_stands_not_where_the_next_one_would(
    made: tuple[str, str],
) -> None:
    app = begin(made)
    stands = edit_card(cached.workbench().store, made[1]).layers
    other = next(layer for layer in range(30) if layer not in stands)
    for layer in (*stands, other):  # of the controls, for the next edit
        app.session_state["edit-layer"] = layer
        app.run()
        frame = next(f.value for f in twins(app).dataframe if "named_by" in f.value)
        edited = frame[frame["named_by"].str.contains("edited")]
        assert tuple(edited["layer"]) == stands
    fresh = start("edit")
    frame = next(f.value for f in twins(fresh).dataframe if "named_by" in f.value)
    assert not frame["named_by"].str.contains("edited").any()


def test_the_lens_reads_any_prompt_and_says_what_it_cannot(made: tuple[str, str]) -> None:
    app = begin(made, "lens")
    frame = next(frame.value for frame in twins(app).dataframe if "rank_new" in frame.value)
    assert len(frame) == 2 * 31
    assert "At the end P(“Rome”)" in words(app)
    assert "Direct logit attribution (Elhage et al. 2021)" in words(app)
    for key, value, sentence in (
        ("lens-old", "Rome, of old", "begin with the same token"),
        ("lens-new", "", "The new target is empty"),
        ("lens-prompt", " ", "The prompt is empty"),
    ):
        changed = begin(made, "lens")
        changed.text_input(key=key).set_value(value).run()
        assert sentence in changed.warning[0].value.replace("\\", "")
        assert changed.session_state["stack-A"].edit_ids == made


def test_both_stacks_and_the_unedited_model_answer_side_by_side(made: tuple[str, str]) -> None:
    app = begin(made, "sides", Stack((Entry(made[0]),)))
    app.text_area(key="edit-prompts").set_value("The Eiffel Tower is located in the city of\n\nTwo <b>and</b> two is")
    app.number_input(key="sides-tokens").set_value(6)
    app.button(key="sides-ask").click().run()
    table = html(healthy(app))
    first, second = "France: Paris → Warsaw (ROME, layer 5)", "The Eiffel Tower: Paris → Rome (ROME, layer 5)"
    assert f"stack A <span class='gl-quiet'>2 edits: {second}; {first}</span>" in table
    assert f"stack B <span class='gl-quiet'>1 edit: {first}</span>" in table
    assert f"data-side='stack B, 1 edit: {first}'" in table  # which heads it on a phone
    assert "<mark>Rome" in table
    assert "Two &lt;b&gt;and&lt;/b&gt; two is" in table
    app.toggle(key="sides-chat").set_value(True)
    app.number_input(key="sides-temperature").set_value(0.7)
    app.button(key="sides-ask").click().run()
    assert "temperature 0.7, seed 0 on every side, in the model's chat template" in words(healthy(app))


def test_every_layer_reads_a_stored_sweep_and_edits_there(made: tuple[str, str], bench: Workbench) -> None:
    first = edit_card(bench.store, made[0])
    asked = next(m for m in bench.store.runs() if m.run_id == first.run_id).settings
    assert begin(made, "layers").button(key="own-layers-start").label == "Write it into every layer in turn (30)"
    request = next(r for r in cached.dataset("bundled").requests if r.prompt == asked["request"]["prompt"])
    digests = ("a", request.digest, "c")
    sweep = dataclasses.replace(made_sweep(requests=3, fingerprint=first.fingerprint), request_digests=digests)
    run_id = save_sweep(bench.store, SweepQuestion(choice=DatasetChoice("bundled", "proxy", 3)), sweep)
    app = begin(made, "layers")
    press(app, f"stack-show-A-{made[0][:12]}")
    assert run_id in words(app)
    answers = next(frame.value for frame in app.dataframe if "answer after the edit" in frame.value)
    assert answers["answer after the edit"][5] == "answer 1 at 5 <b>"
    assert answers[""][5] == "edited here"
    app.select_slider(key="layers-at").set_value(3).run()
    press(app, "layers-edit")
    job = bench.jobs()[0]
    assert (job.kind, job.params["layer"], job.params["settings"]) == ("edit", 3, {"steps": 4, "n_templates": 0})
    work_done(app)
    assert edit_card(bench.store, app.session_state["stack-A"].edit_ids[-1]).layers == (3,)
    bench.store.delete_run(run_id)


def test_an_edit_of_another_model_is_said_and_left_out(made: tuple[str, str], bench: Workbench) -> None:
    arrays, meta = bench.store.load_arrays("edits", made[0])
    bench.store.save_arrays("edits", "b" * 32, arrays, {**meta, "fingerprint": "0" * 32, "edit_id": "b" * 32})
    app = start("edit", **{"stack-A": Stack((Entry("b" * 32), Entry(made[1])))})
    text = words(app)
    assert "It was made on another model (fingerprint 00000000)" in text
    assert "computed on top of 1 edit;" in text
    assert "2. The Eiffel Tower: Paris → Rome" in text


def test_an_edit_that_was_deleted_leaves_the_stack(made: tuple[str, str]) -> None:
    app = start("edit", **{"stack-A": Stack((Entry("c" * 32), Entry(made[1])))})
    assert "1. The Eiffel Tower: Paris → Rome" in words(app)


@pytest.fixture
def free(app: AppTest) -> AppTest:
    app.segmented_control(key="edit-source").set_value("free").run()
    assert app.button(key="edit").disabled
    press(app, "edit-example")
    assert not app.button(key="edit").disabled
    return app


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("edit-subject", "the eiffel tower", "is not in the prompt (there it is written 'The Eiffel Tower')"),
        ("edit-subject", "Big Ben", "is not in the prompt; copy it"),
        ("edit-subject", " ", "The subject is empty"),
        ("edit-new", "", "The new answer is empty"),
        ("edit-prompt", "", "The prompt is empty"),
        ("edit-prompt", "The Eiffel Tower " * 2000, "characters; write at most 2,000"),
        ("edit-neighbours", "a\n" * 51, "There are 51 locality prompts"),
    ],
)
def test_bad_input_is_one_sentence_before_any_work(free: AppTest, field: str, value: str, sentence: str) -> None:
    kind = free.text_area if field == "edit-neighbours" else free.text_input
    kind(key=field).set_value(value).run()
    assert sentence in free.warning[0].value.replace("\\", "")
    assert free.button(key="edit").disabled


def test_where_the_subject_stands_several_times_the_person_says_which(free: AppTest) -> None:
    free.text_input(key="edit-prompt").set_value("Nigeria borders Niger, and Niger borders").run()
    free.text_input(key="edit-subject").set_value("Niger").run()
    (choice,) = (radio for radio in free.radio if str(radio.key).startswith("edit-subject-at-"))
    assert (choice.value, [o.replace("\\", "") for o in choice.options]) == (
        16,
        ["Nigeria borders [Niger], and Niger borders", "…eria borders Niger, and [Niger] borders"],
    )
    assert not free.button(key="edit").disabled
    choice.set_value(27).run()
    healthy(free)
    free.text_input(key="edit-prompt").set_value("Nigeria borders Niger, in").run()
    assert not [radio for radio in free.radio if str(radio.key).startswith("edit-subject-at-")]


def test_a_no_op_is_flagged(free: AppTest) -> None:
    free.text_input(key="edit-new").set_value(" paris. ").run()
    assert "no-op" in free.warning[0].value.replace("\\", "")
    assert not free.button(key="edit").disabled


def test_a_failed_edit_is_one_sentence_and_the_stack_unharmed(made: tuple[str, str], bench: Workbench) -> None:
    app = begin(made)
    question = EditQuestion(
        request={"case_id": "x", "prompt": "Here", "subject": "there", "target_new": "a", "target_true": "b"}, layer=99
    )
    st_job = bench.submit(question, "An edit out of range")
    app.session_state["job:edit"] = st_job
    work_done(app)
    assert "Layer 99 was asked for" in words(app)
    assert app.session_state["stack-A"].edit_ids == made


def test_a_long_stack_is_listed_in_parts(made: tuple[str, str], bench: Workbench) -> None:
    arrays, meta = bench.store.load_arrays("edits", made[0])
    ids = [f"{number:02d}{'0' * 30}" for number in range(14)]
    for edit_id in ids:
        bench.store.save_arrays("edits", edit_id, arrays, {**meta, "fingerprint": "0" * 32, "edit_id": edit_id})
    app = start("edit", **{"stack-A": Stack(tuple(map(Entry, ids)))})
    assert "14. France → Warsaw" in words(app)
    assert "12. France → Warsaw" not in words(app)
    app.number_input(key="stack-page-A").set_value(1).run()
    assert "1. France → Warsaw" in words(healthy(app))
    assert "14. France → Warsaw" not in words(app)
