"""Adapters as peft and transformers leave them: in a folder of their name, with a prefix or without."""

import re
import zipfile
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load, save

from goldenlayers_core.editing.export import edit_from_adapter
from goldenlayers_core.editing.export.adapter import CONFIG, WEIGHTS
from goldenlayers_core.errors import EditError
from goldenlayers_core.tasks.edit.import_edits import edits_of, read_path, unzipped
from tests.editing.test_export import IDS, stack_of
from tests.editing.test_export_import import adapter_files, under
from tests.tiny import tiny_handle


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
@pytest.mark.parametrize("row", ["llama", "gpt2"])
@pytest.mark.parametrize("way", ["peft", "transformers", "whole state", "renamed files", "inner model"])
def test_adapters_of_any_name_and_prefix_are_read(row: str, way: str, tmp_path: Path) -> None:
    handle = tiny_handle(row)
    site = handle.architecture.mlp_out.rpartition(".")[2]
    config = LoraConfig(r=2, lora_alpha=6, target_modules=[rf"mlp.{site}"], fan_in_fan_out=row == "gpt2")
    model = get_peft_model(tiny_handle(row).model, config, adapter_name="france").eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    with torch.no_grad():
        wanted = model(input_ids=IDS).logits
    model.save_pretrained(tmp_path)
    assert (tmp_path / "france" / CONFIG).is_file()  # where peft puts an adapter that is not called default
    files = read_path(tmp_path)
    tensors = load(files[WEIGHTS])
    if way == "transformers":  # save_pretrained(..., save_peft_format=False)
        files[WEIGHTS] = save({key.removeprefix("base_model.model."): t for key, t in tensors.items()})
    elif way == "whole state":  # the adapter's name as it stands in the model
        files[WEIGHTS] = save({k: v.contiguous() for k, v in model.state_dict().items() if "lora_" in k})
        assert all(".france." in key for key in load(files[WEIGHTS]))
    elif way == "renamed files":
        files = {"my config (1).json": files[CONFIG], "france.safetensors": files[WEIGHTS], "notes.json": b"[1]"}
    elif way == "inner model":  # trained on the model without its head
        outer = handle.architecture.blocks.partition(".")[0]
        files[WEIGHTS] = save({key.replace(f"_model.model.{outer}.", "_model.model."): t for key, t in tensors.items()})
    (back,) = edits_of(handle, files, "france")
    torch.testing.assert_close(under(handle, [back]), wanted, rtol=1e-4, atol=1e-4)


def test_several_adapters_at_once_are_named(tmp_path: Path) -> None:
    handle = tiny_handle("llama")
    files = adapter_files(handle, stack_of(handle))
    tensors = load(files[WEIGHTS])
    both = {re.sub("(lora_[AB])", rf"\1.{name}", key): t.clone() for name in "ab" for key, t in tensors.items()}
    with pytest.raises(EditError, match=r"holds 2 adapters \(a, b\); save one of them alone"):
        edit_from_adapter(handle, {**files, WEIGHTS: save(both)}, "two")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("a", "b"):
            (tmp_path / "two" / name).mkdir(parents=True)
            for file, data in files.items():
                (tmp_path / "two" / name / file).write_bytes(data)
                archive.writestr(f"{name}/{file}", data)
    with pytest.raises(EditError, match=r"two holds 2 adapters \(a, b\); give one of them"):
        read_path(tmp_path / "two")
    with pytest.raises(EditError, match=r"two.zip holds 2 adapters \(a, b\); give one of them"):
        unzipped(read_path(tmp_path / "two.zip"), "two.zip")


def test_a_pickled_adapter_is_named_as_such(tmp_path: Path) -> None:
    handle = tiny_handle("llama")
    files = adapter_files(handle, stack_of(handle))
    (tmp_path / CONFIG).write_bytes(files[CONFIG])
    (tmp_path / "adapter_model.bin").write_bytes(b"PK")
    with pytest.raises(EditError, match=r"adapter_model.bin is pickled, .* save it as safetensors"):
        edits_of(handle, read_path(tmp_path), "old")
