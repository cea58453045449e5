"""Edit reports on disk: results to store and back. No torch, so that a page opens a stored run at once."""

import json
from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.runtime import RunManifest, Store, now
from goldenlayers_core.tasks.questions import EditQuestion
from goldenlayers_core.tasks.serial import plain, report_from

EDIT_VERSION: Final = "edit-2"


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
