"""Quantised folders that are not read: each stops with one sentence, by its config.json, before a weight is read."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

from goldenlayers_core.models import loading
from goldenlayers_core.models.outline import outline_of
from goldenlayers_core.models.quantised import REFUSED
from tests.models.test_checking import configured, refused
from tests.tiny import save_tiny

# as they stand in the config.json of released models
PUBLISHED: dict[str, dict[str, Any]] = {
    "gptq": {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": 128,
        "damp_percent": 0.01,
        "desc_act": False,
        "static_groups": False,
        "sym": True,
        "true_sequential": True,
        "model_file_base_name": "model",
    },
    "awq": {
        "quant_method": "awq",
        "bits": 4,
        "group_size": 128,
        "modules_to_not_convert": None,
        "version": "gemm",
        "zero_point": True,
    },
    "hqq": {
        "quant_method": "hqq",
        "quant_config": {
            "offload_meta": False,
            "scale_quant_params": None,
            "weight_quant_params": {"axis": 1, "channel_wise": True, "group_size": 64, "nbits": 4, "optimize": True},
            "zero_quant_params": None,
        },
        "skip_modules": ["lm_head"],
    },
    "torchao": {
        "quant_method": "torchao",
        "quant_type": {"default": {"_type": "Int8WeightOnlyConfig", "_data": {"version": 1}}},
        "include_input_output_embeddings": False,
        "untie_embedding_weights": False,
    },
    "compressed-tensors": {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {"num_bits": 4, "group_size": 128, "strategy": "group", "symmetric": True, "type": "int"},
                "input_activations": None,
                "output_activations": None,
            }
        },
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
    },
    "auto-round": {
        "quant_method": "auto-round",
        "bits": 4,
        "group_size": 128,
        "packing_format": "auto_round:auto_gptq",
    },
    "mxfp4": {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head", "model.embed_tokens"]},
    "fbgemm_fp8": {"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0, "modules_to_not_convert": ["lm_head"]},
    "bitnet": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"},
    "quanto": {"quant_method": "quanto", "weights": "int8", "activations": None, "modules_to_not_convert": None},
    "exl3": {"quant_method": "exl3", "bits": 4.0, "head_bits": 6, "version": "0.0.1", "tensor_storage": {}},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose weights must not be read."""

    def read(*_args: object, **_settings: object) -> None:
        raise AssertionError("the weights were read")

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", read)
    monkeypatch.setattr(loading, "folder_fingerprint", read)
    return save_tiny(tmp_path / "tiny")


@pytest.mark.parametrize("method", list(PUBLISHED))
def test_one_sentence_before_a_weight_is_read(folder: Path, method: str) -> None:
    configured(folder, quantization_config=PUBLISHED[method])
    title = {m: title for _, methods in REFUSED for m, title in methods}.get(method, repr(method))
    text = refused(folder)
    assert text.startswith(f"tiny is quantised by {title}, ")
    assert "load the model it was made from, or one quantised by bitsandbytes or in fp8" in text
    outline = outline_of(folder, "tiny")  # no weight is read for it
    assert (outline.quantised, outline.reason) == (method, text)
    assert not outline.known


def test_what_is_read_is_told_from_the_configuration(folder: Path) -> None:
    configured(folder, quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    outline = outline_of(folder, "tiny")
    assert (outline.quantised, outline.reason) == ("bitsandbytes 8-bit", "")
    assert outline.n_layers == 3


@pytest.mark.parametrize("method", sorted({m.split("_")[0] if "bits" in m else m for m in AUTO_QUANTIZER_MAPPING}))
def test_every_method_that_transformers_knows_has_a_word(method: str) -> None:
    known = {name for _, methods in REFUSED for name, _ in methods}
    assert method in known | {"bitsandbytes", "fp8", "gguf"}


def test_the_older_name_of_the_field_counts_too(folder: Path) -> None:
    """And the text model's own, in a model of several parts."""
    configured(folder, compression_config={"format": "int-quantized", "config_groups": {}})
    assert "quantised by compressed-tensors" in refused(folder)


@pytest.mark.parametrize("said", [{}, {"bits": 4}, "gptq", 4, []])
def test_a_field_that_names_no_method(folder: Path, said: object) -> None:
    configured(folder, quantization_config=said)
    text = refused(folder)
    assert "a quantization_config that names no method" in text
    if isinstance(said, dict):
        assert outline_of(folder, "tiny").reason == text


def test_bitsandbytes_without_its_bits(folder: Path) -> None:
    configured(folder, quantization_config={"quant_method": "bitsandbytes"})
    assert "neither load_in_8bit nor load_in_4bit" in refused(folder)


def test_bitsandbytes_that_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    configured(folder, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    assert "bitsandbytes, which is not installed here; run `make quantised`" in refused(folder)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("model.layers.0.mlp.down_proj.qweight", "GPTQ or AWQ"),
        ("model.layers.0.mlp.down_proj.weight_packed", "compressed-tensors"),
        ("model.layers.0.mlp.down_proj.SCB", "bitsandbytes"),
        ("model.layers.0.mlp.down_proj.weight_scale_inv", "fp8"),
    ],
)
def test_packed_weights_whose_config_says_nothing(folder: Path, name: str, title: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors[name] = torch.ones(4, dtype=torch.int32)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    text = refused(folder)
    assert f"({name}, as of {title})" in text
    assert "no quantization_config" in text
