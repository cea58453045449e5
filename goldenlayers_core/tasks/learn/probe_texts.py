"""One request edited at every layer of a sweep, and what the edited model says to one probe of each kind.

The sweep keeps whether a rephrase or a neighbour came out as wished, and the text of the rewrite alone; here the same
edits are made once more, for one request, and the texts are read and kept.
"""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenlayers_core.editing import Edit, get_method
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.evaluation.asked import question_of
from goldenlayers_core.evaluation.evaluate import succeeds
from goldenlayers_core.evaluation.read import Reading, read
from goldenlayers_core.records import EditRequest, Probe
from goldenlayers_core.results.learn.probe_texts import AskedProbe, ProbeTexts
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.one_edit import method_settings
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.learn.layer import TABLE, texts_name
from goldenlayers_core.tasks.questions import ProbeTextsQuestion
from goldenlayers_core.tasks.serial import plain, request_from

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_READING: Final = 3  # edits that take about as long as asking all the probes


def probe_texts(bench: "Workbench", question: ProbeTextsQuestion, progress: Progress) -> str:
    """Edit, read, store; the name under which `layer.texts_of` finds it. Raises a GoldenLayersError."""
    method = get_method(question.method)
    config = method_settings(method.config_class, question.settings)
    handle = bench.model(question.model, progress)
    request = request_from(question.request)
    probes = shown_probes(request)
    asked = [question_of(request, probe) for probe in probes]
    start = time.perf_counter()
    supplies = supplies_of(bench, handle, method, config, question.layers, progress)
    layers, made = question.layers, {}
    for layer, (one,) in edits_at(handle, method, [request], layers, config, supplies, progress.check):
        made[layer] = one if isinstance(one, Edit) else None
        progress.update(len(made), len(layers) + _READING, f"Edited layer {layer}")
    progress.update(len(layers), len(layers) + _READING, "Asking the edited model")
    before = read(handle, asked)
    written = [layer for layer in layers if made[layer] is not None]
    after = read(handle, asked * len(written), [made[layer] for layer in written for _ in asked])
    said = {layer: after[i * len(asked) : (i + 1) * len(asked)] for i, layer in enumerate(written)}
    nothing = ("",) * len(asked), [False] * len(asked)
    rows = [(_answers(said[x]), _hits(probes, before, said[x])) if x in said else nothing for x in layers]
    dtype = str(handle.dtype).removeprefix("torch.")
    result = ProbeTexts(
        model=handle.name,
        fingerprint=handle.fingerprint,
        method=method.name,
        config=json.dumps(vars(config), sort_keys=True),
        request=request.digest,
        layers=layers,
        probes=tuple(
            AskedProbe(probe.kind, probe.prompt, probe.answers, reading.view.answer)
            for probe, reading in zip(probes, before, strict=True)
        ),
        answers=tuple(answers for answers, _ in rows),
        hits=np.asarray([hits for _, hits in rows], dtype=np.bool_),
        seconds=time.perf_counter() - start,
        provenance={**provenance(), "dtype": dtype, "device": str(handle.device)},
    )
    name = texts_name(handle.fingerprint, dtype, request.digest, method.name, question.settings, layers)
    bench.store.save_json(TABLE, name, {**plain(result), "hits": result.hits.tolist()})
    return name


def shown_probes(request: EditRequest) -> tuple[Probe, ...]:
    """The rewrite, and the first probe of every other kind that the request has."""
    return (request.rewrite, *request.rephrases[:1], *request.locality[:1], *request.portability[:1])


def _answers(after: Sequence[Reading]) -> tuple[str, ...]:
    """The greedy answers."""
    return tuple(reading.view.answer for reading in after)


def _hits(probes: Sequence[Probe], before: Sequence[Reading], after: Sequence[Reading]) -> list[bool]:
    """Whether each answer is as wished."""
    return [
        succeeds(probe.kind, probe.answers, (), b.view, a.view)
        for probe, b, a in zip(probes, before, after, strict=True)
    ]
