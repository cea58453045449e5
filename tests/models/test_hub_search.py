"""The hub's search: what it says of each model, and one sentence where it does not answer."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from goldenlayers_core.errors import ModelNotFoundError
from goldenlayers_core.models.hub_search import search
from tests.models.hub_server import Hub, running_hub
from tests.tiny import save_tiny


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as server:
        server.repositories["owner/tiny-llama"] = save_tiny(tmp_path / "llama")
        other = tmp_path / "other"
        other.mkdir()
        (other / "config.json").write_text(json.dumps({"model_type": "mamba"}))
        server.repositories["owner/Tiny-Mamba"] = other
        server.parameters["owner/tiny-llama"] = 135_000_000
        server.gated.add("owner/Tiny-Mamba")
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server


def test_names_sizes_licences_and_gates(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret-of-mine")
    llama, mamba = search(" tiny ")
    assert (llama.name, llama.n_parameters, llama.licence, llama.gated) == (
        "owner/tiny-llama",
        135_000_000,
        "apache-2.0",
        False,
    )
    assert (llama.model_type, llama.against) == ("llama", "")
    assert (mamba.gated, mamba.n_parameters) == (True, 0)
    assert "no MLP whose output matrix" in mamba.against
    ((asked, who),) = hub.searched
    assert (asked["search"], asked["filter"], asked["limit"]) == (["tiny"], ["safetensors"], ["12"])
    assert who == "Bearer secret-of-mine"
    assert "secret" not in repr((llama, mamba))
    assert hub.asked == ["GET /api/models"]  # no file of any model
    assert search("nothing of this name") == ()


def test_offline_nothing_is_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match="HF_HUB_OFFLINE is set"):
        search("tiny")
    with pytest.raises(ModelNotFoundError, match="No words"):
        search("  ")
    assert not hub.searched


def test_a_hub_that_thinks_or_breaks_is_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret-of-mine")
    hub.thinks = 3.0
    begin = time.monotonic()
    with pytest.raises(ModelNotFoundError, match=r"no answer within 0.5 s\); check the network"):
        search("tiny", seconds=0.5)
    assert time.monotonic() - begin < 2.5
    hub.thinks, hub.search_broken = 0.0, 403
    with pytest.raises(ModelNotFoundError, match="cannot be searched") as caught:
        search("tiny")
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelNotFoundError, match="cannot be searched"):
        search("tiny", seconds=1.0)
