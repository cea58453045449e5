"""Where edits belong, in words: what an exported file says about its model, and in what that differs from another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from goldenlayers_core import __version__
from goldenlayers_core.editing.delta import Edit, Factors
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.handle import part_at


@dataclass(frozen=True, slots=True)
class Home:
    """The model that edits belong to, as far as a file says it ("" and 0 where it does not)."""

    name: str = ""
    fingerprint: str = ""
    model_type: str = ""
    n_layers: int = 0
    shapes: tuple[tuple[int, int, int], ...] = ()  # (layer, d_out, d_in) of the matrices edited


def site_template(handle: ModelHandle, layer: int = -1) -> str:
    """The name of the matrix the editors write to, with {} for the layer: "model.layers.{}.mlp.down_proj".

    Where blocks differ, as `layer` has it; by default, as the last of them has it.
    """
    return f"{handle.architecture.blocks}.{{}}.{handle.mlp(layer)[-1]}"


def site_name(handle: ModelHandle, layer: int) -> str:
    """The name of that matrix in one layer."""
    return site_template(handle, layer).format(layer)


def norm_name(handle: ModelHandle) -> str:
    """The name of the norm before the LM head. Raises EditError for a model without one (OPT-350m)."""
    path = handle.architecture.final_norm
    if part_at(handle.model, path) is None:
        raise EditError(
            f"EasyEdit asks for the name of the norm before the LM head, and {handle.name} has none; export an adapter "
            "or a merged checkpoint instead."
        )
    return path


def base_name(handle: ModelHandle) -> str:
    """What transformers loads the model by: its hub name, or the folder it was read from."""
    source = handle.source.source
    if source not in ("bundled", "gemma") and not Path(source).expanduser().exists():
        return source
    return str(getattr(handle.model.config, "_name_or_path", "") or Path(source).expanduser().absolute())


def shown_base(handle: ModelHandle) -> str:
    """The same for files that go to others: no path of this machine, whose last part alone is readable elsewhere."""
    source = handle.source.source
    own_name = source not in ("bundled", "gemma") and not Path(source).expanduser().exists()
    return source if own_name else handle.name


def layers_of(edits: Sequence[Edit]) -> list[int]:
    """Every layer that one of the edits acts at, ascending."""
    return sorted({layer for edit in edits for layer in edit.layers})


def shapes_of(handle: ModelHandle, layers: Sequence[int]) -> list[list[int]]:
    """[layer, d_out, d_in] of the matrices at `layers`."""
    return [[layer, *handle.shape(handle.mlp_out(layer))] for layer in layers]


def facts_of(edits: Sequence[Edit]) -> list[dict[str, str]]:
    """Everything the edits were asked to write."""
    return [vars(fact) for edit in edits for fact in edit.facts]


def versions() -> dict[str, str]:
    """What wrote the file."""
    return {
        "golden-layers": __version__,
        **{name: metadata.version(name) for name in ("torch", "transformers", "safetensors")},
    }


def described(handle: ModelHandle, edits: Sequence[Edit]) -> dict[str, str]:
    """The readable part of every exported header: texts, the longer ones JSON."""
    layers = layers_of(edits)
    return {
        "model": handle.name,
        "base_model": shown_base(handle),
        "fingerprint": handle.fingerprint,
        "model_type": handle.architecture.model_type,
        "n_layers": str(handle.n_layers),
        "site": site_template(handle, layers[0] if layers else -1),
        "orientation": handle.architecture.orientation,
        "layers": json.dumps(layers),
        "shapes": json.dumps(shapes_of(handle, layers)),
        "weight_norms": json.dumps([float(handle.matrix(handle.mlp_out(layer)).float().norm()) for layer in layers]),
        "methods": json.dumps([edit.method for edit in edits]),
        "digests": json.dumps([edit.edit_id for edit in edits]),
        "facts": json.dumps(facts_of(edits), ensure_ascii=False),
        "versions": json.dumps(versions()),
    }


def home_from(header: Mapping[str, Any]) -> Home:
    """The home that `described` wrote. Raises ValueError, KeyError or TypeError when it is damaged."""
    shapes = tuple((int(layer), int(d_out), int(d_in)) for layer, d_out, d_in in json.loads(header["shapes"]))
    return Home(header["model"], header["fingerprint"], header["model_type"], int(header["n_layers"]), shapes)


def home_of(edit: Edit) -> Home:
    """What an edit says itself about its model."""
    return Home(fingerprint=edit.fingerprint, shapes=tuple(_shape(f) for f in edit.factors))


def _shape(factors: Factors) -> tuple[int, int, int]:
    return factors.layer, factors.left.shape[0], factors.right.shape[0]


def differences(home: Home, handle: ModelHandle) -> tuple[str, ...]:
    """In what a loaded model differs from the one that edits belong to; () where it is the same."""
    found = []
    if home.model_type and home.model_type != handle.architecture.model_type:
        found.append(f"its family is {home.model_type} and here it is {handle.architecture.model_type}")
    if home.n_layers and home.n_layers != handle.n_layers:
        found.append(f"it has {home.n_layers} layers and here there are {handle.n_layers}")
    for layer, d_out, d_in in home.shapes:
        if layer >= handle.n_layers:
            found.append(f"layer {layer} is missing here")
            continue
        here = handle.shape(handle.mlp_out(layer))
        if (d_out, d_in) != here:
            found.append(f"its matrix at layer {layer} is {d_out} x {d_in} and here it is {here[0]} x {here[1]}")
            break  # the others differ in the same way
    if not found and home.fingerprint and home.fingerprint != handle.fingerprint:
        found.append("architecture and shapes agree, but the weights are others")
    return tuple(found)


def check_home(home: Home, handle: ModelHandle, file: str) -> None:
    """Raises EditError, saying what differs, when the loaded model is not the one that a file's edits belong to."""
    if not (found := differences(home, handle)):
        return
    made_on = f"{home.name or 'another model'} (fingerprint {home.fingerprint[:8] or 'unknown'})"
    raise EditError(
        f"{file} was made on {made_on} and {handle.name} (fingerprint {handle.fingerprint[:8]}) is loaded: "
        f"{'; '.join(found)}; load the model it belongs to."
    )
