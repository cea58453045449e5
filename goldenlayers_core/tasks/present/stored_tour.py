"""Tours on disk: the question, how far one is, and the finished run. No torch."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import Dataset, EditRequest, ModelSource, digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import RunManifest, Store, StoredRun, now
from goldenlayers_core.tasks.questions import DatasetChoice, Question
from goldenlayers_core.tasks.serial import plain, restored

TOUR_VERSION: Final = "tour-2"
DATASET: Final = "bundled"  # the tour's own: it needs no choice of a person's
FACT: Final = "capital-004"  # chosen because its neighbours show what a layer does; the page says so
KNOWN: Final = (  # one of each kind of fact that the bundled model knows with every one of its neighbours
    FACT,
    "moon-001",
    "continent-002",
    "city_country-002",
    "element-002",
    "discovery-002",
    "currency-003",
    "river-004",
    "family-004",
)
_UNDER_WAY: Final = "tours"


@dataclass(frozen=True)
class TourQuestion(Question):
    """The first minute: one fact asked, layers scored, the fact edited where the evidence says, and measured."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=lambda: DatasetChoice(DATASET, "proxy", 32))  # the facts scored
    case_id: str = FACT
    fresh: bool = False  # compute everything again, though the store has it

    @property
    def key(self) -> str:
        """Names the place where a tour says how far it is."""
        return digest_of(self.to_params())


def tour_facts(dataset: Dataset) -> tuple[EditRequest, ...]:
    """The facts offered: the usual one, then others of other relations. A neighbour that the model does not know would
    stay or move without anybody learning from it, so each has neighbours that the bundled model knows."""
    by_name = {r.case_id: r for r in dataset.requests}
    return tuple(by_name[name] for name in KNOWN if name in by_name)


def publish(store: Store, question: TourQuestion, tour: Tour) -> None:
    """Say how far a tour is. Raises StoreError."""
    store.save_json(_UNDER_WAY, question.key, plain(tour))


def under_way(store: Store, question: TourQuestion) -> Tour:
    """How far a tour is; an empty one before it began."""
    if question.key not in store.names(_UNDER_WAY):
        return Tour()
    return store.read_json(_UNDER_WAY, question.key, partial(restored, Tour))


def tour_from(content: Mapping[str, Any]) -> Tour:
    """A Tour from `plain`. Raises StoreError when it is not one."""
    try:
        return restored(Tour, content)
    except (TypeError, ValueError) as error:
        raise StoreError(f"A stored tour cannot be read ({error}); run it again.") from error


def tour_id(tour: Tour) -> str:
    """Named by what it found: equal tours on equal models are one run."""
    found = [tour.fingerprint, tour.request, tour.score_run, tour.edit_layer, tour.edit_run, tour.other_run]
    return f"tour-{digest_of([*found, TOUR_VERSION])[:16]}"


def save_tour(
    store: Store, question: TourQuestion, tour: Tour, reports: tuple[EditReport, ...], provenance: Mapping[str, str]
) -> str:
    """Store a finished tour; its id. One that is there stays as it was, unless it was asked for afresh."""
    run_id = tour_id(tour)
    if not question.fresh and any(m.run_id == run_id for m in store.runs()):
        return run_id
    frames = [report.to_frame().assign(layer=report.layer) for report in reports]
    rates = [(report.layer, *report.rates().get("locality", (0, 0))) for report in reports]
    neighbours = [f"{good} of {count} at layer {layer}" for layer, good, count in rates if count]
    manifest = RunManifest(
        run_id=run_id,
        kind="tour",
        title=f"First minute: {tour.subject}, {tour.target_true} → {tour.target_new}",
        created=now(),
        model=tour.model,
        fingerprint=tour.fingerprint,
        dataset=tour.scored,
        dataset_digest=tour.request,
        n_requests=len(tour.prompts),
        config=json.dumps(question.to_params()),
        seconds=tour.seconds,
        provenance=tuple(provenance.items()),
        summary=(
            ("before", reports[0].before.answer),
            ("after", reports[0].after.answer),
            ("layer by gradients", str(tour.golden_layer)),
            ("edited at layer", str(tour.edit_layer)),
            ("neighbours kept", "; ".join(neighbours)),
        ),
        code_version=TOUR_VERSION,
    )
    finished = dataclasses.replace(tour, rows=())
    store.save_run(manifest, {"probes": pd.concat(frames, ignore_index=True)}, {"tour": json.dumps(plain(finished))})
    return run_id


def open_tour(store: Store, run_id: str) -> Tour:
    """A stored tour. Raises StoreError when it is missing or damaged."""
    return store.read_run(run_id, _tour)


def _tour(run: StoredRun) -> Tour:
    if run.manifest.kind != "tour":
        raise StoreError(f"The run {run.manifest.run_id} holds no tour; choose a run of kind tour.")
    return restored(Tour, json.loads(run.texts["tour"]))
