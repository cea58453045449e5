"""Edits come back from files exactly as they went, and what cannot come back is told in one sentence."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.numpy import save as save_numpy
from safetensors.torch import load, save

from goldenlayers_core.editing import Edit, overlay, to_arrays
from goldenlayers_core.editing.delta import edit_digest, make_edit, whole_factors
from goldenlayers_core.editing.export import EditFile, check_home, edit_from_adapter, get_format, unpack
from goldenlayers_core.editing.export.adapter import CONFIG, WEIGHTS
from goldenlayers_core.editing.export.edit_file import pack
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from tests.editing.test_export import IDS, memory_edit, stack_of
from tests.editing.test_overlay import REQUEST, logits, random_edit
from tests.tiny import tiny_handle


def under(handle: ModelHandle, edits: list[Edit]) -> torch.Tensor:
    with overlay(handle, edits):
        return logits(handle)


def adapter_files(handle: ModelHandle, edits: list[Edit]) -> dict[str, bytes]:
    make = get_format("peft").files
    assert make
    return make(handle, edits, "edits")


# ---- our own file


def test_a_stack_survives_its_file() -> None:
    handle = tiny_handle("llama")
    edits = [*stack_of(handle), memory_edit(handle)]
    data = pack(handle, edits)
    found = unpack(data, "stack.safetensors")
    assert list(found.edits) == edits  # equal digests: every tensor, gate, text and fact
    check_home(found.home, handle, "stack.safetensors")
    for back, edit in zip(found.edits, edits, strict=True):
        assert (back.fact, back.config, back.layers, back.prefix) == (edit.fact, edit.config, edit.layers, edit.prefix)
    assert torch.equal(under(handle, list(found.edits)), under(handle, edits))


def test_the_header_can_be_read_without_us() -> None:
    handle = tiny_handle("gpt2")
    data = pack(handle, stack_of(handle))
    length = int.from_bytes(data[:8], "little")
    header: Mapping[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    assert (header["model"], header["fingerprint"]) == ("tiny-gpt2", handle.fingerprint)
    assert (header["site"], header["orientation"]) == ("transformer.h.{}.mlp.c_proj", "in_out")
    assert json.loads(header["layers"]) == [0, 2]
    assert json.loads(header["facts"])[0]["target_new"] == "Rome"
    assert json.loads(header["methods"]) == ["random", "random"]
    assert set(json.loads(header["versions"])) == {"golden-layers", "torch", "transformers", "safetensors"}


def test_a_single_edit_as_the_store_keeps_it_is_read_too() -> None:
    handle = tiny_handle("llama")
    edit = random_edit(handle, (0, 2), rank=2)
    arrays, meta = to_arrays(edit)
    data = save({name: torch.tensor(array) for name, array in arrays.items()}, metadata=meta)
    assert unpack(data, "one.safetensors").edits == (edit,)


@pytest.mark.parametrize(
    ("row", "seed", "words"),
    [
        ("llama", 2, "architecture and shapes agree, but the weights are others"),
        ("mistral", 0, "its family is llama and here it is mistral"),
        ("bloom", 0, "its matrix at layer 0 is 32 x 48 and here it is 32 x 128"),
    ],
)
def test_what_differs_from_another_model_is_said(row: str, seed: int, words: str) -> None:
    handle = tiny_handle("llama")
    found = unpack(pack(handle, stack_of(handle)), "stack.safetensors")
    other = tiny_handle(row, seed=seed)
    with pytest.raises(EditError) as caught:
        check_home(found.home, other, "stack.safetensors")
    said = str(caught.value)
    assert words in said
    assert said.startswith(f"stack.safetensors was made on tiny-llama (fingerprint {handle.fingerprint[:8]})")
    assert said.endswith("load the model it belongs to.")


def test_a_layer_that_is_missing_is_said() -> None:
    handle = tiny_handle("llama")
    found = unpack(pack(handle, stack_of(handle)), "x")
    home = found.home.__class__(found.home.name, "", "llama", 30, ((29, 32, 48),))
    with pytest.raises(EditError, match="it has 30 layers and here there are 3; layer 29 is missing here"):
        check_home(home, handle, "x")


def test_a_stack_of_whole_matrices_makes_no_wider_adapter() -> None:
    handle = tiny_handle("llama")
    changes = [torch.randn(32, 48, generator=torch.Generator().manual_seed(seed)) * 0.05 for seed in (1, 2)]
    edits = [make_edit(handle, REQUEST, "ft-m", [whole_factors(1, change)], {}) for change in changes]
    files = adapter_files(handle, edits)
    assert json.loads(files[CONFIG])["r"] == 32
    back = edit_from_adapter(handle, files, "adapter")
    torch.testing.assert_close(under(handle, [back]), under(handle, edits), rtol=1e-4, atol=1e-4)


def test_numbers_that_are_not_finite_do_not_come_in() -> None:
    handle = tiny_handle("llama")
    (factors,) = random_edit(handle, (1,)).factors
    factors.left[0, 0] = torch.nan
    bad = dataclasses.replace(random_edit(handle, (1,)), factors=(factors,))
    data = pack(handle, [dataclasses.replace(bad, edit_id=edit_digest(bad))])
    with pytest.raises(EditError, match="edit 1 holds numbers that are not finite"):
        unpack(data, "x.safetensors")


def damaged(data: bytes) -> list[tuple[bytes, str]]:
    length = int.from_bytes(data[:8], "little")
    changed = bytearray(data)
    changed[-3] ^= 0x40
    lost = data[: 8 + length].replace(b'"n_edits"', b'"n_edit_"') + data[8 + length :]
    return [
        (b"", "not a whole safetensors file"),
        (b"no such thing as a tensor in here", "not a whole safetensors file"),
        (data[:-20], "not a whole safetensors file"),
        (data[:40], "not a whole safetensors file"),
        (bytes(changed), "does not agree with its own digest"),
        (lost, "incomplete or damaged"),
        (save({"weight": torch.ones(2)}), "is a safetensors file, but not of edits"),
        (save({"weight": torch.ones(2)}, metadata={"format": "pt"}), "but not of edits: its format is 'pt'"),
    ]


@pytest.mark.parametrize("case", range(8))
def test_damaged_and_foreign_files_are_one_sentence(case: int) -> None:
    handle = tiny_handle("llama")
    data, words = damaged(pack(handle, stack_of(handle)))[case]
    with pytest.raises(EditError, match=words):
        unpack(data, "stack.safetensors")


def test_no_cut_of_a_file_is_taken_for_a_whole_one() -> None:
    handle = tiny_handle("llama")
    data = pack(handle, [random_edit(handle)])
    for end in range(0, len(data), 97):
        with pytest.raises(EditError):
            unpack(data[:end], "cut")
    assert isinstance(unpack(data, "whole"), EditFile)


# ---- adapters


@pytest.mark.parametrize("row", ["llama", "gpt2", "opt"])
def test_our_adapter_comes_back_with_its_facts(row: str) -> None:
    handle = tiny_handle(row)
    edits = stack_of(handle)
    back = edit_from_adapter(handle, adapter_files(handle, edits), "adapter")
    assert (back.method, back.layers, len(back.facts)) == ("adapter", (0, 2), 2)
    torch.testing.assert_close(under(handle, [back]), under(handle, edits), rtol=1e-5, atol=1e-5)
    alone = edit_from_adapter(handle, adapter_files(handle, edits[:1]), "adapter")
    assert alone == edits[0]  # one edit keeps its content, and so its digest
    with pytest.raises(EditError, match="the weights are others; load the model it belongs to"):
        edit_from_adapter(tiny_handle(row, seed=5), adapter_files(handle, edits), "adapter")


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
@pytest.mark.parametrize("row", ["llama", "gpt2"])
@pytest.mark.parametrize("stabilised", [False, True])
def test_an_adapter_made_elsewhere_gives_the_same_logits(row: str, stabilised: bool, tmp_path: Path) -> None:
    handle = tiny_handle(row)
    site = handle.architecture.mlp_out.rpartition(".")[2]
    config = LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=[rf"mlp.{site}"],
        rank_pattern={rf"1\.mlp\.{site}": 2},
        use_rslora=stabilised,
        fan_in_fan_out=row == "gpt2",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(tiny_handle(row).model, config).eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    with torch.no_grad():
        wanted = model(input_ids=IDS).logits
    model.save_pretrained(tmp_path)
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    back = edit_from_adapter(handle, files, "my-adapter")
    assert [f.left.shape[1] for f in back.factors] == [4, 2, 4]
    assert (back.fact.subject, back.fact.prompt) == ("my-adapter", "")
    torch.testing.assert_close(under(handle, [back]), wanted, rtol=1e-4, atol=1e-4)


def altered(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    return {**files, CONFIG: json.dumps({**json.loads(files[CONFIG]), **changes}).encode()}


def moved(files: dict[str, bytes], old: str, new: str) -> dict[str, bytes]:
    tensors = {name.replace(old, new): t for name, t in load(files[WEIGHTS]).items()}
    return {**files, WEIGHTS: save(tensors)}


def test_adapters_that_are_more_than_an_edit_are_refused() -> None:
    handle = tiny_handle("llama")
    files = adapter_files(handle, stack_of(handle))
    one_side = {k: t for k, t in load(files[WEIGHTS]).items() if "lora_A" in k}
    for given, words in (
        ({CONFIG: files[CONFIG]}, f"has no {WEIGHTS}; give the whole adapter folder"),
        ({WEIGHTS: files[WEIGHTS]}, f"has no {CONFIG}"),
        ({**files, CONFIG: b"{"}, "cannot be read"),
        ({**files, CONFIG: b"[]"}, "it is no JSON object"),
        (altered(files, peft_type="IA3"), "adapter of type 'IA3'; only LORA"),
        (altered(files, use_dora=True), "DoRA's magnitudes"),
        (altered(files, bias="all"), "holds biases"),
        (altered(files, modules_to_save=["lm_head"]), "whole modules"),
        (altered(files, init_lora_weights="pissa_niter_4"), "changed base weights"),
        (altered(files, rank_pattern={}, r=0), "rank or alpha"),
        (moved(files, "mlp.down_proj", "self_attn.q_proj"), "changes model.layers.0.self_attn.q_proj, and an edit can"),
        (moved(files, "layers.2", "layers.9"), "layer 9 is missing here"),
        ({**files, WEIGHTS: save(one_side)}, "lacks one of the two matrices"),
        ({**files, WEIGHTS: files[WEIGHTS][:-9]}, "not a whole safetensors file"),
        ({**files, WEIGHTS: save(load(files[WEIGHTS]), metadata={"golden_layers": '{"format": 1}'})}, "is damaged"),
    ):
        with pytest.raises(EditError, match=words.replace("(", r"\(")):
            edit_from_adapter(handle, given, "adapter")


def test_ranks_come_back_without_the_zeros_they_were_filled_up_with() -> None:
    handle = tiny_handle("llama")
    parts = [f for layer, rank in ((0, 1), (2, 3)) for f in random_edit(handle, (layer,), rank, seed=rank).factors]
    edit = make_edit(handle, REQUEST, "mixed", parts, {})
    back = edit_from_adapter(handle, adapter_files(handle, [edit]), "adapter")
    assert [f.left.shape[1] for f in back.factors] == [1, 3]
    assert back == edit


def test_files_with_numbers_that_are_not_finite_are_refused() -> None:
    handle = tiny_handle("llama")
    files = adapter_files(handle, stack_of(handle))
    tensors = load(files[WEIGHTS])
    key = next(key for key in tensors if ".2." in key and "lora_B" in key)
    tensors[key] = (1e6 * tensors[key]).half()  # what an overflow leaves
    with pytest.raises(EditError, match="france has numbers at layer 2 that are not finite; save it again, as float32"):
        edit_from_adapter(handle, {**files, WEIGHTS: save(tensors)}, "france")
    arrays, meta = to_arrays(random_edit(handle))
    arrays = {name: np.where(array == array.max(), np.inf, array) for name, array in arrays.items()}
    with pytest.raises(EditError, match=r"edit.safetensors holds numbers that are not finite; export the edits again"):
        unpack(save_numpy(arrays, metadata=meta), "edit.safetensors")
