"""Dataset: choose, upload, map, filter, use."""

import json

from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice
from pages._shared import cached
from pages._shared.controls_dataset import OWN
from tests.pages.driving import go, press, start, texts, work_done

ODD = "wording;about;becomes\nThe capital of France is;France;Rome\nThe capital of Japan is;Japan;Oslo\n"
PLAIN = (
    "prompt,subject,target_new,target_true\n"
    "The capital of France is,France,Rome,Paris\n"
    "The capital of Japan is,Japan,Oslo,Tokyo\n"
    "The capital of Italy is,Italy,Rome,Rome\n"
    ",Spain,Lima,Madrid\n"
)


def upload(app: AppTest, name: str, content: str | bytes) -> AppTest:
    data = content.encode() if isinstance(content, str) else content
    app.button_group(key="dataset-kind").set_value(OWN).run()
    app.file_uploader(key="dataset-file").set_value((name, data, "application/octet-stream")).run()
    return app


def numbers(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_bundled_proxy_is_there_at_once() -> None:
    app = start("dataset")
    read = numbers(app)
    assert read["Records in the file"] == read["Read"]
    assert read["Not read"] == "0"
    assert len(app.dataframe[0].value) == 32
    assert app.button(key="use-dataset").disabled


def test_a_part_becomes_the_sessions_choice_when_it_is_used() -> None:
    app = start("dataset")
    app.button_group(key="part-split-bundled").set_value("test").run()
    app.number_input(key="part-limit-bundled-test").set_value(7).run()
    assert "chosen_dataset" not in app.session_state
    press(app, "use-dataset")
    assert app.session_state["chosen_dataset"] == DatasetChoice("bundled", "test", 7)
    assert len(app.dataframe[0].value) == 7
    go(go(app, "home"), "dataset")
    assert app.number_input(key="part-limit-bundled-test").value == 7


def test_a_marked_row_shows_every_probe_of_its_request() -> None:
    app = start("dataset")
    request = cached.workbench().dataset("bundled").requests[0]
    shown = texts(app).replace("\\", "")
    for probe in cached.workbench().requests(DatasetChoice("bundled", "proxy", 1), ModelSource()).requests[0].probes:
        assert probe.prompt in shown
    assert request.rephrases


def test_an_upload_is_read_reported_and_kept_for_later_sessions() -> None:
    app = upload(start("dataset"), "facts.csv", PLAIN)
    read = numbers(app)
    assert (read["Records in the file"], read["Read"], read["Not read"]) == ("4", "3", "1")
    report = app.dataframe[-1].value
    assert list(report["Row"]) == [3, 4]
    assert list(report["What"]) == ["remark", "not read"]
    press(app, "use-dataset")
    chosen = app.session_state["chosen_dataset"]
    assert chosen.dataset.startswith("upload-")
    assert "facts.csv" in chosen.words
    later = start("dataset", chosen_dataset=chosen)
    assert numbers(later)["Read"] == "3"
    assert "facts.csv" in later.selectbox(key="dataset-upload").options[0]


def test_two_files_of_one_name_are_told_apart_wherever_they_are_named() -> None:
    app = upload(start("dataset"), "facts.csv", PLAIN)
    press(app, "use-dataset")
    first = app.session_state["chosen_dataset"]
    assert first.words == "facts.csv"
    app = upload(start("dataset"), "facts.csv", PLAIN.replace("Oslo", "Quito"))
    press(app, "use-dataset")
    second = app.session_state["chosen_dataset"]
    assert second.words == f"facts.csv ({second.dataset[7:13]})"
    listed = [name.partition(":")[0] for name in app.selectbox(key="dataset-upload").options]
    assert sorted(listed) == sorted(f"facts.csv ({one.dataset[7:13]})" for one in (first, second))


def test_odd_columns_are_asked_for_and_corrected() -> None:
    app = upload(start("dataset"), "odd.csv", ODD)
    assert "say which of them holds" in app.warning[0].value
    assert not app.metric
    for field, column in (("prompt", "wording"), ("subject", "about"), ("target_new", "becomes")):
        app.selectbox(key=f"column-{field}").set_value(column)
    press(app, "apply-mapping")
    assert not app.warning
    assert numbers(app)["Read"] == "2"
    assert any(
        "New answer" in frame.value and list(frame.value["New answer"]) == ["Rome", "Oslo"] for frame in app.dataframe
    )


def test_a_guessed_mapping_can_be_corrected() -> None:
    app = upload(start("dataset"), "facts.csv", PLAIN)
    assert app.selectbox(key="column-target_new").value == "target_new"
    app.selectbox(key="column-target_new").set_value("target_true")
    app.selectbox(key="column-target_true").set_value("target_new")
    press(app, "apply-mapping")
    frame = next(f.value for f in app.dataframe if "New answer" in f.value)
    assert list(frame["New answer"]) == ["Paris", "Tokyo", "Rome"]


def test_a_mapping_without_a_needed_column_is_one_sentence() -> None:
    app = upload(start("dataset"), "odd.csv", ODD)
    press(app, "apply-mapping")
    assert len(app.error) == 1
    assert "say which of them holds" in app.error[0].value


def test_a_bad_file_is_one_sentence_and_the_choice_stays() -> None:
    app = upload(start("dataset"), "facts.csv", PLAIN)
    press(app, "use-dataset")
    chosen = app.session_state["chosen_dataset"]
    upload(app, "picture.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\x00\xff\xfe\x00")
    assert len(app.error) == 1
    assert "The file is a PNG image" in app.error[0].value
    assert app.session_state["chosen_dataset"] == chosen
    assert numbers(app)["Read"] == "3"


def test_a_published_format_is_recognised_and_needs_no_mapping() -> None:
    record = {
        "case_id": 1,
        "requested_rewrite": {
            "prompt": "The capital of {} is",
            "relation_id": "P36",
            "target_new": {"str": "Rome"},
            "target_true": {"str": "Paris"},
            "subject": "France",
        },
        "paraphrase_prompts": ["France has its government in"],
        "neighborhood_prompts": ["The capital of Japan is"],
    }
    app = upload(start("dataset"), "whatever.txt", json.dumps([record]))
    assert numbers(app)["Read"] == "1"
    assert "counterfact" in texts(app)
    assert not [box for box in app.selectbox if str(box.key).startswith("column-")]


def test_markup_in_a_file_is_shown_as_it_is() -> None:
    content = "prompt,subject,target_new\nThe $x$ of **bold** <b>is</b>,**bold**,:red[no]\n"
    app = upload(start("dataset"), "*odd* $name$.csv", content)
    assert "\\*\\*bold\\*\\*" in texts(app)
    press(app, "use-dataset")
    assert "\\*odd\\* \\$name\\$" in texts(app)


def test_what_the_model_knows_needs_a_model_and_is_counted() -> None:
    app = upload(start("dataset"), "facts.csv", PLAIN)
    reference = app.session_state["dataset-upload"]
    app.toggle(key=f"part-known-{reference}").set_value(True).run()
    assert "has to be loaded" in app.info[0].value
    cached.workbench().model(ModelSource(), Progress())
    app.run()
    assert app.button(key="ask-knowledge").label == "Ask the model 3 requests"
    work_done(press(app, "ask-knowledge"))
    assert "Of 3 requests that the model was asked" in texts(app)
    assert "**2**, does not know **0**, and gives the new answer already for **1**" in texts(app)
    press(app, "use-dataset")
    chosen = app.session_state["chosen_dataset"]
    assert chosen.known_only
    kept = cached.workbench().requests(chosen, ModelSource()).requests
    assert [r.subject for r in kept] == ["France", "Japan"]


def test_a_hub_dataset_is_fetched_only_when_asked_and_offline_is_one_sentence() -> None:
    app = start("dataset")
    app.selectbox(key="dataset-entry").set_value("counterfact").run()
    assert not app.metric
    press(app, "fetch-counterfact")
    assert len(app.error) == 1
    assert "cannot be reached" in app.error[0].value
    assert "chosen_dataset" not in app.session_state


def test_a_table_that_cannot_be_read_can_be_left() -> None:
    app = upload(start("dataset"), "facts.csv", PLAIN)
    upload(app, "odd.csv", ODD)
    assert not app.metric
    press(app, "leave-upload")
    assert not app.warning
    assert numbers(app)["Read"] == "3"


def test_a_language_is_asked_for() -> None:
    fact = {"subject": "France", "src": "What is the capital of France?", "alt": "Rome", "answers": ["Paris"]}
    other = fact | {"src": "Was ist die Hauptstadt von France?"}
    app = upload(start("dataset"), "both.json", json.dumps([{"en": fact, "de": other}]))
    assert "choose one of en, de" in app.warning[0].value
    assert not app.metric
    app.selectbox(key="upload-language").set_value("de").run()
    press(app, "apply-language")
    assert not app.warning
    assert numbers(app)["Read"] == "1"
    assert "Was ist die Hauptstadt von France?" in texts(app)


def test_subjects_are_proposed_and_taken_only_when_confirmed() -> None:
    rows = [
        {"prompt": "The head of Chirp is", "target_new": "Ida"},
        {"prompt": "The head of Pear is", "target_new": "Bo"},
    ]
    app = upload(start("dataset"), "heads.json", json.dumps(rows))
    assert numbers(app)["Read"] == "2"
    assert "none given" in texts(app)
    reference = app.session_state["dataset-upload"]
    assert [r.subject for r in cached.dataset(reference).requests] == ["", ""]
    press(app, "apply-subjects")
    confirmed = app.session_state["dataset-upload"]
    assert [r.subject for r in cached.dataset(confirmed).requests] == ["Chirp", "Pear"]
    assert "apply-subjects" not in {button.key for button in app.button}


def test_a_file_that_is_not_small_is_read_beside_the_page_and_can_be_stopped() -> None:
    lines = "".join(f"The capital of France {n} is,France {n},Rome,Paris\n" for n in range(2500))
    app = upload(start("dataset"), "long.csv", "prompt,subject,target_new,target_true\n" + lines)
    assert "Reading long.csv" in texts(app)
    assert not app.metric
    for _ in range(600):
        if app.metric:
            break
        app.run()
    assert numbers(app)["Read"] == "2,500"
    upload(app, "long.csv", "prompt,subject,target_new,target_true\n" + lines + lines)
    press(app, "stop-reading")
    assert not app.error
    assert numbers(app)["Read"] == "2,500"
