"""Models, datasets and settings as an address writes them, and back; what an address may not do."""

import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import (
    DamageConfig,
    EditAwareConfig,
    LgaConfig,
    LineCheckConfig,
    ModelSource,
    SelectionConfig,
)
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.address import (
    by_short,
    dataset_from,
    dataset_text,
    model_from,
    model_text,
    score_parameters,
    score_question,
    settings_from,
    settings_text,
    short,
    sweep_parameters,
    sweep_question,
)
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.scores.predicting import estimate_question


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (ModelSource(), "bundled"),
        (ModelSource("owner/name"), "owner/name"),
        (ModelSource("owner/name", "main"), "owner/name@main"),
        (ModelSource("/models/secret/my-model"), "here~my-model"),
        (ModelSource("C:\\models\\tiny.gguf"), "here~tiny.gguf"),
    ],
)
def test_models(source: ModelSource, text: str) -> None:
    assert model_text(source) == text
    assert model_from(text, [source]) == source
    assert model_from(text, []) == (None if text.startswith("here~") else source)


def test_a_model_that_is_chosen_keeps_its_device() -> None:
    mine = ModelSource("owner/name", device="cuda:1", dtype="bfloat16")
    assert model_from("owner/name", [mine]) is mine


@pytest.mark.parametrize("text", ["/etc", "../up", "a b", "a/b/c", "<x>", "", "x" * 400 + " "])
def test_no_address_names_a_folder(text: str) -> None:
    with pytest.raises(ConfigError, match="is no model's name"):
        model_from(text, [])
    with pytest.raises(ConfigError, match="is no dataset's name"):
        dataset_from(text, [])


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (DatasetChoice(), "bundled"),
        (DatasetChoice("bundled", "proxy", 32, True), "bundled~proxy~32~known"),
        (DatasetChoice("upload-0a1b", "test"), "upload-0a1b~test"),
        (DatasetChoice("/home/me/facts.csv", "all", 5), "here~facts.csv~5"),
    ],
)
def test_datasets(choice: DatasetChoice, text: str) -> None:
    assert dataset_text(choice) == text
    assert dataset_from(text, ["/home/me/facts.csv"]) == choice


def test_a_file_is_opened_only_where_it_was_used_before() -> None:
    assert dataset_from("here~facts.csv", ["bundled", "/tmp/others.csv"]) is None
    for text in ("bundled~half", "bundled~-3", "bundled~1e9", "here~facts.csv~nothing"):
        with pytest.raises(ConfigError, match="is no part of a dataset"):
            dataset_from(text, ["/home/me/facts.csv"])


def test_settings_keep_their_types_and_leave_files_out() -> None:
    settings = {
        "steps": 10,
        "clamp": 0.5,
        "rate": 1e-05,
        "patient": True,
        "covariance": "samples",
        "file": "/data/x.csv",
    }
    text = settings_text(settings)
    assert "/data" not in text
    back = settings_from(text)
    assert back == {name: value for name, value in settings.items() if name != "file"}
    assert {name: type(value) for name, value in back.items()} == {name: type(settings[name]) for name in back}
    for bad in ("steps", "st eps.1", "steps.", ".1"):
        with pytest.raises(ConfigError, match="is no setting"):
            settings_from(bad)


@pytest.mark.parametrize(
    "asked",
    [
        ScoreQuestion(),
        ScoreQuestion(config=LgaConfig("attention", "model", "bfloat16"), selection=SelectionConfig(2.5)),
        ScoreQuestion(config=LgaConfig(loss_on="sequence")),
        ScoreQuestion(config=LgaConfig("block", loss_on="answer")),
        ScoreQuestion(method="edit-aware", edit_aware=EditAwareConfig(portability=False)),
        ScoreQuestion(method="line-check", line_check=LineCheckConfig(portability=False)),
        ScoreQuestion(method="damage", damage=DamageConfig(precision="bfloat16")),
        *(
            estimate_question(ModelSource(), DatasetChoice(), m, "samples")
            for m in ("edit-aware", "line-check", "damage")
        ),
    ],
)
def test_scores_are_asked_for_as_they_were(asked: ScoreQuestion) -> None:
    told = score_parameters(asked)
    assert score_question(asked.model, asked.choice, told["method"], settings_from(told["settings"])) == asked


def test_an_address_that_names_no_loss_is_of_the_answers() -> None:
    asked = ScoreQuestion(config=LgaConfig("block", loss_on="answer"))
    assert score_parameters(asked)["settings"] == "scope.block"  # as it was before there was another
    found = score_question(asked.model, asked.choice, "", settings_from("scope.block"))
    assert found.config.loss_on == "answer"
    with pytest.raises(ConfigError, match="choose one of sequence, answer"):
        score_question(asked.model, asked.choice, "", settings_from("loss_on.nothing"))


def test_sweeps_are_asked_for_as_they_were() -> None:
    asked = SweepQuestion(method="r-rome", settings={"steps": 4, "clamp_factor": 2.0}, layers=(0, 3, 27), writing=True)
    told = sweep_parameters(asked)
    assert sweep_question(asked.model, asked.choice, told["method"], settings_from(told["settings"])) == asked
    with pytest.raises(ConfigError, match="names no layers"):
        sweep_question(asked.model, asked.choice, "rome", {"layers": "all of them"})


def test_requests_by_the_beginning_of_their_digests() -> None:
    one, other = "ab12cd34ef56" + "0" * 20, "ab12cd34ef99" + "1" * 20
    assert short(one) == "ab12cd34ef56"
    assert by_short(short(one), [one, other]) == one
    assert by_short(one, [one, other]) == one
    assert by_short("ab12cd34ef", [one, other]) is None  # of which of them?
    assert by_short("ab1", [one]) is None  # too short to mean anything
    assert short("made-up") == "made-up"
