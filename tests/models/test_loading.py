"""Every source loads; everything that can go wrong is one sentence."""

import json
import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch
from transformers import AutoModelForCausalLM

from goldenlayers_core.errors import (
    Cancelled,
    ConfigError,
    GatedModelError,
    ModelError,
    ModelNotFoundError,
    ModelTooLargeError,
    UnknownArchitectureError,
    UnsafeWeightsError,
)
from goldenlayers_core.models import load_model
from goldenlayers_core.models.architectures import row_named
from goldenlayers_core.models.available import on_disk
from goldenlayers_core.models.drafts import recorded_fingerprint
from goldenlayers_core.models.fingerprint import folder_fingerprint, weights_digest
from goldenlayers_core.models.gguf import bundled_gguf
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.memory import check_fits, count_parameters, straight_to
from goldenlayers_core.places import cache_root
from tests.lending import copy_model
from tests.models.hub_server import COMMIT, Hub, running_hub
from tests.tiny import ROWS, kind_of, save_tiny, tiny_model, tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny")


@pytest.fixture
def hub(tmp_path, monkeypatch, folder):
    with running_hub() as server:
        server.repositories["owner/tiny"] = folder
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield server


def one_sentence(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    assert "Traceback" not in text
    assert text.rstrip().endswith((".", ")"))
    return text


def test_the_bundled_model_loads_and_knows_paris(bundled):
    handle = bundled
    assert (handle.n_layers, handle.hidden_size, handle.vocabulary_size) == (30, 576, 49152)
    assert handle.architecture.model_type == "llama"
    assert not any(p.requires_grad for p in handle.model.parameters())
    ids = handle.tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.inference_mode():
        top = int(handle.model(input_ids=ids).logits[0, -1].argmax())
    assert handle.tokenizer.decode([top]) == " Paris"


@pytest.mark.parametrize("row", ROWS)
def test_a_local_folder_of_every_row_loads(tmp_path, row):
    saved = save_tiny(tmp_path / row, row)
    handle = load_model(str(saved), device="cpu", cache=tmp_path / "cache")
    assert handle.architecture.model_type == kind_of(row)
    assert handle.name == row
    assert handle.n_layers == 3


@pytest.mark.parametrize("row", ["qwen3_5", "qwen3_5_moe"])
def test_a_multimodal_folder_and_its_text_model_alone_are_one_model(tmp_path, row):
    whole = load_model(str(save_tiny(tmp_path / "whole", row)), "cpu")
    tiny_model(row).save_pretrained(tmp_path / "text")
    tokenizer().save_pretrained(tmp_path / "text")
    text = load_model(str(tmp_path / "text"), "cpu")
    assert (whole.architecture.model_type, text.architecture.model_type) == (row, f"{row}_text")
    assert whole.sites("block").keys() == text.sites("block").keys()
    assert weights_digest(whole.model) == weights_digest(text.model)


def test_a_model_that_is_not_laid_out_as_its_row_says_is_refused(folder):
    row = replace(row_named("llama"), blocks="model.language_model.layers")
    with pytest.raises(ModelError, match=r"it has no model\.language_model\.layers;") as error:
        load_model(str(folder), "cpu", rows=lambda _kind, _folder: row)
    one_sentence(error)


def test_fingerprints_name_the_content(tmp_path, folder):
    first = folder_fingerprint(folder)
    assert folder_fingerprint(folder) == first
    copied = shutil.copytree(folder, tmp_path / "copy")
    assert folder_fingerprint(copied) == first
    other = save_tiny(tmp_path / "other", seed=1)
    assert folder_fingerprint(other) != first
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    assert folder_fingerprint(copied) != first


def test_dtype_is_chosen_and_named_in_the_key(folder, tmp_path):
    exact = load_model(str(folder), dtype="float64", cache=tmp_path)
    low = load_model(str(folder), dtype="bfloat16", cache=tmp_path)
    assert (exact.dtype, low.dtype) == (torch.float64, torch.bfloat16)
    assert exact.fingerprint == low.fingerprint
    assert exact.result_key != low.result_key
    assert weights_digest(exact.model) != weights_digest(low.model)


def test_a_hub_name_loads_and_then_works_offline(hub: Hub, tmp_path, monkeypatch):
    handle = load_model("owner/tiny", cache=tmp_path / "cache")
    assert handle.name == "owner/tiny"
    assert any(line == f"GET /owner/tiny/resolve/{COMMIT}/model.safetensors" for line in hub.asked)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        again = load_model("owner/tiny", cache=tmp_path / "cache")
        assert again.fingerprint == handle.fingerprint
        with pytest.raises(ModelNotFoundError) as error:
            load_model("owner/never-fetched", cache=tmp_path / "cache")
        assert "cannot be reached" in one_sentence(error)


def test_unknown_name_revision_and_spelling(hub: Hub, tmp_path):
    for name, revision, words in (
        ("owner/none", None, "has no model 'owner/none'"),
        ("owner/tiny", "nowhere", "no revision 'nowhere'"),
        ("not a name!", None, "neither a folder"),
        ("", None, "No model was named"),
        ("/no/such/folder", None, "There is no folder"),
    ):
        with pytest.raises(ModelNotFoundError) as error:
            load_model(name, revision=revision, cache=tmp_path / "cache")
        assert words in one_sentence(error)


def test_gated_repositories_ask_for_a_token(hub: Hub, tmp_path, monkeypatch):
    hub.gated.add("owner/tiny")
    with pytest.raises(GatedModelError) as error:
        load_model("owner/tiny", cache=tmp_path / "cache")
    assert "HF_TOKEN" in one_sentence(error)
    monkeypatch.setenv("HF_TOKEN", "right")
    assert load_model("owner/tiny", cache=tmp_path / "cache").n_layers == 3


def test_pickled_weights_are_refused_on_the_hub_and_on_disk(hub: Hub, folder, tmp_path):
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    hub.repositories["owner/pickled"] = pickled
    for source in ("owner/pickled", str(pickled)):
        with pytest.raises(UnsafeWeightsError) as error:
            load_model(source, cache=tmp_path / "cache")
        assert "can run code" in one_sentence(error)
    assert not any("pytorch_model.bin" in line for line in hub.asked)


def test_a_model_too_large_is_refused_before_it_is_fetched(hub: Hub, tmp_path):
    hub.parameters["owner/tiny"] = 10**13
    with pytest.raises(ModelTooLargeError) as error:
        load_model("owner/tiny", cache=tmp_path / "cache")
    assert "GiB" in one_sentence(error)
    assert not any("model.safetensors" in line for line in hub.asked)


def test_memory_is_counted_from_headers(folder):
    total, stored = count_parameters(folder)
    handle = load_model(str(folder))
    assert (total, stored) == (handle.n_parameters, "F32")
    with pytest.raises(ModelTooLargeError, match=r"0\.0 GiB are free on cpu"):
        check_fits("tiny", total, torch.float32, torch.device("cpu"), available=1000)
    check_fits("tiny", total, torch.float32, torch.device("cpu"), available=10**9)


def test_transformers_reads_weights_onto_the_device_it_is_within(folder):
    plain = AutoModelForCausalLM.from_pretrained(folder)
    with torch.device("cpu"):  # what `straight_to` gives where there is a GPU
        placed = AutoModelForCausalLM.from_pretrained(folder)
    assert hooks_on(placed) == 0
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), placed.parameters(), strict=True))
    with straight_to(torch.device("meta")):
        assert torch.empty(1).device.type == "meta"
    with straight_to(torch.device("cpu")), torch.device("meta"):
        assert torch.empty(1).device.type == "meta"  # a processor's loading is left as it was


