"""A quantised folder gives the numbers of the model it stands for, and nothing of it is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from goldenlayers_core.errors import ModelError, ModelTooLargeError
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.fingerprint import folder_fingerprint, weights_digest
from goldenlayers_core.models.packed import Packed
from goldenlayers_core.tasks.edit.export import export_to
from goldenlayers_core.tasks.edit.merge import merge_report
from goldenlayers_core.tasks.model_card import card
from tests.editing.test_export import expected, loaded, script_of, stack_of, written
from tests.editing.test_overlay import IDS, logits
from tests.models.errors import error
from tests.models.quantising import KINDS, plain_twin, quantised
from tests.models.test_checking import configured, rewritten
from tests.tiny import INNER, WIDTH, save_tiny, tiny_handle

# gpt2's matrices lie the other way round, and have biases
CASES = [(kind, "llama") for kind in KINDS] + [("8-bit", "gpt2"), ("nf4", "gpt2")]
EIGHT = [case for case in CASES if case[0] == "8-bit"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Folders by kind and row, each made once."""
    home, found = tmp_path_factory.mktemp("quantised"), dict[tuple[str, str], Path]()

    def make(kind: str, row: str) -> Path:
        if (kind, row) not in found:
            found[kind, row] = quantised(home / f"{row} {kind}", kind, row)
            plain_twin(found[kind, row], row)
        return found[kind, row]

    return make


Pair = tuple[ModelHandle, ModelHandle]


@pytest.fixture(scope="module")
def pairs(made: Callable[[str, str], Path]) -> Callable[[str, str], Pair]:
    """(quantised, the plain model it stands for)."""

    def pair(kind: str, row: str) -> Pair:
        folder = made(kind, row)
        twin = folder.with_name(f"{folder.name}-twin")
        return load_model(str(folder), "cpu", "float32"), load_model(str(twin), "cpu", "float32")

    return pair


@pytest.mark.parametrize(("kind", "row"), CASES)
def test_it_answers_as_the_model_it_stands_for(pairs: Any, kind: str, row: str) -> None:
    handle, twin = pairs(kind, row)
    assert error(logits(handle), logits(twin)) < 1e-6
    packed = [m for m in handle.model.modules() if isinstance(m, Packed)]
    assert bool(packed) == ("fp8" not in kind)
    assert handle.quantised.startswith("fp8, dequantised when" if "fp8" in kind else "bitsandbytes ")
    assert handle.n_parameters == twin.n_parameters
    assert handle.n_bytes < 0.75 * twin.n_bytes or "fp8" in kind
    assert handle.shape(handle.mlp_out(1)) == twin.shape(twin.mlp_out(1)) == (WIDTH, INNER)
    matrix, original = (model.matrix(model.mlp_out(1)) for model in (handle, tiny_handle(row)))
    torch.testing.assert_close(matrix, twin.matrix(twin.mlp_out(1)), rtol=1e-6, atol=1e-7)
    assert 1e-3 < error(matrix, original) < 0.2  # what quantising itself costs
    assert handle.fingerprint == folder_fingerprint(Path(handle.source.source)) != twin.fingerprint


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft asks for the old name
@pytest.mark.parametrize(("kind", "row"), EIGHT)  # 4 bits of these widths are read wrongly by bitsandbytes itself
def test_adapters_over_the_quantised_model_by_peft_and_bitsandbytes(
    pairs: Any, kind: str, row: str, tmp_path: Path
) -> None:
    """bitsandbytes' 8-bit product rounds the activations; here nothing is rounded."""
    handle, _ = pairs(kind, row)
    edits = stack_of(handle)
    folder = written(handle, "peft", edits, tmp_path / "adapter")
    there = AutoModelForCausalLM.from_pretrained(handle.source.source, dtype=torch.float32, device_map={"": "cpu"})
    there.train()  # nothing is dropped out; in evaluation bitsandbytes packs 4 bits anew, for larger matrices only
    plain = there(input_ids=IDS).logits.detach()
    model = PeftModel.from_pretrained(there, folder).train()
    with torch.no_grad():
        found = model(input_ids=IDS).logits
    assert error(plain, logits(handle)) < 0.05
    assert error(found, expected(handle, edits)) < 0.05


