"""Budgeted searches on disk: results to store and back. No torch."""

import dataclasses
import json

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import SearchResult
from goldenlayers_core.runtime import RunManifest, Store, StoredRun, now
from goldenlayers_core.tasks.questions import SearchQuestion
from goldenlayers_core.tasks.serial import restored, settings_text


def save_search(store: Store, question: SearchQuestion, found: SearchResult) -> str:
    """Store the run; each search is a run of its own, since time decides what it finds."""
    created = now()
    run_id = f"search-{digest_of([found.fingerprint, question.to_params(), created])[:16]}"
    content = dataclasses.asdict(found)
    manifest = RunManifest(
        run_id=run_id,
        kind="search",
        title=f"Budgeted search ({found.method.upper()}) of {found.model} on {found.dataset}",
        created=created,
        model=found.model,
        fingerprint=found.fingerprint,
        dataset=found.dataset,
        dataset_digest=digest_of(question.choice.words),
        n_requests=found.n_requests,
        config=json.dumps(question.to_params()),
        seconds=found.seconds,
        provenance=tuple(found.provenance.items()),
        summary=(
            ("golden layer", str(found.golden_layer)),
            ("stability", f"{found.confidence:.0%}"),
            ("method", found.method),
            ("rounds", str(len(found.rounds))),
            ("pairs", str(found.n_pairs)),
            ("share of a full sweep", f"{found.share_of_sweep:.0%}"),
            ("computed now", str(found.n_computed)),
            ("cost", f"{found.cost:.4g}"),
            ("budget", f"{found.budget:.0f} s"),
            ("over", f"{found.over:.0f} s"),
            ("finished", "yes" if found.finished else "no"),
        ),
        code_version=found.provenance.get("code", ""),
    )
    store.save_run(manifest, {"rounds": found.to_frame()}, {"search": json.dumps(content)})
    return run_id


def open_search(store: Store, run_id: str) -> SearchResult:
    """A stored search. Raises StoreError when it is missing or damaged, or of another kind."""
    return store.read_run(run_id, _search)


def _search(run: StoredRun) -> SearchResult:
    if run.manifest.kind != "search":
        raise StoreError(f"The run {run.manifest.run_id} holds no budgeted search; choose a run of kind search.")
    SearchQuestion.from_params(run.manifest.settings)  # what it was asked with is understood, too
    found = restored(SearchResult, json.loads(run.texts["search"]))
    settings_text(found.config)
    return found
