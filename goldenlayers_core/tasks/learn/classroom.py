"""A fact planted in a known layer, and every way of finding a layer looking for it, for real.

The tiny models are opened beside the workbench's pool, so that no model of a person's is let go for them.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import torch

from goldenlayers_core.attribution.causal_trace import trace_requests
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.edit_rule import predict
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.logit_lens import logit_lens
from goldenlayers_core.attribution.requests import editable
from goldenlayers_core.attribution.selection import select
from goldenlayers_core.attribution.trace_prompts import resolve
from goldenlayers_core.editing import get_method
from goldenlayers_core.evaluation.knows import Knowledge, knowledge
from goldenlayers_core.evaluation.sweep import UNEDITED, sweep
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.classroom.make import made
from goldenlayers_core.models.classroom.place import NAME, is_ready, source_of
from goldenlayers_core.models.tokens import encode_pair
from goldenlayers_core.records import EditAwareConfig, EditRequest, LgaConfig, ModelSource, TraceConfig, TraceKind
from goldenlayers_core.results import PROBE_METRICS, Floats
from goldenlayers_core.results.learn.classroom import CLASSROOM_WAYS, Classroom, PlantedRun
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.learn.stored_classroom import (
    ClassroomQuestion,
    open_classroom,
    run_name,
    save_planted,
    stored_layers,
)

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_Found = TypeVar("_Found")
Named = tuple[Floats, int]  # (L,) numbers, and the layer they name
_TEACHING, _PLANTING, _LOOKING = 13, 2, 2  # usual seconds on one core: how much of the progress each step is
_UNITS: Final = 100  # of progress per second


def classroom(bench: "Workbench", question: ClassroomQuestion, progress: Progress) -> str:
    """Plant in every layer asked for and look for it there; returns the name of the first layer's stored run."""
    classroom_runs(bench, question, progress)
    return run_name(question.layers[0], bench.root)


def classroom_runs(bench: "Workbench", question: ClassroomQuestion, progress: Progress) -> Classroom:
    """The runs of every layer asked for; what is in the store is not computed again, also after a cancel."""
    have = stored_layers(bench.store, bench.root)
    missing = [layer for layer in dict.fromkeys(question.layers) if layer not in have]
    teaching = bool(missing) and not is_ready(None, bench.root)
    steps = [_UNITS * n for n in (*[_TEACHING] * teaching, *[_PLANTING, _LOOKING] * len(missing))]
    parts = (progress.part(sum(steps[:i]), size, sum(steps)) for i, size in enumerate(steps))
    if teaching:
        made(None, bench.root, next(parts).update)
    for layer in missing:
        made(layer, bench.root, next(parts).update)
        found = _look(bench, layer, next(parts))
        save_planted(bench.store, run_name(layer, bench.root), found)
    return open_classroom(bench.store, bench.root, question.layers)


def _opened(bench: "Workbench", layer: int | None) -> ModelHandle:
    return load_model(ModelSource(source_of(layer), device="cpu", dtype="float32"), cache=bench.root)


def _look(bench: "Workbench", layer: int, progress: Progress) -> PlantedRun:
    """Every way, on the model with the fact in `layer`."""
    base, handle = _opened(bench, None), _opened(bench, layer)
    requests = bench.dataset(NAME).requests
    request, start = requests[0], time.perf_counter()
    steps = _Steps(progress, f"Looking for layer {layer}", len(CLASSROOM_WAYS) + 2 * handle.n_layers)
    before, after = knowledge(base, requests), knowledge(handle, requests)
    steps.next()
    lga, aside = _lga(handle, request)
    steps.next()
    predicted = _edit_aware(handle, request)
    steps.next()
    hidden, _ = steps.after(_traced(handle, requests, "hidden", None))
    several, window = steps.after(_traced(handle, requests, "mlp", None))
    single, _ = steps.after(_traced(handle, requests, "mlp", 1))
    lens = _lens(handle, request)
    steps.next()
    real = _swept(bench, handle, request, steps)
    found = (lga, predicted, hidden, several, single, lens, real)  # in the order of CLASSROOM_WAYS
    return PlantedRun(
        planted=layer,
        model=handle.name,
        fingerprint=handle.fingerprint,
        prompt=request.prompt,
        subject=request.subject,
        answer=request.target_true,
        target_new=request.target_new,
        base_answer=before.answers[0].split(" ")[0],
        p_base=_probability(base, request),
        p_planted=_probability(handle, request),
        n_known=before.n_known,
        n_kept=_kept(before, after),
        window=window,
        aside=aside,
        values=np.stack([values for values, _ in found]),
        picks=tuple(pick for _, pick in found),
        seconds=time.perf_counter() - start,
        provenance=provenance(),
    )