@pytest.mark.parametrize(("kind", "row"), [("8-bit", "llama"), ("8-bit", "gpt2"), ("nf4", "gpt2"), ("fp8", "llama")])
def test_the_script_reads_the_quantised_folder(
    pairs: Any, kind: str, row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handle, _ = pairs(kind, row)
    edits = stack_of(handle)
    script = script_of(written(handle, "snippet", edits, tmp_path / "script"))
    found, header = script.read_edits()
    model = script.load_model(handle.source.source)
    script.check(model, header)
    said = capsys.readouterr().out
    assert "Careful" not in said
    assert ("is quantised here" in said) == (kind != "fp8")
    if kind != "nf4":  # 4 bits of these widths are read wrongly by bitsandbytes itself
        with script.laid_over(model, found, header), torch.no_grad():
            assert error(model(input_ids=IDS).logits, expected(handle, edits)) < 0.05


@pytest.mark.parametrize(("kind", "row"), CASES)
def test_merged_checkpoints_are_of_plain_numbers(pairs: Any, kind: str, row: str, tmp_path: Path) -> None:
    handle, _ = pairs(kind, row)
    edits, digest = stack_of(handle), weights_digest(handle.model)
    folder = written(handle, "merged", edits, tmp_path / "merged")
    assert error(loaded(folder), expected(handle, edits)) < 1e-5
    assert not load_model(str(folder), "cpu").quantised
    assert weights_digest(handle.model) == digest


def test_a_merged_checkpoint_says_that_the_model_was_quantised(pairs: Any, tmp_path: Path) -> None:
    handle, _ = pairs("nf4", "gpt2")
    folder = export_to(handle, stack_of(handle), "merged", tmp_path / "merged", dtype="bfloat16")
    (first, *rest) = merge_report(folder).lines
    assert first == (
        "The model is quantised (bitsandbytes 4-bit (nf4), each matrix dequantised when it is used); the checkpoint "
        "holds plain numbers, bfloat16."
    )
    assert any("read back from the folder" in line for line in rest)
    assert first in (folder / "README.md").read_text(encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert size == pytest.approx(card(handle).n_bytes_plain / 2, rel=0.15)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("kind", ["8-bit", "nf4", "nf4 in bfloat16", "fp8"])
def test_in_other_dtypes(made: Any, kind: str, dtype: str) -> None:
    handle = load_model(str(made(kind, "llama")), "cpu", dtype)
    assert handle.dtype_name == dtype
    exact = load_model(str(made(kind, "llama")), "cpu", "float32")
    assert error(logits(handle).float(), logits(exact)) < {"bfloat16": 5e-2, "float16": 1e-2, "float64": 1e-5}[dtype]


def test_a_quantised_head_becomes_a_plain_one(tmp_path: Path) -> None:
    folder = quantised(tmp_path / "whole", "8-bit", skip=[])
    handle = load_model(str(folder), "cpu", "float32")
    assert type(handle.head) is torch.nn.Linear
    assert error(logits(handle), logits(load_model(str(plain_twin(folder)), "cpu", "float32"))) < 1e-6


def test_what_is_needed_is_counted_in_bytes(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """8 bits a weight, and not as many as the dtype has."""
    folder = made("8-bit", "llama")
    needed = int(load_model(str(folder), "cpu", "float32").n_bytes * 1.1)
    for free, fits in ((needed * 1.02, True), (needed * 0.98, False)):
        monkeypatch.setattr("goldenlayers_core.models.memory.bytes_available", lambda _device, free=free: int(free))
        if fits:
            load_model(str(folder), "cpu", "float32")
        else:
            with pytest.raises(ModelTooLargeError):
                load_model(str(folder), "cpu", "float32")


def test_the_fingerprint_covers_how_the_numbers_are_to_be_read(made: Any, tmp_path: Path) -> None:
    folder = made("fp8", "llama")
    before = folder_fingerprint(folder)
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert folder_fingerprint(other) == before
    configured(other, quantization_config={"quant_method": "fp8", "weight_block_size": [8, 16]})
    assert folder_fingerprint(other) != before


def test_scales_that_are_no_numbers_are_named(made: Any, tmp_path: Path) -> None:
    folder, broken = made("8-bit", "llama"), tmp_path / "broken"
    broken.mkdir()
    for file in folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    rewritten(broken, lambda tensors: tensors["model.layers.1.mlp.down_proj.SCB"].fill_(torch.inf))
    with pytest.raises(ModelError, match=r"scales of model\.layers\.1\.mlp\.down_proj of broken are not finite"):
        load_model(str(broken), "cpu")


def test_plain_float8_tensors_are_the_numbers_they_are(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "float8")
    wanted = load_file(folder / "model.safetensors")
    small = {n: t.to(torch.float8_e4m3fn) if ".mlp." in n else t for n, t in wanted.items()}
    save_file(small, folder / "model.safetensors", {"format": "pt"})
    handle = load_model(str(folder), "cpu", "float32")
    assert handle.matrix(handle.mlp_out(1)).dtype == torch.float32
    name = "model.layers.1.mlp.down_proj.weight"
    assert torch.equal(handle.matrix(handle.mlp_out(1)), small[name].float())
    assert bool(logits(handle).isfinite().all())
