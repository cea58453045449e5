"""A LoRA adapter that `peft` loads over the plain model: W + B A with B = left, A = right^T, scaling 1.

Edits of one layer stand side by side in the rank. Layers are limited by naming each matrix in full. Every layer has the
largest rank, where its own is smaller with columns of zeros behind it, and alpha is equal to it: some readers know one
rank and one alpha for all layers, and theirs is then scaling 1, too. The header says the ranks without the zeros.

Experts in one parameter have an A each and share B, which is what side by side in one matrix means: peft wants them as
A (E * rank, inner), one expert after another, and B (width, rank * E), the experts of a rank beside one another.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import pad

from goldenlayers_core.editing.delta import Edit, whole_factors
from goldenlayers_core.editing.export.header import described, layers_of, shown_base, site_name
from goldenlayers_core.editing.export.parts import ExportFormat
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.experts import Out

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
PREFIX: Final = "base_model.model."  # what peft puts before every module name
OURS: Final = "golden-layers-adapter-1"


def side_by_side(edits: Sequence[Edit], layer: int) -> tuple[Tensor, Tensor]:
    """left (d_out, R) and right (d_in, R) of all edits of a layer; R is at most the smaller of the two sizes."""
    found = [f for edit in edits for f in edit.factors if f.layer == layer]
    left, right = torch.cat([f.left for f in found], dim=1), torch.cat([f.right for f in found], dim=1)
    if left.shape[1] > min(len(left), len(right)):
        whole = whole_factors(layer, (left.double() @ right.double().T).float())
        return whole.left, whole.right
    return left, right


def _files(handle: ModelHandle, edits: Sequence[Edit], _stem: str) -> dict[str, bytes]:
    sides = {layer: side_by_side(edits, layer) for layer in layers_of(edits)}
    ranks = {layer: left.shape[1] for layer, (left, _) in sides.items()}
    most = max(ranks.values())
    tensors: dict[str, Tensor] = {}
    modules, parameters = [], []
    for layer, (left, right) in sides.items():
        site, name, empty = handle.mlp_out(layer), site_name(handle, layer), (0, most - ranks[layer])
        a, b = pad(right, empty).T, pad(left, empty)  # (most, d_in), (d_out, most)
        if isinstance(site, Out):
            name = name.rpartition(".")[0]
            parameters.append(f"{name}.{site.name}")
            a = a.unflatten(1, (site.n_experts, -1)).transpose(0, 1).flatten(0, 1)
            b = b.repeat_interleave(site.n_experts, dim=1)
        elif handle.architecture.experts:  # where there are experts, peft takes a module's name for theirs
            parameters.append(f"{name}.weight")
        else:
            modules.append(name)
        tensors[f"{PREFIX}{name}.lora_A.weight"] = a.contiguous()
        tensors[f"{PREFIX}{name}.lora_B.weight"] = b.contiguous()
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": shown_base(handle),
        "inference_mode": True,
        "r": most,
        "lora_alpha": most,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": modules,
        **({"target_parameters": parameters} if parameters else {}),
        "fan_in_fan_out": handle.architecture.orientation == "in_out",
        "bias": "none",
        "lora_dropout": 0.0,
        "use_rslora": False,
        "use_dora": False,
        "init_lora_weights": True,
        "modules_to_save": None,
    }
    ours = {"format": OURS, **described(handle, edits)}
    ours |= {"config": edits[0].config if len(edits) == 1 else "{}", "ranks": json.dumps(ranks)}
    header = {"format": "pt", "golden_layers": json.dumps(ours, ensure_ascii=False)}
    return {CONFIG: json.dumps(config, indent=2).encode(), WEIGHTS: save(tensors, metadata=header)}


FORMAT: Final = ExportFormat(
    name="peft",
    title="LoRA adapter",
    purpose="Use the edit with plain transformers and peft: PeftModel.from_pretrained(model, folder) gives the same "
    "logits as here, and removing the adapter undoes the edit.",
    holds=("change",),
    suffix="",
    files=_files,
)
