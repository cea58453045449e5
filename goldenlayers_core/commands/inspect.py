"""`inspect`: what a model is and whether it fits, from its configuration alone."""

import dataclasses
from typing import Annotated, Any, Final

import typer

from goldenlayers_core.commands.console import Device, Dtype, Json, say
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.fit import GIB, MIB, Fit
from goldenlayers_core.tasks.fits import fit_of

Described = Annotated[
    str, typer.Option("--model", help="bundled, gemma, a hub name, a folder, a GGUF file, or a config.json alone")
]
_PRECISE: Final = 10 * GIB  # below, sizes are told in MiB


def inspect(
    model: Described = "bundled", device: Device = "auto", dtype: Dtype = "auto", as_json: Json = False
) -> None:
    """What a model is, and whether it fits: weights, work and memory on the way. No weight is read."""
    found = fit_of(ModelSource(model, None, device, dtype), cache_root())
    say(as_json, fit_answer(found), lambda: fit_lines(found))


def fit_answer(found: Fit) -> dict[str, Any]:
    """As JSON; sizes in bytes."""
    outline = dataclasses.asdict(found.outline)
    name, kind, width = (outline.pop(key) for key in ("name", "model_type", "width"))
    return {
        "name": name,
        "model_type": kind,
        "can_be_loaded": found.outline.known,
        "hidden_size": width,
        **outline,
        "device": found.device,
        "free": {room.name: room.free for room in found.rooms},
        "download": found.download,
        "on_disk": found.on_disk,
        "precisions": [dataclasses.asdict(row) for row in found.precisions],
        "proposed": found.proposed or None,
        "sentence": found.sentence,
    }


def fit_lines(found: Fit) -> list[str]:
    """For a person."""
    outline = found.outline
    facts = [
        ("model", outline.name),
        ("family", f"{outline.family}, model type {outline.model_type}"),
        ("layers, width", f"{outline.n_layers}, {outline.width:,} (MLP {outline.inner:,})"),
        ("parameters", f"{outline.n_parameters:,}" + (", LM head tied to the embedding" if outline.tied else "")),
        ("vocabulary", f"{outline.vocabulary:,}"),
        ("licence", outline.licence or "not stated in its files"),
        ("stored as", ", ".join(filter(None, (outline.stored, outline.quantised))) or "not stated"),
        *((room.name, f"{_size(room.free)} free") for room in found.rooms),
    ]
    lines = [f"{name:16} {value}" for name, value in facts]
    for row in found.precisions:
        lines.append(f"as {row.dtype}{'' if row.fits else ', which does not fit'}:")
        lines.append(f"  {'weights':28} {_size(row.weights):>12}")
        lines += [f"  {need.title:28} {_size(need.n_bytes):>12}  {_why(need.why, need.tokens)}" for need in row.needs]
        if found.device != "cpu":
            lines.append(f"  {'memory on the way':28} {_size(row.host):>12}  the largest tensor")
    return [*lines, found.sentence]


def _why(why: str, tokens: int) -> str:
    return why or f"{tokens:,} tokens together"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / MIB:,.0f} MiB" if n_bytes < _PRECISE else f"{n_bytes / GIB:,.1f} GiB"
