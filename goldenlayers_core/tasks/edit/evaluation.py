"""A saved edit on a whole dataset: every probe with and without it, and whether the model still writes as it did."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goldenlayers_core.editing import Edit
from goldenlayers_core.editing.overlay import checked, overlay
from goldenlayers_core.errors import EditError
from goldenlayers_core.evaluation import Question, read
from goldenlayers_core.evaluation.answers import is_long, same_answer, says
from goldenlayers_core.evaluation.asked import others_of
from goldenlayers_core.evaluation.fluency import fluency, neutral_text, perplexity
from goldenlayers_core.evaluation.read import divergence
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import PROBE_KINDS, EditRequest, ModelSource, ProbeKind
from goldenlayers_core.results import View
from goldenlayers_core.results.edit.evaluation import GROUPS, EditEvaluation, Group, ProbeRate
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.edit.export import open_edits
from goldenlayers_core.tasks.questions import DatasetChoice

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_CHUNK: Final = 32  # prompts between two reports of progress


@dataclass(frozen=True, slots=True)
class _Asked:
    """One probe, and the answers that are expected of it (none: only compared)."""

    group: Group
    kind: ProbeKind
    prompt: str
    expected: tuple[str, ...]
    against: tuple[str, ...] = ()  # other answers to it


@dataclass(frozen=True, slots=True)
class _Heard:
    before: View
    after: View
    divergence: float  # nats


def open_edit_file(path: Path) -> Edit:
    """The edit of a file that was exported here. Raises EditError for anything else, and for a stack."""
    found = open_edits(path)
    if len(found) != 1:
        raise EditError(f"{path} holds a stack of {len(found)} edits; give a file with one edit.")
    return found[0]


def evaluate_on(
    bench: "Workbench", model: ModelSource, edit: Edit, choice: DatasetChoice, progress: Progress
) -> EditEvaluation:
    """Every probe of every request of the choice, with and without the edit.

    The request that was edited is recognised by prompt, subject and new answer, also beyond the choice's limit; of all
    others nothing should change. Their probes that ask what was edited are left out. Raises EditError when the edit
    belongs to another model, and a DatasetError.
    """
    start = time.perf_counter()
    handle = bench.model(model, progress)
    checked(handle, edit)
    edited, others, known = _divided(bench, model, edit, choice, progress)
    told = {p.prompt for p in (edited.rewrite, *edited.rephrases)}
    asked = list(_of_edited(edited))
    every = [a for request in others for a in _of_other(request)]
    asked += [a for a in every if a.prompt not in told]
    heard = _hear(handle, edit, asked, progress)
    text, prompts = neutral_text(), [edit.fact.prompt]
    before = perplexity(handle, text), fluency(handle, prompts)
    with handle.lock, overlay(handle, [edit]):
        after = perplexity(handle, text, edit.prefix), fluency(handle, [edit.prefix + prompt for prompt in prompts])
    return EditEvaluation(
        edit_id=edit.edit_id,
        method=edit.method,
        layers=edit.layers,
        prompt=edit.fact.prompt,
        subject=edit.fact.subject,
        target_new=edit.fact.target_new,
        model=handle.name,
        dataset=choice.words,
        n_requests=len(others) + known,
        case_id=edited.case_id if known else "",
        n_left_out=len(every) - sum(a.group == "others" for a in asked),
        rates=tuple(_rates(asked, heard)),
        perplexity=(before[0], after[0]),
        fluency=(before[1], after[1]),
        seconds=time.perf_counter() - start,
    )


def _divided(
    bench: "Workbench", model: ModelSource, edit: Edit, choice: DatasetChoice, progress: Progress
) -> tuple[EditRequest, list[EditRequest], bool]:
    """The edited request, the others, and whether the dataset holds the first; else it has no probe but its own."""
    fact = edit.fact

    def same(request: EditRequest) -> bool:
        return (request.prompt, request.subject, request.target_new) == (fact.prompt, fact.subject, fact.target_new)

    chosen = bench.requests(choice, model, progress).requests
    found = next(filter(same, bench.dataset(choice.dataset).requests), None)
    alone = EditRequest(fact.case_id, fact.prompt, fact.subject, fact.target_new, fact.target_true)
    return found or alone, [r for r in chosen if not same(r)], found is not None


def _of_edited(request: EditRequest) -> Iterator[_Asked]:
    for probe in request.probes:
        new = probe.kind in ("rewrite", "rephrase")
        expected = (request.target_new,) if new else probe.answers
        yield _Asked("edited", probe.kind, probe.prompt, expected, others_of(request, probe))


def _of_other(request: EditRequest) -> Iterator[_Asked]:
    """What follows from another request's own edit is not expected here: nothing is."""
    for probe in request.probes:
        if probe.kind in ("rewrite", "rephrase"):
            yield _Asked("others", probe.kind, probe.prompt, request.true_answers, (request.target_new,))
        else:
            yield _Asked("others", probe.kind, probe.prompt, probe.answers if probe.kind == "locality" else ())


def _hear(handle: ModelHandle, edit: Edit, asked: Sequence[_Asked], progress: Progress) -> dict[str, _Heard]:
    """By prompt, what the model says without and with the edit; each prompt is read once."""
    expected: dict[str, tuple[str, ...]] = {}
    for a in asked:
        expected[a.prompt] = tuple(dict.fromkeys((*expected.get(a.prompt, ()), *a.expected)))
    long = {prompt: next(filter(is_long, answers), "") for prompt, answers in expected.items()}
    questions = [Question(prompt, long[prompt], expected=answers) for prompt, answers in expected.items()]
    heard: dict[str, _Heard] = {}
    for start in range(0, len(questions), _CHUNK):
        progress.update(start, len(questions), "Asking every probe, before and after")
        chunk = questions[start : start + _CHUNK]
        owners = [None] * len(chunk) + [edit] * len(chunk)
        both = read(handle, (*chunk, *chunk), owners, between=progress.check)
        for question, before, after in zip(chunk, both[: len(chunk)], both[len(chunk) :], strict=True):
            heard[question.prompt] = _Heard(before.view, after.view, divergence(before, after))
    progress.update(len(questions), len(questions), "Asking every probe, before and after")
    return heard


def _says(view: View, asked: _Asked) -> bool:
    """Whether an expected answer is given; where there is a long one, it is the one whose tokens were asked for."""
    return says(view, sorted(asked.expected, key=is_long, reverse=True), asked.against)


def _rates(asked: Sequence[_Asked], heard: dict[str, _Heard]) -> Iterator[ProbeRate]:
    for group in GROUPS:
        for kind in PROBE_KINDS:
            mine = [(a, heard[a.prompt]) for a in asked if (a.group, a.kind) == (group, kind)]
            judged = [(a, h) for a, h in mine if a.expected]
            if mine:
                yield ProbeRate(
                    group=group,
                    kind=kind,
                    n_probes=len(mine),
                    n_judged=len(judged),
                    before=sum(_says(h.before, a) for a, h in judged),
                    after=sum(_says(h.after, a) for a, h in judged),
                    unchanged=sum(same_answer(h.before.answer, h.after.answer, a.expected) for a, h in mine),
                    divergence=sum(h.divergence for _, h in mine) / len(mine),
                )
