"""Nothing is filled in, left out or passed on without a word when a model is read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from goldenlayers_core.errors import ConfigError, ModelError
from goldenlayers_core.models import load_model
from goldenlayers_core.models.architectures import known_architectures
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.memory import count_parameters
from goldenlayers_core.models.outline import outline_of
from goldenlayers_core.models.refused import FORMS, REFUSED, reason_against
from tests.models.hub_server import running_hub
from tests.models.made_gguf import write_llama
from tests.models.test_loading import one_sentence
from tests.tiny import save_tiny, tiny_model, tokenizer
from tests.tokenizers import made

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny")


def rewritten(folder: Path, change: Callable[[Tensors], object]) -> None:
    """The folder with other tensors in its weights."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def configured(folder: Path, **settings: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))


def refused(folder: Path, **settings: str) -> str:
    with pytest.raises((ModelError, ConfigError)) as error:
        load_model(str(folder), device="cpu", **settings)  # type: ignore[arg-type]
    return one_sentence(error)


@pytest.mark.parametrize("name", ["model.layers.1.mlp.down_proj.weight", "model.norm.weight", "lm_head.weight"])
def test_a_tensor_that_is_missing_is_named_and_not_made_up(folder: Path, name: str) -> None:
    rewritten(folder, lambda tensors: tensors.pop(name))
    assert f"lack {name}, which would have been filled with random numbers" in refused(folder)


def test_many_missing_tensors_are_counted(folder: Path) -> None:
    configured(folder, num_hidden_layers=4)
    text = refused(folder)
    assert "model.layers.3.input_layernorm.weight" in text
    assert "and 6 more" in text


def test_a_head_tied_to_the_embedding_is_not_missing(folder: Path) -> None:
    rewritten(folder, lambda tensors: tensors.pop("lm_head.weight"))
    configured(folder, tie_word_embeddings=True)
    handle = load_model(str(folder), device="cpu")
    assert handle.head.weight is handle.embedding.weight


def test_layers_that_the_configuration_leaves_out_are_named(folder: Path) -> None:
    configured(folder, num_hidden_layers=2)
    text = refused(folder)
    assert "hold model.layers.2." in text
    assert "has no place" in text


def test_a_bias_that_the_configuration_leaves_out_is_named(folder: Path) -> None:
    name = "model.layers.0.self_attn.q_proj.bias"
    rewritten(folder, lambda tensors: tensors.update({name: torch.ones(32)}))
    assert f"hold {name}, for which its config.json has no place" in refused(folder)


def test_what_is_no_weight_of_the_text_model_is_left_aside(folder: Path) -> None:
    plain = load_model(str(folder), device="cpu")
    more = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
        "model.vision_tower.layers.0.weight": torch.ones(4),
        "mtp.layers.0.weight": torch.ones(4),
    }
    rewritten(folder, lambda tensors: tensors.update(more))
    again = load_model(str(folder), device="cpu")
    ids = torch.tensor([[5, 9, 30]])
    assert torch.equal(plain.model(input_ids=ids).logits, again.model(input_ids=ids).logits)


def test_weights_beside_those_that_are_read_count_for_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "sharded"
    tiny_model("llama").save_pretrained(folder, max_shard_size="40KB")
    tokenizer().save_pretrained(folder)
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    size, before = count_parameters(folder), folder_fingerprint(folder)
    whole = {name: tensor.clone() for name, tensor in tiny_model("llama").state_dict().items()}
    save_file({f"mistral.{name}": tensor for name, tensor in whole.items()}, folder / "consolidated.safetensors")
    assert count_parameters(folder) == size
    assert folder_fingerprint(folder) == before == load_model(str(folder), device="cpu").fingerprint
    assert size[0] == sum(tensor.numel() for tensor in whole.values())


def test_a_gguf_file_that_lacks_a_matrix_is_refused(tmp_path: Path) -> None:
    file = write_llama(tmp_path / "tiny.gguf", without="blk.0.ffn_down")
    with pytest.raises(ModelError, match=r"lack model\.layers\.0\.mlp\.down_proj\.weight") as error:
        load_model(str(file), device="cpu", cache=tmp_path / "cache")
    one_sentence(error)


def test_weights_that_a_repository_has_twice_are_fetched_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    with running_hub() as server:
        server.repositories["owner/twice"] = folder
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        assert load_model("owner/twice", device="cpu", cache=tmp_path / "cache").n_layers == 3
        assert any("/model.safetensors" in line for line in server.asked)
        assert not any("consolidated" in line for line in server.asked)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(folder: Path, number: float) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    rewritten(folder, lambda tensors: tensors[name].__setitem__((3, 4), number))
    assert f"not finite (NaN or infinite) in {name};" in refused(folder)


def test_weights_too_large_for_float16_are_named(folder: Path) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    rewritten(folder, lambda tensors: tensors[name].__setitem__((3, 4), 70000.0))
    text = refused(folder, dtype="float16")
    assert name in text
    assert "load it in bfloat16 or float32" in text
    assert load_model(str(folder), device="cpu", dtype="bfloat16").n_layers == 3


