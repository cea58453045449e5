"""The blast radius of a stack: the panel before (kept per model) and after, and the curve of the guard."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.editing import Edit, overlay
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import StoreError
from goldenlayers_core.evaluation.panel import bundled_panel, compared, guard_curve, panel_states
from goldenlayers_core.evaluation.read import Question, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import digest_of
from goldenlayers_core.results.edit.panel import SAMPLE, Answers, PanelPrompt, PanelResult, panel_digest
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.edit.stored import PANEL_VERSION, edit_card, panel_name, save_panel
from goldenlayers_core.tasks.questions import PanelQuestion

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

WORST: Final = 8  # prompts whose answers are read
STEPS: Final = 12  # sizes of the stack on the curve, at most, beside the unedited model
_WEIGHT: Final = 70  # prompts that take as long as one point of the curve
_BEFORE: Final = "panel-before"


def panel(bench: "Workbench", question: PanelQuestion, progress: Progress) -> str:
    """Measure and store; the name under which `open_panel` finds it. Raises a GoldenLayersError."""
    handle = bench.model(question.model, progress)
    prompts = bundled_panel()
    name = panel_name(handle.fingerprint, handle.dtype_name, question.edit_ids)
    if name in bench.store.names("panels"):
        return name
    edits = [open_edit(bench, edit_id) for edit_id in question.edit_ids]
    found = measured(bench, handle, prompts, edits, progress)
    save_panel(bench.store, name, found)
    return name


def measured(
    bench: "Workbench", handle: ModelHandle, prompts: Sequence[PanelPrompt], edits: Sequence[Edit], progress: Progress
) -> PanelResult:
    """The panel under the edits, stacked."""
    start = time.perf_counter()
    texts, sizes = [p.prompt for p in prompts], sizes_of(len(edits))
    total = 2 * len(texts) + _WEIGHT * (len(sizes) + 1)
    before = _before(bench, handle, prompts, progress, total)
    after = panel_states(handle, texts, edits, lambda n: progress.update(len(texts) + n, total, "The panel, after"))
    divergence, tops_before, tops_after = compared(handle, before, after)
    done = 2 * len(texts)

    def piled(count: int) -> None:
        progress.update(done + _WEIGHT * count, total, "Edits piling up")

    known = {len(edits): after[::SAMPLE], 0: before[::SAMPLE]}
    curve = guard_curve(handle, edits, sizes, texts[::SAMPLE], known, piled)
    worst = sorted(range(len(texts)), key=lambda i: -divergence[i])[:WORST]
    return PanelResult(
        model=handle.name,
        fingerprint=handle.fingerprint,
        edit_ids=tuple(edit.edit_id for edit in edits),
        names=tuple(edit_card(bench.store, edit.edit_id).name for edit in edits),
        panel=panel_digest(tuple(prompts)),
        prompts=tuple(prompts),
        divergence=np.asarray(divergence, dtype=np.float64),
        tops_before=tuple(tops_before),
        tops_after=tuple(tops_after),
        answers=_answers(handle, texts, worst, edits),
        curve=curve,
        seconds=time.perf_counter() - start,
        provenance={**provenance(), "dtype": handle.dtype_name, "device": str(handle.device)},
    )


def sizes_of(n_edits: int) -> tuple[int, ...]:
    """How many edits the points of the curve have: none, all, and at most STEPS - 1 evenly between."""
    steps = min(n_edits, STEPS)
    return tuple(sorted({round(n_edits * step / steps) for step in range(steps + 1)})) if steps else (0,)


def _states(found: NDArray[Any], n_prompts: int) -> Tensor:
    """Stored states as a tensor. Raises ValueError where they are not one row per prompt."""
    if found.ndim != 2 or len(found) != n_prompts:
        raise ValueError(f"states of shape {found.shape} came for {n_prompts} prompts")
    return torch.from_numpy(found)


def _before(
    bench: "Workbench", handle: ModelHandle, prompts: Sequence[PanelPrompt], progress: Progress, total: int
) -> Tensor:
    """(N, width) states of the unedited model, kept in the store."""
    name = digest_of([handle.result_key, panel_digest(tuple(prompts)), PANEL_VERSION])
    if name in bench.store.names(_BEFORE):
        try:
            return bench.store.read_arrays(_BEFORE, name, lambda found, _: _states(found["states"], len(prompts)))
        except StoreError:
            pass  # damaged: it is set aside, and computed again
    texts = [p.prompt for p in prompts]
    states = panel_states(handle, texts, (), lambda n: progress.update(n, total, "The panel, before"))
    bench.store.save_arrays(_BEFORE, name, {"states": states.numpy()}, {"panel": str(len(prompts))})
    return states


def _answers(
    handle: ModelHandle, prompts: Sequence[str], worst: Sequence[int], edits: Sequence[Edit]
) -> tuple[Answers, ...]:
    """Greedy answers to the prompts that moved most, without and with the edits."""
    prefix = prefix_of(edits)
    before = read(handle, [Question(prompts[i]) for i in worst])
    with handle.lock, overlay(handle, edits):
        after = read(handle, [Question(prefix + prompts[i]) for i in worst])
    return tuple(Answers(i, b.view.answer, a.view.answer) for i, b, a in zip(worst, before, after, strict=True))
