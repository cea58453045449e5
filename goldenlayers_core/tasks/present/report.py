"""The first minute as parts of a report."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.reports import Section
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.edit.report import of_edit
from goldenlayers_core.tasks.present.stored_tour import open_tour
from goldenlayers_core.tasks.report_parts import Parts
from goldenlayers_core.tasks.scores.report import of_scores

_OWN: Final[Mapping[str, Callable[[Store, RunManifest], Parts]]] = MappingProxyType(
    {"score": of_scores, "edit": of_edit}
)


def of_tour(store: Store, manifest: RunManifest) -> Parts:
    """The first minute: what it found in its own words, then its layer scores and its edit."""
    tour = open_tour(store, manifest.run_id)
    sections = [Section(None, None, tour.prompt, (f"The unedited model says: {tour.answer}", tour.evidence))]
    limits: dict[str, None] = {}
    for run_id in dict.fromkeys(filter(None, (tour.score_run, tour.edit_run, tour.other_run))):
        try:
            made = store.manifest(run_id)
            finding, own, more = _OWN[made.kind](store, made)
        except StoreError as error:
            sections.append(Section(None, None, run_id, (str(error),)))
            continue
        sections += [Section(None, None, made.title, (finding,)), *own]
        limits |= dict.fromkeys(more)
    return f"{tour.prompt} … {manifest.told.get('after', '')}", tuple(sections), tuple(limits)
