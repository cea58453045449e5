"""`models`: what can be loaded, and, for an architecture without a row, what an examination of it found."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenlayers_core.commands.console import Device, Json, say, working
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.discovery import Discovery
from goldenlayers_core.tasks.discovery import accept, discover

Examined = Annotated[
    str | None,
    typer.Option("--discover", help="examine a folder or hub name whose architecture is not known: a row is proposed"),
]
Accept = Annotated[
    bool,
    typer.Option("--accept-row", help="write the proposed row to a file that --model takes, where no check failed"),
]


def models(
    examined: Examined = None, accept_row: Accept = False, device: Device = "auto", as_json: Json = False
) -> None:
    """What can be loaded, and what is on this machine; or what an unknown architecture is like."""
    if examined is not None:
        _discovered(examined, accept_row, device, as_json)
        return
    if accept_row:
        raise typer.BadParameter("--accept-row goes with --discover FOLDER.")
    content = _listed()
    say(as_json, content, lambda: _lines(content))


def _listed() -> dict[str, Any]:
    from goldenlayers_core.models.architectures import ARCHITECTURES
    from goldenlayers_core.models.available import not_here, on_disk
    from goldenlayers_core.models.presets import PRESETS

    return {
        "on_disk": [dataclasses.asdict(m) for m in on_disk(cache_root())],
        "not_here": [{"source": source, "get": get} for source, get in not_here(cache_root())],
        "presets": [dataclasses.asdict(preset) | {"named": preset.named} for preset in PRESETS],
        "architectures": [
            {"model_type": a.model_type, "title": a.title, "known_as": a.known_as} for a in ARCHITECTURES
        ],
    }


def _lines(content: dict[str, Any]) -> list[str]:
    """For a person."""
    return [
        "On this machine:",
        *(f"  {m['source']:40} {m['n_bytes'] / 2**20:8.0f} MiB  {m['where']}" for m in content["on_disk"]),
        *(f"  {m['source']:40} not here yet: {m['get']}" for m in content["not_here"]),
        "Models of the hub that people edit (a network, and for gated ones HF_TOKEN):",
        *(
            f"  {one['named']:40} {one['n_parameters'] / 1e9:6.2f} B, {one['n_layers']} layers, {one['licence']}"
            f"{', gated' * one['gated']}"
            for one in content["presets"]
        ),
        "Families that can be loaded by hub name, folder or GGUF file:",
        *(f"  {f['model_type']:20} {f['known_as']}" for f in content["architectures"]),
    ]


def _discovered(examined: str, accept_row: bool, device: str, as_json: bool) -> None:
    found: Discovery = working(discover, ModelSource(examined, None, device), cache_root())
    if accept_row and not found.holds:  # which check failed is told before the refusal
        say(as_json, discovery_answer(found, None), lambda: discovery_lines(found, None))
    file = accept(found, cache_root()) if accept_row else None
    say(as_json, discovery_answer(found, file), lambda: discovery_lines(found, file))


def discovery_answer(found: Discovery, file: Path | None) -> dict[str, Any]:
    """As JSON. `file`: where the accepted row was written."""
    return {
        "name": found.name,
        "model_type": found.model_type,
        "row": dict(found.columns),
        "checks": [dataclasses.asdict(one) for one in found.findings],
        "holds": found.holds,
        "remarks": list(found.remarks),
        "python": found.python,
        "accepted": str(file) if file else None,
    }


def discovery_lines(found: Discovery, file: Path | None) -> list[str]:
    """For a person."""
    lines = [f"Proposed for {found.name} (model type {found.model_type}):"]
    lines += [f"  {name:18} {value}" for name, value in found.columns]
    lines += [f"  {one.check:11} {one.outcome:4} {one.said}" for one in found.findings]
    lines += [*found.remarks, "As a row of goldenlayers_core/models/families.py:", found.python]
    if file:
        return [*lines, f"Accepted. It is used where it is named: --model {file}"]
    if found.holds:
        return [*lines, "Nothing is used yet; --accept-row writes the row to a file that --model takes."]
    return [*lines, "A check failed, so that the row cannot be accepted."]
