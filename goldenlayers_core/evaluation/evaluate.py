"""What one edit changed: every probe before and after, and one sentence about it."""

import dataclasses
import time
from collections.abc import Sequence

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.errors import EditError
from goldenlayers_core.evaluation.answers import same_answer, says
from goldenlayers_core.evaluation.asked import others_of, question_of
from goldenlayers_core.evaluation.read import Question, Reading, divergence, read
from goldenlayers_core.evaluation.routing import routing_of
from goldenlayers_core.evaluation.verdict import verdict
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, Probe
from goldenlayers_core.results import EditReport, ProbeOutcome, View


def read_probes(handle: ModelHandle, request: EditRequest) -> tuple[Reading, ...]:
    """What the model says to every probe of a request, the rewrite first: `before` of `evaluate_edit`, to be kept."""
    return read(handle, probe_questions(request))


def evaluate_edit(
    handle: ModelHandle,
    edit: Edit,
    request: EditRequest,
    before: Sequence[Reading] | None = None,
    layer_evidence: str = "",
    stages: Sequence[tuple[str, float]] = (),
    prefix: str = "",
) -> EditReport:
    """Every probe of the request without and with the edit.

    A rewrite, rephrase or portability probe succeeds when the greedy answer begins with an accepted one; a locality
    probe when the answer is the same as before. `before` is `read_probes` of the same request, read here unless given;
    `stages` are (stage, seconds) of the work so far, to which the reading is added. `prefix` stands before every
    prompt on both sides: that of edits which are laid over the model already. Raises EditError when the edit belongs
    to another model.
    """
    questions = probe_questions(request)
    if before is not None and len(before) != len(questions):
        raise EditError(
            f"{len(before)} readings came for {len(questions)} probes; read the probes of this request again."
        )
    start = time.perf_counter()
    if before is None:  # one reading of both sides costs little more than one of either
        both = read(handle, (*questions, *questions), [None] * len(questions) + [edit] * len(questions), prefix)
        before, after, stage = both[: len(questions)], both[len(questions) :], "before and after"
    else:
        after, stage = read(handle, questions, [edit] * len(questions), prefix), "after"
    times = (*stages, (stage, time.perf_counter() - start))
    report = report_of(handle, edit, request, before, after, layer_evidence, times)
    return dataclasses.replace(report, routing=routing_of(handle, edit, request, prefix))


def probe_questions(request: EditRequest) -> tuple[Question, ...]:
    """What is asked about a request, the rewrite first: one question per probe."""
    return tuple(question_of(request, probe) for probe in request.probes)


def report_of(
    handle: ModelHandle,
    edit: Edit,
    request: EditRequest,
    before: Sequence[Reading],
    after: Sequence[Reading],
    layer_evidence: str = "",
    stages: tuple[tuple[str, float], ...] = (),
) -> EditReport:
    """The report of an edit whose probes have been read: one reading per probe on either side."""
    outcomes = tuple(
        _outcome(p, others_of(request, p), b, a) for p, b, a in zip(request.probes, before, after, strict=True)
    )
    dtype = str(handle.dtype).removeprefix("torch.")
    return EditReport(
        edit_id=edit.edit_id,
        method=edit.method,
        layer=edit.layer,
        layer_evidence=layer_evidence,
        case_id=request.case_id,
        prompt=request.prompt,
        subject=request.subject,
        target_new=request.target_new,
        target_true=request.target_true,
        before=outcomes[0].before,
        after=outcomes[0].after,
        outcomes=outcomes,
        verdict=verdict(request, outcomes),
        took=outcomes[0].success,
        weight_change=edit.weight_change,
        stages=stages,
        fingerprint=handle.fingerprint,
        provenance={"model": handle.name, "device": str(handle.device), "dtype": dtype},
    )


def _outcome(probe: Probe, against: tuple[str, ...], before: Reading, after: Reading) -> ProbeOutcome:
    return ProbeOutcome(
        prompt=probe.prompt,
        kind=probe.kind,
        name=probe.name,
        answers=probe.answers,
        before=before.view,
        after=after.view,
        success=succeeds(probe.kind, probe.answers, against, before.view, after.view),
        divergence=divergence(before, after),
        against=against,
    )


def succeeds(kind: str, answers: Sequence[str], against: Sequence[str], before: View, after: View) -> bool:
    """Whether a probe came out as wished: locality answered as before, the others with an accepted answer."""
    if kind == "locality":
        return same_answer(before.answer, after.answer, answers)
    return says(after, answers, against)