def _kept(before: Knowledge, after: Knowledge) -> int:
    return sum(was and still for was, still in zip(before.knows, after.knows, strict=True))


def _probability(handle: ModelHandle, request: EditRequest) -> float:
    """Of the planted answer after its prompt."""
    prompt, (answer,) = encode_pair(handle.tokenizer, request.prompt, (request.target_true,))
    ids = torch.tensor([prompt])
    with handle.lock, torch.inference_mode():
        logits = handle.model(input_ids=ids, use_cache=False).logits[0, -1]
    return float(logits.softmax(dim=0)[answer[0]])


def _lga(handle: ModelHandle, request: EditRequest) -> tuple[Named, tuple[int, ...]]:
    """LGA's numbers and layer, and the layers that its fences set aside."""
    values = next(iter(iter_lga(handle, [request], [request.target_true], LgaConfig(loss_on="answer")))).values
    chosen = select(values)
    return (values[0], chosen.golden_layer), chosen.outliers


def _edit_aware(handle: ModelHandle, request: EditRequest) -> Named:
    config = EditAwareConfig()
    usable = editable(handle, [request], config)
    values = predict(next(iter(iter_edit_aware(handle, usable.requests, config)))).score
    return values[0], select(values, by="mean").golden_layer


def _traced(
    handle: ModelHandle, requests: Sequence[EditRequest], kind: TraceKind, window: int | None
) -> tuple[Named, int]:
    """Indirect effects at the subject's last token with the layer they name, and the window."""
    config = resolve(handle, TraceConfig(kind, window, answer="dataset", positions="subject"), requests)
    trace = next(iter(trace_requests(handle, requests[:1], config)))
    effects = trace.effects[trace.subject[1]]
    return (effects, int(effects.argmax())), config.window or 1


def _lens(handle: ModelHandle, request: EditRequest) -> Named:
    targets = (request.target_true, request.target_new)
    _, (answer, other) = encode_pair(handle.tokenizer, request.prompt, targets)
    rise = np.diff(logit_lens(handle, request.prompt, answer[0], other[0], targets).probability[0])
    return rise, int(rise.argmax())


def _swept(bench: "Workbench", handle: ModelHandle, request: EditRequest, steps: "_Steps") -> Named:
    """Scores of real ROME edits, with the method's own settings."""
    method, layers = get_method("rome"), range(handle.n_layers)
    config: Any = method.config_class()
    supplies = supplies_of(bench, handle, method, config, layers, Progress())
    scores = np.zeros(handle.n_layers)
    for pair in sweep(handle, [request], layers, method, config, supplies, steps.check):
        if pair.layer != UNEDITED:
            scores[pair.layer] = np.mean([pair.metrics[name] for name in PROBE_METRICS if name in pair.metrics])
            steps.next(2)
    return scores, int(scores.round(9).argmax())


class _Steps:
    """How far the ways are; an edit counts two steps."""

    def __init__(self, progress: Progress, note: str, total: int) -> None:
        self._progress, self._note, self._total, self._done = progress, note, total, 0

    def next(self, count: int = 1) -> None:
        """`count` more are done."""
        self._done += count
        self._progress.update(self._done, self._total, self._note)

    def after(self, found: _Found) -> _Found:
        """The same, one step further."""
        self.next()
        return found

    def check(self) -> None:
        """Raises where it was cancelled."""
        self._progress.check()
