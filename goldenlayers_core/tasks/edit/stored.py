"""What the store holds of edits: their cards, their reports, their blast radii. No torch, so that a page opens them at
once."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.panel import PanelResult
from goldenlayers_core.results.edit.stack import EditCard
from goldenlayers_core.runtime import RunManifest, Store, StoredRun, now
from goldenlayers_core.tasks.questions import EditQuestion
from goldenlayers_core.tasks.serial import plain, restored

FORMAT: Final = "golden-layers-edit-2"
EDIT_VERSION: Final = "edit-3"
PANEL_VERSION: Final = "panel-1"  # changes when a number, or the panel, would come out differently


def edit_card(store: Store, edit_id: str) -> EditCard:
    """A stored edit as the bench lists it. Raises StoreError when it is missing or of another format."""
    return store.read_arrays("edits", edit_id, lambda arrays, meta: _card(edit_id, arrays, meta))


def _card(edit_id: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> EditCard:
    if meta.get("format") != FORMAT:
        raise StoreError(
            f"The edit {edit_id} is of the format {meta.get('format')!r} and this program reads {FORMAT!r}; make "
            "the edit again."
        )
    layers = {int(name.rpartition(".")[2]) for name in arrays if name.startswith(("left.", "book."))}
    written = [name for name in arrays if not name.startswith("keys.")]
    content = {
        "edit_id": edit_id,
        "method": meta["method"],
        "facts": tuple((f["prompt"], f["subject"], f["target_new"]) for f in json.loads(meta["facts"])),
        "layers": tuple(sorted(layers)),
        "rank": sum(int(arrays[name].shape[1]) for name in written if name.startswith("left.")),
        "entries": sum(len(arrays[name]) for name in written if name.startswith("book.radii.")),
        "prefix": meta.get("prefix", ""),
        "weight_change": float(meta["weight_change"]),
        "n_bytes": sum(int(arrays[name].nbytes) for name in written) + len(meta.get("prefix", "").encode()),
        "fingerprint": meta["fingerprint"],
        "below": tuple(json.loads(meta.get("below", "[]"))),
    }
    return restored(EditCard, content)


def _fact(report: EditReport) -> str:
    """`Barcelona: Spain → Switzerland`; the prompt with its new answer where there is no subject or no old answer."""
    if report.subject and report.target_true:
        return f"{report.subject}: {report.target_true} → {report.target_new}"
    return f"{report.prompt} {report.target_new}"


def save_report(store: Store, question: EditQuestion, report: EditReport, model: str) -> str:
    """Store an edit's report under a name made of its content; its factors are stored apart, under `edit_id`."""
    run_id = f"edit-{report.edit_id[:16]}"
    rates = report.rates()
    manifest = RunManifest(
        run_id=run_id,
        kind="edit",
        title=f"{_fact(report)} ({report.method.upper()}, layer {report.layer})",
        created=now(),
        model=model,
        fingerprint=report.fingerprint,
        dataset=str(question.request.get("source", "")) or "free edit",
        dataset_digest=digest_of(dict(question.request)),
        n_requests=1,
        config=json.dumps(question.to_params()),
        seconds=report.seconds,
        provenance=tuple(report.provenance.items()),
        summary=(
            ("took", "yes" if report.took else "no"),
            ("layer", str(report.layer)),
            ("method", report.method),
            *((kind, f"{good} of {count}") for kind, (good, count) in rates.items()),
        ),
        code_version=EDIT_VERSION,
    )
    store.save_run(manifest, {"probes": report.to_frame()}, {"report": json.dumps(plain(report))})
    return run_id


def open_report(store: Store, run_id: str) -> EditReport:
    """A stored edit report. Raises StoreError when it is missing, damaged, or of another kind."""
    return store.read_run(run_id, _report)


def _report(run: StoredRun) -> EditReport:
    if run.manifest.kind != "edit":
        raise StoreError(f"The run {run.manifest.run_id} holds no edit report; choose a run of kind edit.")
    EditQuestion.from_params(run.manifest.settings)  # what it was asked with is understood, too
    return restored(EditReport, json.loads(run.texts["report"]))


def panel_name(fingerprint: str, dtype: str, edit_ids: Sequence[str]) -> str:
    """Under what the store keeps the blast radius of these edits, stacked in this order, on a model."""
    return digest_of([fingerprint, dtype, list(edit_ids), PANEL_VERSION])


def save_panel(store: Store, name: str, found: PanelResult) -> None:
    """Store a blast radius under its `panel_name`."""
    store.save_json("panels", name, {**plain(found), "divergence": found.divergence.tolist()})


def open_panel(store: Store, name: str) -> PanelResult:
    """A stored blast radius. Raises StoreError when it is missing or cannot be read."""
    return store.read_json("panels", name, _panel)


def _panel(content: Mapping[str, Any]) -> PanelResult:
    return restored(PanelResult, {**content, "divergence": np.asarray(content["divergence"], dtype=np.float64)})
