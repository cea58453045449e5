"""An accepted row is used where its file is named, for the model it was made for, and nowhere else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from goldenlayers_core.commands.models import discovery_answer, discovery_lines
from goldenlayers_core.errors import ConfigError, ModelError, UnknownArchitectureError
from goldenlayers_core.models import architectures, load_model
from goldenlayers_core.models.accepted import accepted_in, as_python
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.discovery import accept, discover
from goldenlayers_core.tasks.fits import fit_of
from goldenlayers_core.tasks.model_card import card
from tests.tiny import save_tiny


@pytest.fixture
def no_gpt2(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(row for row in architectures.ARCHITECTURES if row.model_type != "gpt2")
    monkeypatch.setattr(architectures, "ARCHITECTURES", rows)


@pytest.mark.usefixtures("no_gpt2")
def test_a_row_is_proposed_accepted_and_used(tmp_path: Path) -> None:
    folder, cache = save_tiny(tmp_path / "mine", "gpt2"), tmp_path / "cache"
    with pytest.raises(UnknownArchitectureError, match="models --discover"):
        load_model(str(folder), cache=cache)
    found = discover(ModelSource(str(folder)), cache, Progress())
    assert found.holds
    assert not (cache / "rows").exists()  # nothing is accepted by looking
    assert dict(found.columns)["orientation"] == "in_out"
    assert 'mlp=("mlp.c_fc", "mlp.c_proj")' in found.python
    assert any("--accept-row" in line for line in discovery_lines(found, None))
    told = json.loads(json.dumps(discovery_answer(found, None)))
    assert (told["holds"], told["accepted"], told["row"]["embedding"]) == (True, None, "transformer.wte")
    file = accept(found, cache)
    assert str(file) in discovery_lines(found, file)[-1]
    handle = load_model(str(file), cache=cache)
    assert handle.name == "mine"
    assert handle.architecture.mlp_out == "mlp.c_proj"
    assert handle.result_key.endswith(handle.accepted)
    assert card(handle).accepted
    assert dict(card(handle).scopes)["mlp"] == ("mlp.c_fc", "mlp.c_proj")
    assert fit_of(ModelSource(str(file)), cache).outline.known
    with pytest.raises(UnknownArchitectureError):
        load_model(str(folder), cache=cache)  # only where the file is named

    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"activation_function": "relu"}))
    with pytest.raises(ModelError, match="accepted for another configuration"):
        load_model(str(file), cache=cache)
    file.write_text(file.read_text().replace("mlp.c_fc", "mlp.c_proj"))
    with pytest.raises(ModelError, match="changed after it was accepted"):
        accepted_in(file)
    (tmp_path / "x.row.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read as an accepted row"):
        load_model(str(tmp_path / "x.row.json"), cache=cache)
    failed = replace(found, findings=(replace(found.findings[1], outcome="no"),))
    with pytest.raises(ModelError, match="fails LGA"):
        accept(failed, cache)


def test_a_family_with_a_row_is_not_examined(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has a row already"):
        discover(ModelSource(str(save_tiny(tmp_path / "model"))), tmp_path, Progress())


def test_the_row_as_python_is_the_row() -> None:
    for row in architectures.ARCHITECTURES[:8]:
        assert eval(as_python(row), {"Architecture": architectures.Architecture}) == row  # our own text
