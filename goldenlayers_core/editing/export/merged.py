"""A whole checkpoint with the change added, as transformers saves models; the live model is only read.

The copy that is saved shares every tensor with the live model but those that change, which are made anew one by one:
W + left right^T, computed in float64 and rounded once to the weights' own dtype.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import nn

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.export.adapter import side_by_side
from goldenlayers_core.editing.export.header import described, layers_of, site_template
from goldenlayers_core.editing.export.parts import ExportFormat
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.telling import quiet

ABOUT: Final = "golden_layers_edits.json"


def write(handle: ModelHandle, edits: Sequence[Edit], folder: Path) -> None:
    """Save the edited weights, the config and the tokenizer into an existing, empty folder.

    Raises EditError when the weights cannot be written.
    """
    with handle.lock:
        plain = _sharing(handle)
        for layer in layers_of(edits):
            left, right = side_by_side(edits, layer)
            site = plain.get_submodule(site_template(handle).format(layer))
            weight = handle.matrix(site)  # (d_out, d_in) of the copy, still the live model's own
            change = left.to(weight.device, torch.float64) @ right.to(weight.device, torch.float64).T
            merged = (weight.double() + change).to(weight.dtype)
            if handle.architecture.orientation == "in_out":
                merged = merged.T
            site.weight = nn.Parameter(merged.contiguous(), requires_grad=False)
        try:
            with quiet():
                plain.save_pretrained(folder)
        except SafetensorError as error:
            raise EditError(f"The weights could not be written ({error}); check the disk's free space.") from error
        handle.tokenizer.save_pretrained(folder)
    about = json.dumps({"merged into": handle.name, **described(handle, edits)}, indent=2, ensure_ascii=False)
    (folder / ABOUT).write_text(about + "\n", encoding="utf-8")


def _sharing(handle: ModelHandle) -> Any:
    """A second model object over the live model's own tensors."""
    config = copy.deepcopy(handle.model.config)
    if hasattr(config, "quantization_config"):  # a model that says it is quantised refuses to be saved
        del config.quantization_config
    with torch.device("meta"):
        plain = type(handle.model)(config)
    plain.load_state_dict(handle.model.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = copy.deepcopy(handle.model.generation_config)
    plain.config.dtype = handle.dtype
    return plain.eval().requires_grad_(False)


FORMAT: Final = ExportFormat(
    name="merged",
    title="Merged checkpoint",
    purpose="A model folder with the change inside its weights, for anything that reads transformers models. It is as "
    "large as the model; undo is going back to the old folder.",
    holds=("change",),
    suffix="",
    write=write,
)
