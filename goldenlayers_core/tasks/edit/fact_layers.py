"""One's own fact at every layer: edited into the unedited model at each in turn, every probe asked; kept as it goes."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenlayers_core.editing import Edit, Supplies, get_method
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.evaluation.evaluate import probe_questions, read_probes, report_of
from goldenlayers_core.evaluation.read import Reading, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.edit.one_edit import method_settings, with_old_answer
from goldenlayers_core.tasks.edit.stored_layers import TABLE, layers_name
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.questions import FactLayersQuestion
from goldenlayers_core.tasks.serial import plain, request_from

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def fact_layers(bench: "Workbench", question: FactLayersQuestion, progress: Progress) -> str:
    """Edit at every layer that is not in the store yet; the name under which `open_layers` finds all of them.

    Raises ConfigError for a method that needs no layer, and what an edit raises that cannot be made at any.
    """
    method = get_method(question.method)
    config = method_settings(method.config_class, question.settings)
    handle = bench.model(question.model, progress)
    if not method.layers_of(0, config, handle.n_layers):
        raise ConfigError(f"{method.title} changes no layer, so that every layer would be the same; choose another.")
    asked = request_from(question.request)
    name = layers_name(handle.fingerprint, handle.dtype_name, asked, method.name, question.settings)
    layers = tuple(range(handle.n_layers))
    supplies = supplies_of(bench, handle, method, config, layers, progress)
    about = {"model": handle.name, "method": method.name, "supplies": _told(handle, supplies)}
    done = _rows(bench, name, about)
    missing = sorted((layer for layer in layers if layer not in done), key=coarse_first)
    progress.update(len(done), len(layers), "Editing")
    if not missing:
        return name
    request = with_old_answer(handle, asked)
    before = read_probes(handle, request)
    for layer, (one,) in edits_at(handle, method, [request], missing, config, supplies, progress.check):
        row = one if isinstance(one, str) else plain(_report(handle, one, layer, request, before))
        _keep(bench, name, about, layer, row)
        done[layer] = row
        progress.update(len(done), len(layers), f"Edited layer {layer}")
    return name


def coarse_first(layer: int) -> tuple[bool, bool, int]:
    """The order of layers: every fourth, then every second, then the rest, so that little says something early."""
    return layer % 4 != 0, layer % 2 != 0, layer


def _report(
    handle: ModelHandle, edit: Edit, layer: int, request: EditRequest, before: tuple[Reading, ...]
) -> EditReport:
    """What an edit did, under the layer asked for: a method of several writes below it, too."""
    questions = probe_questions(request)
    after = read(handle, questions, [edit] * len(questions))
    found = report_of(handle, edit, request, before, after, "every layer in turn", edit.stages)
    return dataclasses.replace(found, layer=layer)


def _told(handle: ModelHandle, supplies: Supplies) -> str:
    """What an edit was given beside the request: edits given other things do not stand beside each other."""
    kinds = sorted({(m.origin, m.n_tokens, m.shrinkage) for m in supplies.moments.values()})
    return digest_of([handle.result_key, list(supplies.templates), kinds])


def _rows(bench: "Workbench", name: str, about: Mapping[str, str]) -> dict[int, Any]:
    """The layers that are stored, edited with the same supplies."""
    if name not in bench.store.names(TABLE):
        return {}

    def made(content: Mapping[str, Any]) -> dict[int, Any]:
        same = all(content[key] == value for key, value in about.items())
        return {int(layer): row for layer, row in content["rows"].items()} if same else {}

    try:
        return bench.store.read_json(TABLE, name, made)
    except StoreError:
        return {}


def _keep(bench: "Workbench", name: str, about: Mapping[str, str], layer: int, row: Any) -> None:
    def changed(content: Any) -> dict[str, Any]:
        same = isinstance(content, dict) and all(content.get(key) == value for key, value in about.items())
        rows = dict(content.get("rows", {})) if same else {}
        return {**about, "rows": {**rows, str(layer): row}}

    bench.store.change_json(TABLE, name, changed)
