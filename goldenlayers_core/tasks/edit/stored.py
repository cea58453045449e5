"""What the store holds of edits: their cards, their reports, their blast radii. No torch, so that a page opens them at
once."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.panel import Answers, PanelPrompt, PanelResult, Pass, TopTokens
from goldenlayers_core.results.edit.stack import EditCard
from goldenlayers_core.runtime import RunManifest, Store, now
from goldenlayers_core.tasks.questions import EditQuestion
from goldenlayers_core.tasks.serial import plain, report_from

FORMAT: Final = "golden-layers-edit-2"
EDIT_VERSION: Final = "edit-3"
PANEL_VERSION: Final = "panel-1"  # changes when a number, or the panel, would come out differently


def edit_card(store: Store, edit_id: str) -> EditCard:
    """A stored edit as the bench lists it. Raises StoreError when it is missing or of another format."""
    arrays, meta = store.load_arrays("edits", edit_id)
    if meta.get("format") != FORMAT:
        raise StoreError(
            f"The edit {edit_id} is of the format {meta.get('format')!r} and this program reads {FORMAT!r}; make "
            "the edit again."
        )
    layers = {int(name.rpartition(".")[2]) for name in arrays if name.startswith(("left.", "book."))}
    written = [name for name in arrays if not name.startswith("keys.")]
    return EditCard(
        edit_id=edit_id,
        method=meta["method"],
        facts=tuple((f["prompt"], f["subject"], f["target_new"]) for f in json.loads(meta["facts"])),
        layers=tuple(sorted(layers)),
        rank=sum(int(arrays[name].shape[1]) for name in written if name.startswith("left.")),
        entries=sum(len(arrays[name]) for name in written if name.startswith("book.radii.")),
        prefix=meta.get("prefix", ""),
        weight_change=float(meta["weight_change"]),
        n_bytes=sum(int(arrays[name].nbytes) for name in written) + len(meta.get("prefix", "").encode()),
        fingerprint=meta["fingerprint"],
        below=tuple(json.loads(meta.get("below", "[]"))),
    )


def save_report(store: Store, question: EditQuestion, report: EditReport, model: str) -> str:
    """Store an edit's report under a name made of its content; its factors are stored apart, under `edit_id`."""
    run_id = f"edit-{report.edit_id[:16]}"
    rates = report.rates()
    manifest = RunManifest(
        run_id=run_id,
        kind="edit",
        title=f"{report.prompt} {report.target_new} ({report.method.upper()}, layer {report.layer})",
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
    """A stored edit report. Raises StoreError when it is missing or damaged."""
    text = store.load_run(run_id).texts.get("report")
    if text is None:
        raise StoreError(f"The run {run_id} holds no edit report; choose a run of kind edit.")
    return report_from(json.loads(text))


def panel_name(fingerprint: str, dtype: str, edit_ids: Sequence[str]) -> str:
    """Under what the store keeps the blast radius of these edits, stacked in this order, on a model."""
    return digest_of([fingerprint, dtype, list(edit_ids), PANEL_VERSION])


def save_panel(store: Store, name: str, found: PanelResult) -> None:
    """Store a blast radius under its `panel_name`."""
    store.save_json("panels", name, {**plain(found), "divergence": found.divergence.tolist()})


def open_panel(store: Store, name: str) -> PanelResult:
    """A stored blast radius. Raises StoreError when it is missing or cannot be read."""
    content = store.load_json("panels", name)
    try:
        return PanelResult(
            **{
                **content,
                **{key: tuple(content[key]) for key in ("edit_ids", "names")},
                "prompts": tuple(PanelPrompt(**p) for p in content["prompts"]),
                "divergence": np.asarray(content["divergence"], dtype=np.float64),
                "tops_before": _tops(content["tops_before"]),
                "tops_after": _tops(content["tops_after"]),
                "answers": tuple(Answers(**a) for a in content["answers"]),
                "curve": tuple(Pass(**p) for p in content["curve"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored blast radius cannot be read ({error}); measure it again.") from error


def _tops(content: Sequence[Any]) -> tuple[TopTokens, ...]:
    return tuple(tuple((str(token), float(p)) for token, p in row) for row in content)
