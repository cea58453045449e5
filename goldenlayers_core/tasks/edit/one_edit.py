"""One edit, end to end: layer, templates, factors, and what it changed."""

import dataclasses
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from goldenlayers_core.editing import Edit, from_arrays, get_method, overlay, to_arrays
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.evaluation import evaluate_edit
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.classroom.place import NAME, is_classroom
from goldenlayers_core.models.generate import first_answer, greedy
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.truth.measured import MethodUsed, method_used
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.stored import EDIT_VERSION, save_report
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.questions import DatasetChoice, EditQuestion, ManyEditsQuestion, ScoreQuestion
from goldenlayers_core.tasks.recommendation import Recommendation, recommend
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.serial import request_from
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def edit(bench: "Workbench", question: EditQuestion, progress: Progress, why: str = "") -> str:
    """Compute the edit, store it, measure it; returns the run's id. Raises a GoldenLayersError of one sentence.

    `why` says what chose the layer, where that is not the best evidence in the store.
    """
    method = get_method(question.method)
    config = method_settings(method.config_class, question.settings)
    handle = bench.model(question.model, progress)
    request = with_old_answer(handle, request_from(question.request))
    if method.layers_of(0, config, handle.n_layers):
        layer, evidence = chosen_layer(bench, handle, question, progress)
        evidence = why or evidence
    else:
        layer, evidence = 0, f"{method.title} changes no layer"
    earlier = [open_edit(bench, edit_id) for edit_id in question.earlier]
    start = time.perf_counter()
    supplies = supplies_of(bench, handle, method, config, [layer], progress, earlier)
    stages = [("templates", time.perf_counter() - start)]
    # in stages: most edits stop long before their last step, so that steps would tell a time left that is not true
    progress.update(1, 3, f"Editing layer {layer}")
    with ExitStack() as stack:
        if earlier:
            stack.enter_context(handle.lock)
            stack.enter_context(overlay(handle, earlier))
        made = method.run(handle, request, layer, config, supplies, lambda _done, _total, _note: progress.check())
        made = dataclasses.replace(made, below=question.earlier)
        bench.store.save_arrays("edits", made.edit_id, *to_arrays(made))
        progress.update(2, 3, "Asking every probe, before and after")
        # with earlier edits over the model, before is what they make of it, and after what this one adds
        times = [*stages, *made.stages]
        report = evaluate_edit(handle, made, request, layer_evidence=evidence, stages=times, prefix=prefix_of(earlier))
    found = {**provenance(), **_provenance(handle, made)}
    if earlier:
        found["on top of"] = f"{len(earlier)} {'edit' if len(earlier) == 1 else 'edits'}"
    progress.update(3, 3, "Done")
    return save_report(bench.store, question, dataclasses.replace(report, provenance=found), handle.name)


def _provenance(handle: ModelHandle, made: Edit) -> dict[str, str]:
    return {
        "device": str(handle.device),
        "dtype": handle.dtype_name,
        "config": made.config,
        "code": EDIT_VERSION,
        "judgement": JUDGEMENT,
    }


def method_settings(config_class: type[Any], settings: Mapping[str, Any]) -> Any:
    """The method's config. Raises ConfigError for a field it does not have, or a value outside its limits."""
    known = {f.name for f in dataclasses.fields(config_class)}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ConfigError(f"The method has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    return config_class(**settings)


def with_old_answer(handle: ModelHandle, request: EditRequest) -> EditRequest:
    """Where no old answer is given, the model's own stands in for it."""
    if request.target_true:
        return request
    (said,) = greedy(handle, [request.prompt])
    return dataclasses.replace(request, target_true=first_answer(said))


def chosen_layer(
    bench: "Workbench", handle: ModelHandle, question: EditQuestion | ManyEditsQuestion, progress: Progress
) -> tuple[int, str]:
    """The layer to edit and the evidence for it; -1 asks for the one recommended for the method, which is LGA's on the
    bundled proxy split when nothing better is known. Raises EditError for a layer that the model does not have."""
    used, layer = method_used(question.method, question.settings), question.layer
    data = question.choice.dataset if isinstance(question, ManyEditsQuestion) else ""
    found = recommend(bench.store, handle.fingerprint, used, data)
    if layer >= 0:
        handle.check_layer(layer)
        return layer, found.evidence if found and found.layer == layer else "chosen by hand"
    if found is None:
        dataset = NAME if is_classroom(question.model.source) else "bundled"
        score(bench, ScoreQuestion(question.model, DatasetChoice(dataset, "proxy")), progress)
        found = recommend(bench.store, handle.fingerprint, used, data)
    if found is None:
        raise StoreError("No layer can be recommended because no score could be stored; give a layer.")
    return found.layer, _why(found, used)


def _why(found: Recommendation, used: MethodUsed) -> str:
    """The evidence, and how much it carries where that is little."""
    if found.strength == "estimate":
        return f"{found.evidence}; an estimate: no real {used.edits} of this model were measured"
    return found.evidence if found.strength in ("use", "prefer") else f"{found.headline}; {found.evidence}"


def open_edit(bench: "Workbench", edit_id: str) -> Edit:
    """A stored edit. Raises StoreError or EditError."""
    return bench.store.read_arrays("edits", edit_id, from_arrays)
