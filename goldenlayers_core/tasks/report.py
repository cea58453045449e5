"""A stored run as a report: the same figures as on the pages, every number with its definition and provenance.

It stands above the wings, beside their table.
"""

import dataclasses
import json
from pathlib import Path

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.layer_stack import layer_stack
from goldenlayers_core.figures.text import counted, number
from goldenlayers_core.reports import Report, Section, provenance_json, report_html, report_zip
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.runtime.atomic import write_bytes
from goldenlayers_core.tasks.address import without_places
from goldenlayers_core.tasks.kinds import function
from goldenlayers_core.tasks.present.stack import stack_of_run
from goldenlayers_core.tasks.report_parts import GREEDY, Parts
from goldenlayers_core.tasks.wings import kind_named


def write_report(store: Store, run_id: str, path: Path, pictures: bool = False) -> None:
    """Write a stored run's report in one step: a zip of figures and tables where `path` ends in .zip, else one page.

    `pictures`: PNG and SVG in the zip. Raises StoreError when the run is missing or damaged, GoldenLayersError where a
    picture cannot be drawn.
    """
    zipped = path.suffix.lower() == ".zip"
    data = zip_bytes(store, run_id, pictures) if zipped else report_bytes(store, run_id)
    write_bytes(path.expanduser().absolute(), data)


def report_bytes(store: Store, run_id: str) -> bytes:
    """The report as a file's content. Raises StoreError when the run is missing or damaged."""
    return report_html(report_of(store, run_id)).encode()


def zip_bytes(store: Store, run_id: str, pictures: bool = False) -> bytes:
    """The report's figures and tables as a zip. Raises as `write_report`."""
    return report_zip(report_of(store, run_id), pictures)


def report_of(store: Store, run_id: str) -> Report:
    """A stored run as a report. Raises StoreError when the run is missing or damaged."""
    manifest = store.load_run(run_id).manifest
    kind = kind_named(manifest.kind)
    made = function(kind.report) if kind and kind.report else _tables
    finding, sections, limits = made(store, manifest)
    sections = (*sections, *_stacked(store, manifest))
    settings = without_places(manifest.settings, manifest.model)
    provenance = provenance_json({**dataclasses.asdict(manifest), "config": settings})
    return Report(manifest.title, finding, sections, _facts(manifest), limits, provenance, manifest.created)


def _stacked(store: Store, manifest: RunManifest) -> tuple[Section, ...]:
    """The model's layers with what names each, where it is known how many it has."""
    found = stack_of_run(store, manifest)
    return () if found is None else (Section(layer_stack(found), found.to_frame(), name="layer-stack"),)


def _facts(manifest: RunManifest) -> tuple[tuple[str, str], ...]:
    """Everything that is needed to find the run again and to repeat it."""
    asked = without_places(manifest.settings, manifest.model)
    settings = {name: value for name, value in asked.items() if name not in ("model", "request")}
    return (
        *((("note", manifest.note),) if manifest.note else ()),
        *((("starred", "yes"),) if manifest.starred else ()),
        ("model", f"{manifest.model}, fingerprint {manifest.fingerprint}"),
        ("dataset", f"{manifest.dataset}, {counted(manifest.n_requests, 'request')}, digest {manifest.dataset_digest}"),
        ("run", f"{manifest.run_id}, {manifest.created} (UTC), {number(manifest.seconds)} s"),
        *manifest.told.items(),
        ("settings", json.dumps(settings, ensure_ascii=False, sort_keys=True)),
        *((name, value) for name, value in manifest.provenance),
    )


def _tables(store: Store, manifest: RunManifest) -> Parts:
    """A run of another kind: its tables as they are stored."""
    frames = store.load_run(manifest.run_id).frames
    if not frames:
        raise StoreError(f"The run {manifest.run_id} holds no table that a report could show; choose another run.")
    sections = tuple(Section(None, frame, name.replace("_", " "), open_table=True) for name, frame in frames.items())
    return ", ".join(f"{name}: {value}" for name, value in manifest.told.items()), sections, (GREEDY,)