def test_a_tokenizer_with_more_words_than_the_model_is_refused(folder: Path) -> None:
    made("byte BPE, Llama 3").save_pretrained(folder)
    text = refused(folder)
    assert "and the model 300" in text
    assert "have no embedding" in text


def test_words_added_to_a_tokenizer_are_no_words_of_the_model(folder: Path) -> None:
    larger = type(tokenizer()).from_pretrained(folder)
    larger.add_tokens([f"<image {i}>" for i in range(310 - len(larger))], special_tokens=True)
    larger.save_pretrained(folder)
    handle = load_model(str(folder), device="cpu")
    assert len(handle.tokenizer) > handle.vocabulary_size


@pytest.mark.parametrize("complete", [True, False])
def test_a_folder_with_an_adapter_says_what_it_is(folder: Path, complete: bool) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base"}))
    if not complete:
        shutil.copy(folder / "model.safetensors", folder / "adapter_model.safetensors")
        (folder / "model.safetensors").unlink()
    text = refused(folder)
    assert "holds an adapter" in text
    assert "load owner/base" in text


def test_a_family_that_float64_is_not_for_says_so(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny", "xglm")
    assert "cannot be computed in float64" in refused(folder, dtype="float64")
    assert load_model(str(folder), device="cpu").architecture.title == "XGLM"


@pytest.mark.parametrize(
    ("model_type", "words"),
    [
        ("mamba", "no MLP whose output matrix"),
        ("rwkv", "no MLP whose output matrix"),
        ("dbrx", "a mixture of experts"),
        ("zamba", "share one MLP"),
        ("gemma3n_text", "reads the tokens anew"),
        ("bert", "an encoder, which does not continue"),
        ("t5", "an encoder-decoder"),
    ],
)
def test_families_that_cannot_be_edited_are_refused_with_the_reason(folder: Path, model_type: str, words: str) -> None:
    configured(folder, model_type=model_type)
    (folder / "model.safetensors").write_bytes(b"never read")
    text = refused(folder)
    assert repr(model_type) in text
    assert words in text


@pytest.mark.parametrize(
    ("model_type", "field", "value"),
    [
        ("doge", "is_moe", True),
        ("ernie4_5_moe", "moe_num_shared_experts", 0),
        ("gemma4_unified_text", "num_kv_shared_layers", 1),
    ],
)
def test_forms_that_cannot_be_edited_are_refused_with_the_reason(
    tmp_path: Path, model_type: str, field: str, value: int
) -> None:
    folder = save_tiny(tmp_path / "tiny", model_type)
    assert load_model(str(folder), device="cpu").architecture.model_type == model_type
    configured(folder, **{field: value})
    (reason,) = (form[3] for form in FORMS if form[:3] == (model_type, field, bool(value)))
    assert f"A model of the architecture {model_type!r} cannot be used here: {reason};" in refused(folder)
    assert reason in outline_of(folder, "tiny").reason


@pytest.mark.parametrize("model_type", ["mistral3", "qwen2_5_vl", "llava", "paligemma"])
def test_models_of_images_and_text_are_refused_with_what_can_be_done(tmp_path: Path, model_type: str) -> None:
    folder = save_tiny(tmp_path / "tiny", "mistral")
    configured(folder, model_type=model_type)
    (folder / "model.safetensors").write_bytes(b"never read")
    text = refused(folder)
    assert f"A model of the architecture {model_type!r} cannot be used here: it takes images beside text" in text
    assert "text_config in its config.json" in text


def test_no_family_is_both_known_and_refused() -> None:
    assert not any(reason_against(model_type) for model_type in known_architectures())
    refused_types = [model_type for _, model_types in REFUSED for model_type in model_types]
    assert not set(refused_types) & set(known_architectures())
    assert len(set(refused_types)) == len(refused_types)
    missing = set(refused_types) - set(CONFIG_MAPPING_NAMES)
    assert not missing, "names that transformers does not know"


def test_results_belong_to_the_tokenizer_too_and_edits_to_the_weights(folder: Path, tmp_path: Path) -> None:
    other, same = tmp_path / "other", tmp_path / "same"
    for copied in (other, same):
        shutil.copytree(folder, copied)
    words = json.loads((other / "tokenizer.json").read_text())
    words["pre_tokenizer"]["add_prefix_space"] = True
    (other / "tokenizer.json").write_text(json.dumps(words))
    (same / "README.md").write_text("no word of the tokenizer")
    one, two, three = (load_model(str(f), device="cpu") for f in (folder, other, same))
    assert one.tokenizer("France")["input_ids"] != two.tokenizer("France")["input_ids"]
    assert one.fingerprint == two.fingerprint == three.fingerprint
    assert one.result_key == three.result_key != two.result_key
    assert one.result_key.startswith(f"{one.fingerprint}-float32-cpu-")


def test_what_this_program_made_keeps_the_key_it_had(tmp_path: Path) -> None:
    handle = load_model(str(write_llama(tmp_path / "tiny.gguf")), device="cpu", cache=tmp_path / "cache")
    assert handle.result_key == f"{handle.fingerprint}-float32-cpu"