def test_a_download_says_how_far_it_is_and_can_be_cancelled(hub: Hub, tmp_path):
    told: list[tuple[int, int, str]] = []

    def cancel(*step: object) -> None:
        told.append(step)  # type: ignore[arg-type]
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        load_model("owner/tiny", cache=tmp_path / "cache", progress=cancel)
    told.clear()
    load_model("owner/tiny", cache=tmp_path / "cache", progress=lambda *step: told.append(step))
    assert told
    assert all(0 <= done <= total for done, total, _ in told)
    assert {note for *_, note in told} == {"Downloading owner/tiny, MiB", "Reading owner/tiny, tensors"}


def test_a_broken_download_is_named(hub: Hub, tmp_path):
    hub.broken.add("model.safetensors")
    with pytest.raises(ModelError) as error:
        load_model("owner/tiny", cache=tmp_path / "cache")
    assert "broke off" in one_sentence(error)


def test_folders_without_weights_config_or_sense(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelNotFoundError, match=r"no config\.json"):
        load_model(str(empty))
    shutil.copy(folder / "config.json", empty)
    with pytest.raises(ModelNotFoundError, match=r"No \.safetensors weights"):
        load_model(str(empty))
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        load_model(str(damaged))
    config = json.loads((folder / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps({**config, "model_type": "unheard_of"}))
    with pytest.raises(UnknownArchitectureError, match=r"'unheard_of' is not known here; known are llama, mistral"):
        load_model(str(damaged))


def test_damaged_weights_and_a_missing_tokenizer_are_named(folder, tmp_path):
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError) as error:
        load_model(str(damaged), cache=tmp_path / "cache")
    one_sentence(error)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    heard: list[tuple[int, int, str]] = []
    with pytest.raises(ModelError, match="no usable tokenizer"):
        load_model(str(folder), cache=tmp_path / "cache", progress=stops_at(10**6, heard))
    assert not heard  # it is read before the weights, beside which it would be the largest thing in memory


