"""Many edits from a table: every request of a choice at one layer, each alone, all as one edit, or as a growing stack.

Each alone: what is in the store is not computed again, whatever stopped the work in between. The other two are one
result each: they are computed whole.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenlayers_core.editing import Edit, Factors, get_method, methods
from goldenlayers_core.editing.export.adapter import side_by_side
from goldenlayers_core.errors import ConfigError, EditError, RequestError
from goldenlayers_core.evaluation.sweep import checked
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.edit.many_edits import ManyEdits
from goldenlayers_core.runtime import Progress, provenance
from goldenlayers_core.tasks.edit.contradictions import check_consistent
from goldenlayers_core.tasks.edit.many_work import Done, Work
from goldenlayers_core.tasks.edit.one_edit import chosen_layer, method_settings, open_edit
from goldenlayers_core.tasks.edit.stored_many import MANY_VERSION, save_many
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.questions import ManyEditsQuestion
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def many_edits(bench: "Workbench", question: ManyEditsQuestion, progress: Progress) -> str:
    """Answer the question and store the run; returns its id. Raises a GoldenLayersError of one sentence."""
    return save_many(bench.store, question, many_result(bench, question, progress))


def many_result(bench: "Workbench", question: ManyEditsQuestion, progress: Progress) -> ManyEdits:
    """Every editable request of the choice, written and asked.

    Raises ConfigError when the method cannot write them so, RequestError when none can be edited or two that are to
    hold together contradict each other, and whatever cancels; what was finished is stored.
    """
    work, requests, skipped = open_work(bench, question, progress)
    start = time.perf_counter()
    done = {"alone": work.alone, "together": work.together, "sequential": work.sequential}[question.mode](requests)
    return _result(work, question, requests, [*skipped, *done.skipped], done, time.perf_counter() - start)


def open_work(
    bench: "Workbench", question: ManyEditsQuestion, progress: Progress
) -> tuple[Work, tuple[EditRequest, ...], list[tuple[str, str]]]:
    """The model, the method and the layer of a question; its editable requests, each content once; and the others.

    Raises as `many_result` does, before anything is edited.
    """
    method = get_method(question.method)
    config = method_settings(method.config_class, question.settings)
    if question.mode == "together" and method.run_batch is None:
        able = ", ".join(m.title for m in methods() if m.run_batch)
        raise ConfigError(
            f"{method.title} writes one fact at a time; write them alone or one after another, or choose a method that "
            f"writes many at once ({able or 'there is none'})."
        )
    chosen = bench.requests(question.choice, question.model, progress)
    handle = bench.model(question.model, progress)
    layer, evidence = 0, f"{method.title} changes no layer"
    if method.layers_of(0, config, handle.n_layers):
        layer, evidence = chosen_layer(bench, handle, question, progress)
    earlier = tuple(open_edit(bench, edit_id) for edit_id in question.earlier)
    check_consistent(handle, chosen.requests, question.mode)
    supplies = supplies_of(bench, handle, method, config, [layer], progress, earlier)
    good, skipped = checked(handle, chosen.requests, supplies.templates)
    requests = tuple({r.digest: r for r in (chosen.requests[i] for i in good)}.values())
    if not requests:
        raise RequestError(f"None of the {len(chosen.requests)} requests can be edited. {skipped[0][1]}")
    return Work(bench, handle, method, config, supplies, layer, evidence, progress), requests, skipped


def _result(
    work: Work,
    question: ManyEditsQuestion,
    requests: Sequence[EditRequest],
    skipped: Sequence[tuple[str, str]],
    done: Done,
    seconds: float,
) -> ManyEdits:
    handle, n_layers = work.handle, work.handle.n_layers
    written = [(r.digest, report) for r, report in zip(requests, done.reports, strict=True) if report is not None]
    if not written:
        raise EditError(f"None of the {len(requests)} edits came out. {skipped[-1][1]}")
    reports = tuple(report for _, report in written)
    alone = question.mode == "alone"
    return ManyEdits(
        mode=question.mode,
        method=work.method.name,
        layer=work.layer,
        layers=tuple(work.method.layers_of(work.layer, work.config, n_layers)),
        model=handle.name,
        fingerprint=handle.fingerprint,
        dataset=question.choice.words,
        config=json.dumps(dataclasses.asdict(work.config), sort_keys=True),
        reports=reports,
        request_digests=tuple(digest for digest, _ in written),
        skipped=tuple(skipped),
        edit_ids=tuple(edit.edit_id for edit in done.edits),
        weight_change=sum(r.weight_change for r in reports) / len(reports)
        if alone
        else weight_change(handle, done.edits),
        seconds=seconds,
        n_computed=done.n_computed,
        provenance={
            **provenance(),
            "device": str(handle.device),
            "dtype": str(handle.dtype).removeprefix("torch."),
            "layer": work.evidence,
            "code": MANY_VERSION,
            "judgement": JUDGEMENT,
        },
        baseline="below" if alone and question.earlier else "unedited",
        own_reports=tuple(done.own),
    )


def weight_change(handle: ModelHandle, edits: Sequence[Edit]) -> float:
    """Frobenius norm of what a stack changes altogether, relative to the weights it changes; 0 where it changes none.

    |sum_i left_i right_i^T|^2 = sum over all pairs of (left_i^T left_j) * (right_i^T right_j), elementwise.
    """
    change = weight = 0.0
    for layer in sorted({f.layer for edit in edits for f in edit.factors}):
        whole = Factors(layer, *side_by_side(edits, layer))
        change += whole.squared_norm
        weight += float(handle.matrix(handle.mlp_out(layer)).float().norm()) ** 2
    return (change / weight) ** 0.5 if weight else 0.0
