"""Tiny quantised folders, made as people make them: by bitsandbytes through transformers, or in fp8 by hand."""

import copy
import json
import logging
from pathlib import Path
from typing import Any, Final

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Linear4bit
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tests.tiny import save_tiny, tokenizer

_BITS: Final[dict[str, dict[str, Any]]] = {
    "8-bit": {"load_in_8bit": True},
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "fp4 nested": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": True},
    "nf4 in bfloat16": {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_quant_storage": "bfloat16",  # its bytes stand in tensors that say they are numbers
        "bnb_4bit_compute_dtype": "bfloat16",
    },
}
_FP8: Final = {"fp8": [16, 16], "fp8 by tensor": None}
KINDS: Final = (*_BITS, *_FP8)


def quantised(folder: Path, kind: str, row: str = "llama", skip: list[str] | None = None) -> Path:
    """A tiny model's folder, quantised in one of the `KINDS`, but for the modules of `skip` (the head, unless said)."""
    plain = save_tiny(folder.with_name(f"{folder.name}-plain"), row)
    if kind in _FP8:
        return _in_fp8(plain, folder, _FP8[kind])
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    how = BitsAndBytesConfig(**_BITS[kind], llm_int8_skip_modules=skip)
    model = AutoModelForCausalLM.from_pretrained(
        plain, quantization_config=how, dtype=torch.float32, device_map={"": "cpu"}
    )
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def dequantised(folder: Path, row: str = "llama") -> dict[str, torch.Tensor]:
    """The tensors that a quantised folder stands for, by others' means than the project's, in float32."""
    config = json.loads((folder / "config.json").read_text())["quantization_config"]
    if config["quant_method"] == "fp8":
        return _out_of_fp8(load_file(folder / "model.safetensors"))
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map={"": "cpu"})
    if config["load_in_4bit"]:
        state = {n: t.float() for n, t in model.state_dict().items() if t.is_floating_point()}
        for path, module in model.named_modules():
            if isinstance(module, Linear4bit):
                state[f"{path}.weight"] = _in_one_row(module)
    else:
        state = {name: t.detach().float() for name, t in model.dequantize().state_dict().items()}
    if row == "gpt2":  # bitsandbytes turned its Conv1D around
        turned = [
            n for n in state if n.endswith(".weight") and any(f".{m}." in n for m in ("c_attn", "c_proj", "c_fc"))
        ]
        state |= {name: state[name].T.contiguous() for name in turned}
    return state


def _in_one_row(module: Any) -> torch.Tensor:
    """A 4-bit matrix by bitsandbytes' own function, of which only single rows are right where runs go past row ends."""
    how = copy.copy(module.weight.quant_state)
    shape, how.shape = how.shape, torch.Size((1, how.shape.numel()))
    return dequantize_4bit(module.weight.data, how).reshape(shape).float()


def plain_twin(folder: Path, row: str = "llama") -> Path:
    """A folder of plain numbers: the model that a quantised folder stands for."""
    twin = folder.with_name(f"{folder.name}-twin")
    save_tiny(twin, row)
    written = load_file(twin / "model.safetensors")
    found = dequantised(folder, row)
    save_file({name: found[name].clone() for name in written}, twin / "model.safetensors", {"format": "pt"})
    return twin


def _in_fp8(plain: Path, folder: Path, block: list[int] | None) -> Path:
    """Every matrix of a block in e4m3, with a scale for each square of `block`, or for the whole of it."""
    folder.mkdir()
    for file in plain.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tensors = load_file(plain / "model.safetensors")
    for name, weight in list(tensors.items()):
        if ".layers." not in name or weight.ndim != 2:
            continue
        rows, columns = block or weight.shape
        squares = weight.unflatten(0, (-1, rows)).unflatten(2, (-1, columns))  # (R, rows, C, columns)
        scales = squares.abs().amax(dim=(1, 3)) / torch.finfo(torch.float8_e4m3fn).max
        codes = (squares / scales[:, None, :, None]).to(torch.float8_e4m3fn)
        tensors[name] = codes.reshape(weight.shape)
        tensors[f"{name}_scale_inv"] = scales if block else scales[0, 0]
        if block is None:
            tensors[name.replace(".weight", ".activation_scale")] = torch.tensor(1.0)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    said = {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic" if block else "static",
        "weight_block_size": block,
    }
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": said}))
    return folder


def _out_of_fp8(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = {n: t.float() for n, t in tensors.items() if "_scale" not in n}
    for name, scales in tensors.items():
        if name.endswith("_scale_inv"):
            weight = found[(key := name.removesuffix("_scale_inv"))]
            if scales.ndim:
                sizes = [size // count for size, count in zip(weight.shape, scales.shape, strict=True)]
                scales = scales.repeat_interleave(sizes[0], 0).repeat_interleave(sizes[1], 1)
            found[key] = weight * scales
    return found
