"""A whole checkpoint with the change added, as transformers saves models; the live model is only read.

The copy that is saved shares every tensor with the live model but those that change, which are made anew one by one:
W + left right^T, computed in float64 and rounded once to the dtype that is written: the weights' own, or another one.
Of a quantised model every matrix is dequantised: the checkpoint is of plain numbers.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.export.adapter import side_by_side
from goldenlayers_core.editing.export.header import described, layers_of, site_name
from goldenlayers_core.editing.export.parts import ExportFormat
from goldenlayers_core.errors import ConfigError, EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.experts import Out, split_experts
from goldenlayers_core.models.offload import is_offloaded
from goldenlayers_core.models.packed import Packed, dense_state
from goldenlayers_core.models.telling import quiet
from goldenlayers_core.results.edit.merge import MergedMatrix

ABOUT: Final = "golden_layers_edits.json"
DTYPES: Final = ("auto", "float32", "bfloat16", "float16")


def dtype_of(handle: ModelHandle, name: str) -> torch.dtype:
    """The dtype to write; "auto" is the loaded model's own. Raises ConfigError for another name."""
    if name not in DTYPES:
        raise ConfigError(f"The dtype {name!r} of a merged checkpoint is unknown; choose one of {', '.join(DTYPES)}.")
    found: torch.dtype = handle.dtype if name == "auto" else getattr(torch, name)
    return found


def write(handle: ModelHandle, edits: Sequence[Edit], folder: Path, dtype: str = "auto") -> tuple[MergedMatrix, ...]:
    """Save the edited weights, the config and the tokenizer into an existing, empty folder; what rounding left.

    Raises ConfigError (dtype), EditError when the weights do not fit the dtype or cannot be written, or are not all in
    memory.
    """
    number = dtype_of(handle, dtype)
    if is_offloaded(handle.model):
        raise EditError(
            f"{handle.name} is kept in part on disk or in memory, and a merged checkpoint is written from all of its "
            "weights at once; export an adapter, or load the model where it fits."
        )
    with handle.lock:
        plain = _sharing(handle)
        merged, kept = {}, []
        for layer in layers_of(edits):
            merged[layer], found = _merged(handle, edits, layer, number)
            kept.append(found)
        plain.to(number)  # of the copy: the live model keeps its own
        plain.config.dtype = number
        for layer, weight in merged.items():
            wide = weight.T if handle.architecture.orientation == "in_out" else weight
            site = plain.get_submodule(site_name(handle, layer))
            if isinstance(site, Out):
                site.replace(weight)
            else:
                site.weight = nn.Parameter(wide.contiguous(), requires_grad=False)
        _check_finite(plain, number)
        try:
            with quiet():
                plain.save_pretrained(folder)
        except SafetensorError as error:
            raise EditError(f"The weights could not be written ({error}); check the disk's free space.") from error
        handle.tokenizer.save_pretrained(folder)
    about = json.dumps({"merged into": handle.name, **described(handle, edits)}, indent=2, ensure_ascii=False)
    (folder / ABOUT).write_text(about + "\n", encoding="utf-8")
    return tuple(kept)


def _merged(handle: ModelHandle, edits: Sequence[Edit], layer: int, number: torch.dtype) -> tuple[Tensor, MergedMatrix]:
    """W + left right^T of a layer (d_out, d_in), rounded once, and what of the change is left then."""
    left, right = (side.to(handle.device, torch.float64) for side in side_by_side(edits, layer))
    weight, change = handle.matrix(handle.mlp_out(layer)), left @ right.T
    merged = (weight.double() + change).to(number)
    written, wanted = merged.double() - weight.to(number).double(), float(change.norm())
    size = max(wanted, 1e-300)
    aligned = float((written * (change / size)).sum()) / size
    return merged, MergedMatrix(layer, wanted, float(written.norm()) / size, aligned)


def _check_finite(plain: nn.Module, number: torch.dtype) -> None:
    bad = next((name for name, tensor in plain.named_parameters() if not bool(tensor.isfinite().all())), None)
    if bad is not None:
        raise EditError(
            f"{bad} has numbers that are not finite as {str(number).removeprefix('torch.')}; write the checkpoint as "
            "float32."
        )


def _sharing(handle: ModelHandle) -> Any:
    """A second model object over the live model's own tensors."""
    config = copy.deepcopy(handle.model.config)
    if hasattr(config, "quantization_config"):  # a model that says it is quantised refuses to be saved
        del config.quantization_config
    with torch.device("meta"):
        plain = type(handle.model)(config)
    plain.load_state_dict(_state(handle, plain), assign=True)
    plain.tie_weights()
    split_experts(plain, handle.architecture)
    plain.generation_config = copy.deepcopy(handle.model.generation_config)
    return plain.eval().requires_grad_(False)


def _state(handle: ModelHandle, plain: nn.Module) -> dict[str, Tensor]:
    """The live model's tensors, quantised ones dequantised and in the orientation that `plain` has them in."""
    found = dense_state(handle.model)
    for path, module in plain.named_modules():
        key = f"{path}.weight"
        if isinstance(module, Conv1D) and isinstance(handle.model.get_submodule(path), Packed):
            found[key] = found[key].T.contiguous()
    return found


FORMAT: Final = ExportFormat(
    name="merged",
    title="Merged checkpoint",
    purpose="A model folder with the change inside its weights, for anything that reads transformers models. It is as "
    "large as the model; undo is going back to the old folder.",
    holds=("change",),
    suffix="",
    write=write,
)