def test_gguf_files_that_are_none(tmp_path):
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="is not a GGUF file"):
        load_model(str(fake), cache=tmp_path)
    fake.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError) as error:
        load_model(str(fake), cache=tmp_path)
    one_sentence(error)
    assert list((tmp_path / "models").iterdir()) == []  # nothing half-made is left


def stops_at(tensor: int, heard: list[tuple[int, int, str]]):
    """A progress that is cancelled before a tensor."""

    def tell(done: int, total: int, note: str) -> None:
        heard.append((done, total, note))
        if done == tensor and "tensors" in note:
            raise Cancelled("cancelled")

    return tell


def test_reading_weights_is_counted_and_can_be_cancelled(folder, tmp_path):
    heard: list[tuple[int, int, str]] = []
    whole = load_model(str(folder), cache=tmp_path, progress=stops_at(10**6, heard))
    names = {note for _, _, note in heard}
    assert names == {f"Reading {folder.name}, tensors"}
    assert [done for done, _, _ in heard] == list(range(heard[0][1]))
    with pytest.raises(Cancelled):
        load_model(str(folder), cache=tmp_path, progress=stops_at(3, heard))
    again = load_model(str(folder), cache=tmp_path)  # without a word
    assert torch.equal(whole.model.lm_head.weight, again.model.lm_head.weight)


def test_converting_is_counted_and_a_cancel_leaves_nothing(tmp_path):
    heard: list[tuple[int, int, str]] = []

    def tell(done: int, total: int, note: str) -> None:
        heard.append((done, total, note))
        if done > 120:
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        load_model(str(bundled_gguf()), cache=tmp_path, progress=tell)
    counts = [done for done, _, _ in heard]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert len(counts) > 5
    assert {total for _, total, _ in heard} == {2 * 134_515_008 * 4 >> 20}  # MiB of its weights, which are half of it
    assert {note for _, _, note in heard} == {f"Converting {bundled_gguf().name}, MiB"}
    assert list((tmp_path / "models").iterdir()) == []


def test_weights_that_changed_since_they_were_made_are_made_anew(tmp_path):
    copy_model(tmp_path, "-base")
    whole = load_model("classroom:base", cache=tmp_path)
    (folder,) = (path.parent for path in tmp_path.glob("models/*/complete"))
    (weights,) = folder.glob("*.safetensors")
    data = bytearray(weights.read_bytes())
    data[-2] ^= 64
    weights.write_bytes(data)
    changed = folder_fingerprint(folder)
    again = load_model("classroom:base", cache=tmp_path)
    assert changed != whole.fingerprint
    assert again.fingerprint == recorded_fingerprint(folder) == folder_fingerprint(folder) != changed


def test_weights_of_a_folder_that_changed_are_another_model(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copy")
    first = load_model(str(copied), cache=tmp_path)
    (weights,) = copied.glob("*.safetensors")
    times = weights.stat()
    data = bytearray(weights.read_bytes())
    data[-2] ^= 64
    weights.write_bytes(data)
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))  # the same size and the same time
    assert load_model(str(copied), cache=tmp_path).fingerprint != first.fingerprint


def test_what_a_killed_process_left_of_a_model_is_removed_by_the_next(tmp_path):
    dead, living = tmp_path / "models" / ".making-4194304-x", tmp_path / "models" / f".making-{os.getpid()}-x"
    for draft in (dead, living):
        draft.mkdir(parents=True)
        (draft / "model.safetensors").write_bytes(b"half")
    load_model("classroom:base", cache=tmp_path)
    assert not dead.exists()
    assert living.exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"device": "tpu9"}, "is unknown"),
        ({"device": "cuda:99"}, "CUDA devices are here"),
        ({"device": "mps"}, "need float64 sums"),
        ({"dtype": "int3"}, "choose one of auto"),
    ],
)
def test_devices_and_dtypes_that_are_not_there(folder, settings, words):
    with pytest.raises(ConfigError, match=words):
        load_model(str(folder), **settings)


def test_models_on_disk_are_listed_without_loading(hub: Hub, tmp_path, monkeypatch):
    load_model("owner/tiny", cache=tmp_path / "cache")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    sources = [m.source for m in on_disk(cache_root())]
    assert sources[0] == "bundled"
    assert "owner/tiny" in sources
