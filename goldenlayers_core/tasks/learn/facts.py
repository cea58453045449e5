"""The facts that the lessons offer: one of each relation of the bundled dataset, a known one if possible."""

from typing import TYPE_CHECKING

from goldenlayers_core.records import EditRequest, ModelSource

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def lesson_facts(bench: "Workbench", model: ModelSource, opened: str | None = None) -> tuple[EditRequest, ...]:
    """One fact per relation, each with rephrases and locality probes; the opened request too where it is bundled.

    Of a relation it is the first fact that the model was found to know, else the first. Nothing is asked here.
    """
    everything = bench.dataset("bundled").requests
    known = _known(bench, model, everything)
    usable = [r for r in everything if r.rephrases and r.locality and r.target_true]
    chosen: dict[str, EditRequest] = {}
    for request in usable:
        before = chosen.get(request.relation)
        if before is None or (request.digest in known and before.digest not in known):
            chosen[request.relation] = request
    mine = {request.digest for request in chosen.values()} | {opened}
    return tuple(request for request in usable if request.digest in mine)


def _known(bench: "Workbench", model: ModelSource, requests: tuple[EditRequest, ...]) -> frozenset[str]:
    """Digests of what the store says the model knows; none while the model is not in memory."""
    if bench.loaded(model) is None:
        return frozenset()
    from goldenlayers_core.tasks.knowledge import stored_knowledge

    rows = stored_knowledge(bench.store, bench.model(model).result_key, requests)
    return frozenset(str(digest) for digest in rows.loc[rows["knows"].astype(bool), "request"])
