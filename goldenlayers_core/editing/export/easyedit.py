"""An EasyEdit hyperparameter file for this model, method and layer.

EasyEdit passes every line of such a file to a dataclass, so exactly the fields of that dataclass may stand in it
(its `easyeditor/models/*/..._hparams.py`). The module templates come from the architecture row, the numbers from the
edit's config; what the config does not say is what EasyEdit ships for Llama models.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from goldenlayers_core import __version__
from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.export.header import base_name, norm_name, site_template
from goldenlayers_core.editing.export.parts import EVERYTHING, ExportFormat
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle

Fields = dict[str, Any]


def templates(handle: ModelHandle, layer: int) -> Fields:
    """The module names that EasyEdit asks for, as one layer has them; {} stands for the layer."""
    row = handle.architecture
    block, out, mixer = f"{row.blocks}.{{}}", handle.mlp(layer)[-1], handle.mixer(layer)
    mlp = out.rpartition(".")[0] or out  # OPT keeps its two matrices in the block itself
    head = next(name for name, module in handle.model.named_modules() if module is handle.head)
    return {
        "rewrite_module_tmp": site_template(handle, layer),
        "layer_module_tmp": block,
        "mlp_module_tmp": f"{block}.{mlp}",
        "attn_module_tmp": f"{block}.{mixer[-1].rpartition('.')[0]}",
        "ln_f_module": norm_name(handle),
        "lm_head_module": head,
    }


def _common(handle: ModelHandle, name: str) -> Fields:
    return {"alg_name": name, "model_name": base_name(handle), "device": 0}


def _value(handle: ModelHandle, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    """What every method that optimises a value at the subject's last token reads."""
    return {
        "stats_dir": "./data/stats",
        "layers": list(layers),
        "fact_token": "subject_last",
        "v_num_grad_steps": int(config.get("steps", 25)),
        "v_lr": float(config.get("learning_rate", 0.5)),
        "v_loss_layer": handle.n_layers - 1,
        "v_weight_decay": float(config.get("weight_decay", 1e-3)),
        "clamp_norm_factor": float(config.get("clamp_factor", 4.0)),
        "kl_factor": float(config.get("kl_factor", 0.0625)),
        "mom2_adjustment": config.get("covariance", "identity") != "identity",
        "mom2_dataset": "wikipedia",
        "mom2_n_samples": 100000,
        "mom2_dtype": "float32",
        "max_length": 40,
        **templates(handle, layers[-1]),
    }


