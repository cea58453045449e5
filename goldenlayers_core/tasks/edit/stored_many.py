"""Many edits on disk: results to store and back. No torch."""

import dataclasses
import json
from typing import Any, Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.text import counted
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.many_edits import MODE_WORDS, ManyEdits
from goldenlayers_core.results.formats import NOT_ASKED
from goldenlayers_core.runtime import Store, StoredRun
from goldenlayers_core.tasks.manifest import is_stored, manifest_of
from goldenlayers_core.tasks.questions import ManyEditsQuestion
from goldenlayers_core.tasks.serial import plain, restored, settings_text

MANY_VERSION: Final = "many-3"  # of runs; many-1 compared a stack with what it was laid on; 3: judged by answers-2
ROWS_VERSION: Final = "many-2"  # of edits and reports kept one by one: changes when they would come out differently
_REPORTS: Final = ("reports", "own_reports")


def slim(report: EditReport) -> dict[str, Any]:
    """A report as JSON without the likeliest tokens, which nobody reads a hundred times."""
    content = plain(report)
    for view in (content, *content["outcomes"]):
        for side in ("before", "after"):
            view[side]["top_tokens"] = []
    return content


def save_many(store: Store, question: ManyEditsQuestion, found: ManyEdits) -> str:
    """Store the run under a name made of its content: equal questions on equal models have one run."""
    content = [found.fingerprint, found.request_digests, found.mode, found.method, found.config, found.layer]
    content += [list(question.earlier), found.provenance["dtype"], found.provenance["device"], MANY_VERSION]
    run_id = f"many-edits-{digest_of([*content, question.choice.words])[:16]}"
    if is_stored(store, run_id, found):
        return run_id
    title = (
        f"{counted(found.n_requests, 'edit')} of {found.dataset} ({found.method.upper()}, layer {found.layer}, "
        f"{MODE_WORDS[found.mode].split(',')[0]})"
    )
    summary = (
        ("method", found.method),
        ("layer", str(found.layer)),
        ("mode", found.mode),
        *((rate.kind, f"{rate.good} of {rate.n_probes}") for rate in found.rates),
        *((kind, NOT_ASKED) for kind in found.not_asked),
    )
    manifest = manifest_of(run_id, title, question, found, summary, MANY_VERSION)
    rest = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name not in _REPORTS}
    texts = {name: json.dumps([slim(report) for report in getattr(found, name)]) for name in _REPORTS}
    texts["rest"] = json.dumps(rest)
    store.save_run(manifest, {"requests": found.to_frame(), "probes": found.probes_frame()}, texts)
    return run_id


def open_many(store: Store, run_id: str) -> ManyEdits:
    """A stored run of many edits. Raises StoreError when it is missing or damaged, or of another kind."""
    return store.read_run(run_id, _many)


def _many(run: StoredRun) -> ManyEdits:
    if run.manifest.kind != "many-edits":
        raise StoreError(f"The run {run.manifest.run_id} holds no many edits; choose a run of kind many-edits.")
    ManyEditsQuestion.from_params(run.manifest.settings)  # what it was asked with is understood, too
    rest = json.loads(run.texts["rest"])
    settings_text(rest["config"])
    old = {"baseline": "below" if run.manifest.settings.get("earlier") else "unedited"}  # until many-2
    own = json.loads(run.texts.get("own_reports", "[]"))
    return restored(ManyEdits, {**old, **rest, "reports": json.loads(run.texts["reports"]), "own_reports": own})
