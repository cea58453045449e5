"""What a model is and needs, told from its configuration alone; what it took is held against it in docs/memory.md."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch

from goldenlayers_core.attribution import causal_trace, edit_aware, head_loss, lga
from goldenlayers_core.commands.inspect import fit_answer, fit_lines
from goldenlayers_core.editing.rome import default_budget as value_budget
from goldenlayers_core.errors import (
    ConfigError,
    GatedModelError,
    ModelError,
    ModelNotFoundError,
    UnknownArchitectureError,
)
from goldenlayers_core.evaluation.sweep import _CHUNK_TOKENS
from goldenlayers_core.models import load_model
from goldenlayers_core.models.outline import outline_of
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.fit import GIB
from goldenlayers_core.tasks.fits import fit_of
from goldenlayers_core.tasks.needs import BUDGETS, needs_of, precision_of
from tests.models.hub_server import running_hub
from tests.tiny import INNER, ROWS, kind_of, save_tiny

LLAMA_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
    "vocab_size": 128256,
    "dtype": "bfloat16",
}
LLAMA_70B = {
    **LLAMA_8B,
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "tie_word_embeddings": False,
}
MIXTRAL = {**LLAMA_8B, "model_type": "mixtral", "num_local_experts": 8, "vocab_size": 32000}


def config_folder(folder: Path, config: dict) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("row", ROWS)
def test_a_configuration_alone_counts_what_the_loaded_model_has(tmp_path, row):
    saved = save_tiny(tmp_path / "whole", row)
    alone = config_folder(tmp_path / "alone", json.loads((saved / "config.json").read_text()))
    found, handle = outline_of(alone, row), load_model(str(saved), device="cpu", cache=tmp_path / "cache")
    assert (found.n_parameters, found.n_layers, found.width) == (handle.n_parameters, 3, handle.hidden_size)
    assert (found.vocabulary, found.model_type, found.known) == (handle.vocabulary_size, kind_of(row), True)
    assert found.inner == max(handle.matrix(handle.mlp_out(layer)).shape[1] for layer in range(handle.n_layers))
    assert found.tied == (handle.head.weight is handle.embedding.weight)
    assert found.largest == max(p.numel() for p in handle.model.parameters())


def test_a_model_of_70_billion_is_described_from_its_configuration_alone(tmp_path):
    found = fit_of(ModelSource(str(config_folder(tmp_path / "seventy", LLAMA_70B)), None, "cpu"), tmp_path)
    outline = found.outline
    assert (outline.n_parameters, outline.n_layers, outline.inner) == (70_553_706_496, 80, 28672)
    assert outline.family.startswith("Llama")
    assert [row.weights for row in found.precisions] == [4 * 70_553_706_496, *[2 * 70_553_706_496] * 2]
    assert found.proposed == ""
    assert "does not fit: as bfloat16" in found.sentence
    content = fit_answer(found)
    assert json.loads(json.dumps(content))["precisions"][1]["weights"] == 2 * 70_553_706_496
    assert (content["n_layers"], content["can_be_loaded"], content["proposed"]) == (80, True, None)
    assert fit_lines(found)[-1] == found.sentence


def test_covariances_of_8_billion_parameters_take_26_gigabytes(tmp_path):
    outline = outline_of(config_folder(tmp_path / "eight", LLAMA_8B), "eight")
    covariance = next(need for need in needs_of(outline, "bfloat16", "cuda") if need.name == "covariance")
    assert covariance.n_bytes >= 32 * 14336**2 * 4 > 26e9
    assert "24.5 GiB" in covariance.why


def test_experts_are_counted_and_the_family_is_refused_by_its_reason(tmp_path):
    found = fit_of(ModelSource(str(config_folder(tmp_path / "mixed", MIXTRAL))), tmp_path)
    assert found.outline.n_parameters == 46_702_792_704
    if not found.outline.known:
        assert found.sentence == found.outline.reason
        assert "mixture of experts" in found.sentence
        assert not found.precisions[0].needs


def test_the_largest_number_format_that_fits_is_proposed(tmp_path):
    outline = outline_of(config_folder(tmp_path / "eight", LLAMA_8B), "eight")
    weights, fits = outline.n_parameters, {}
    for room in (200, 24, 10):
        rows = [precision_of(outline, d, "cpu", room * GIB, room * GIB) for d in ("float32", "bfloat16")]
        fits[room] = [row.fits for row in rows]
        assert [row.weights for row in rows] == [4 * weights, 2 * weights]
        assert all(row.peak > row.weights for row in rows)
    assert fits == {200: [True, True], 24: [False, True], 10: [False, False]}
    on_gpu = precision_of(outline, "bfloat16", "cuda", 200 * GIB, 2 * GIB)
    assert on_gpu.host == 2 * outline.largest  # tensor by tensor: the machine's memory never holds the model
    assert on_gpu.fits
    assert not precision_of(outline, "bfloat16", "cuda", 200 * GIB, GIB // 2).fits


def test_budgets_are_those_that_the_work_takes():
    for kind, budgets in BUDGETS.items():
        handle = SimpleNamespace(device=torch.device(kind), vocabulary_size=1)
        logits = head_loss.HeadLoss(handle, None, None)._most()
        assert budgets.score == lga.default_budget(handle)
        assert budgets.edit_aware == edit_aware.default_budget(handle)
        assert budgets.value == value_budget(handle)
        assert budgets.trace == causal_trace.default_budget(handle)
        assert budgets.logits == logits
        assert budgets.swept == _CHUNK_TOKENS


@pytest.mark.parametrize(
    ("settings", "words", "share"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "4-bit (nf4)", 0.35),
        ({"quant_method": "fp8"}, "fp8", 1.0),
        ({"quant_method": "gptq", "bits": 4}, "gptq", None),
    ],
)
def test_quantised_weights_take_what_they_take_or_are_refused(tmp_path, settings, words, share):
    folder = config_folder(tmp_path / "eight", {**LLAMA_8B, "quantization_config": settings})
    outline = outline_of(folder, "eight")
    assert words in outline.quantised
    assert outline.known == (share is not None)
    if share is None:
        assert "GPTQ" in outline.reason
        return
    row = precision_of(outline, "bfloat16", "cpu", 64 * GIB, 64 * GIB)
    assert row.weights == pytest.approx(share * 2 * outline.n_parameters, rel=0.03)


def test_weights_are_not_read_and_licence_and_tokenizer_are_where_they_are_there(tmp_path):
    saved = save_tiny(tmp_path / "whole")
    size = (saved / "model.safetensors").stat().st_size
    (saved / "model.safetensors").write_bytes(bytes(size))  # nothing that could be read
    (saved / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0  # as published\n---\n# A model\n")
    found = fit_of(ModelSource(str(saved), None, "cpu"), tmp_path)
    assert (found.outline.licence, found.outline.weights_here) == ("apache-2.0", size)
    assert found.outline.words_bytes == (saved / "tokenizer.json").stat().st_size
    assert (found.proposed, found.outline.inner) == ("float32", INNER)
    assert fit_of(ModelSource(str(saved / "config.json"), None, "cpu"), tmp_path).outline == found.outline


def test_what_is_no_model_is_one_sentence(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    wrong = config_folder(tmp_path / "wrong", {**LLAMA_8B, "num_hidden_layers": "many"})
    unheard = config_folder(tmp_path / "unheard", {"model_type": "unheard_of"})
    text = shutil.copy(__file__, tmp_path / "text.gguf")
    for source, kind in (
        (empty, ModelNotFoundError),
        (tmp_path / "nowhere", ModelNotFoundError),
        (wrong, ModelError),
        (unheard, UnknownArchitectureError),
        (text, ModelNotFoundError),
    ):
        with pytest.raises(kind) as error:
            fit_of(ModelSource(str(source)), tmp_path)
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="CUDA devices are here"):
        fit_of(ModelSource(str(wrong), None, "cuda:99"), tmp_path)


def test_of_a_hub_model_only_its_papers_are_fetched(tmp_path, monkeypatch):
    folder = save_tiny(tmp_path / "tiny")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    weights = (folder / "model.safetensors").stat().st_size
    with running_hub() as hub:
        hub.repositories["owner/tiny"] = folder
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        found = fit_of(ModelSource("owner/tiny", None, "cpu"), tmp_path)
        assert (found.download, found.on_disk, found.outline.licence) == (weights, weights, "mit")
        assert found.outline.n_layers == 3
        assert not any("safetensors" in line for line in hub.asked)
        load_model("owner/tiny", cache=tmp_path / "cache")
        assert fit_of(ModelSource("owner/tiny", None, "cpu"), tmp_path).download == 0
        hub.gated.add("owner/tiny")
        with pytest.raises(GatedModelError, match="HF_TOKEN"):
            fit_of(ModelSource("owner/tiny"), tmp_path)