def _rome(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    number, length = int(config.get("n_templates", 20)), int(config.get("template_length", 10))
    half = number // 2
    counts = [[max(length // 2, 1), half], [length, number - half]] if number else []
    return {
        **_common(handle, name),
        **_value(handle, layers, config),
        "context_template_length_params": [pair for pair in counts if pair[1]],
        "model_parallel": False,
        "fp16": False,
    }


def _bare_keys(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    keys = {"enable_prompt_keys": True, "enable_random_prefix_keys": False}
    return {**_rome(handle, name, layers, config), **keys}


def _memit(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    """MEMIT and its relatives always read the covariance."""
    return {
        **_common(handle, name),
        **_value(handle, layers, config),
        "mom2_adjustment": True,
        "mom2_update_weight": _lambda(handle, layers[0], config),
        "layer_selection": "all",
        "batch_size": 1,
    }


def _emmet(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    return {
        **_memit(handle, name, layers, config),
        "mom2_update_weight": 1.0,  # as the original repository has it for Llama: it scales the ridge below away
        "update_norm_lambda": 0.0,
        "emmet_lambda": 0.1,
        "model_parallel": False,
    }


def _pmet(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    site = site_template(handle, layers[-1])
    out = (
        f"{handle.architecture.blocks}.{{}}.{handle.mixer(layers[-1])[-1]}"  # PMET's two values are outputs of matrices
    )
    return {
        **_memit(handle, name, layers, config),
        "rewrite_module_tmps": [site],
        "mlp_module_tmp": site,
        "attn_module_tmp": out,
        "nll_loss_factor": 1.0,
        "model_parallel": False,
    }


def _alphaedit(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    return {
        **_memit(handle, name, layers, config),
        "nullspace_threshold": 0.02,
        "L2": 10.0,
        "P_loc": "./null_space_project.pt",
        "model_parallel": False,
    }


def _fine_tuning(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    site = site_template(handle, layers[-1])
    names = {**templates(handle, layers[-1]), "rewrite_module_tmp": f"{site}.weight"}  # FT names the parameter
    norm = float(config.get("norm_constraint", 0.0))
    return {
        **_common(handle, name),
        "layers": list(layers),
        "num_steps": int(config.get("steps", 25)),
        "batch_size": 1,
        "max_length": 40,
        "lr": float(config.get("learning_rate", 5e-4)),
        "weight_decay": float(config.get("weight_decay", 0.0)),
        "kl_factor": 0.0,
        "norm_constraint": norm if norm > 0 else False,
        "objective_optimization": "target_new",
        **names,
        "model_parallel": False,
    }


def _last_token(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    return {**_fine_tuning(handle, name, layers, config), "objective_optimization": "prompt_last"}


def _inner(handle: ModelHandle, layer: int) -> list[str]:
    return [f"{handle.architecture.blocks}[{layer}].{handle.mlp(layer)[-1]}.weight"]


def _grace(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    return {
        **_common(handle, name),
        "inner_params": _inner(handle, layers[-1]),
        "edit_lr": 1.0,
        "n_iter": int(config.get("steps", 50)),
        "eps": float(config.get("eps", 1.0)),
        "dist_fn": "euc",
        "val_init": "cold",
        "val_train": "sgd",
        "val_reg": "None",
        "reg": "early_stop",
        "replacement": "replace_last",
        "eps_expand": "coverage",
        "num_pert": 8,
        "dropout": 0.0,
    }


def _wise(handle: ModelHandle, name: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    return {
        **_common(handle, name),
        "inner_params": _inner(handle, layers[-1]),
        "edit_lr": 1.0,
        "n_iter": int(config.get("steps", 70)),
        "mask_ratio": float(config.get("density", 0.2)),
        "norm_constraint": 1.0,
        "act_margin": [5.0, 20.0, 10.0],
        "act_ratio": 0.88,
        "save_freq": 500,
        "merge_freq": 1000,
        "merge_alg": "ties",
        "objective_optimization": "only_label",
        "densities": 0.53,
        "weights": 1.0,
        "retrieve": True,
        "replay": False,
        "model_parallel": False,
    }


Maker = Callable[[ModelHandle, str, Sequence[int], Mapping[str, Any]], Fields]
_SAMPLED: Final = "EasyEdit samples its own context templates, so that its numbers differ a little from those here."
_METHODS: Final[Mapping[str, tuple[str, Maker, str]]] = {  # our method -> EasyEdit's name, the fields, what to know
    "rome": ("ROME", _rome, _SAMPLED),
    "r-rome": ("R-ROME", _rome, _SAMPLED),
    "p-rome": ("R-ROME", _bare_keys, _SAMPLED),
    "memit": ("MEMIT", _memit, "mom2_update_weight is the preservation used here times the width of the keys."),
    "emmet": ("EMMET", _emmet, "mom2_update_weight and emmet_lambda are the original repository's for Llama."),
    "pmet": ("PMET", _pmet, "mom2_update_weight is the preservation used here times the width of the keys."),
    "alphaedit": (
        "AlphaEdit",
        _alphaedit,
        "nullspace_threshold and L2 are the published ones: EasyEdit's are absolute, those used here are relative.",
    ),
    "ft-l": ("FT", _last_token, "prompt_last is FT-L."),
    "ft-m": ("FT", _fine_tuning, "target_new is FT-M."),
    "grace": (
        "GRACE",
        _grace,
        "eps is the radius of the edit made here, in absolute terms; edit_lr is the published one.",
    ),
    "wise": (
        "WISE",
        _wise,
        "Margins, ratio and learning rate are EasyEdit's own: it trains by plain gradient descent.",
    ),
}


def _lambda(handle: ModelHandle, layer: int, config: Mapping[str, Any]) -> float:
    """MEMIT's weight of usual keys: here it is in units of d_in, there it counts keys; 15,000 as for Llama else."""
    if "preservation" not in config:
        return 15000.0
    return float(round(float(config["preservation"]) * handle.shape(handle.mlp_out(layer))[1], 3))


def known() -> tuple[str, ...]:
    """Methods that EasyEdit has, by our names."""
    return tuple(_METHODS)


def fields(handle: ModelHandle, method: str, layers: Sequence[int], config: Mapping[str, Any]) -> Fields:
    """The hyperparameters by name. Raises EditError for a method that EasyEdit does not have."""
    if method not in _METHODS:
        raise EditError(
            f"EasyEdit has no hyperparameters for an edit made by {method!r}; it has those of {', '.join(_METHODS)}."
        )
    name, make, _ = _METHODS[method]
    return make(handle, name, layers, config)


def hyperparameters(handle: ModelHandle, edits: Sequence[Edit]) -> str:
    """The YAML text. Raises EditError for edits by several methods, settings or layers: a file describes one."""
    kinds = {(edit.method, edit.layers, edit.config) for edit in edits}
    if len(kinds) > 1:
        raise EditError(
            f"An EasyEdit file describes one method at one layer and these {len(edits)} edits differ in it; export "
            "them one by one."
        )
    edit = edits[0]
    config = json.loads(edit.config)
    if edit.codebooks:
        config["eps"] = float(edit.codebooks[0].radii.mean())
    found = fields(handle, edit.method, edit.layers, config)
    lines = [
        f"# EasyEdit hyperparameters for {handle.name}, written by Golden Layers {__version__}.",
        f"# Layers are those of the edit of: {_one_line(edit.fact.prompt)}",
        "# device is the number of a CUDA device; stats_dir is where EasyEdit keeps the key covariance it computes.",
        f"# {_METHODS[edit.method][2]}",
        *(f"{key}: {_scalar(value)}" for key, value in found.items()),
    ]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _scalar(value: Any) -> str:
    """YAML 1.1: JSON but for floats, which need a point to be read as numbers (1e-05 would be a text)."""
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}"
    return json.dumps(value, ensure_ascii=False)


def _files(handle: ModelHandle, edits: Sequence[Edit], stem: str) -> dict[str, bytes]:
    return {f"{stem}.yaml": hyperparameters(handle, edits).encode()}


FORMAT: Final = ExportFormat(
    name="easyedit",
    title="EasyEdit hyperparameters",
    purpose="Run the same method at the same layer of this model in EasyEdit: a YAML file with the module names and "
    "the numbers filled in. It holds the recipe, not the edit.",
    holds=EVERYTHING,
    suffix=".yaml",
    by_module=True,
    held="the method, layers and numbers of edits that agree in them",
    files=_files,
)
