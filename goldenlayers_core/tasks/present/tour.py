"""The first minute, for real: ask a fact, score layers by gradients, name the layer, edit, and see what else moved.

Every step is an ordinary run (a score, an edit) that its own page opens; the tour says how far it is as it goes.
"""

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Final

import pandas as pd

from goldenlayers_core.errors import DatasetError
from goldenlayers_core.evaluation.answers import accepts
from goldenlayers_core.evaluation.evaluate import probe_questions
from goldenlayers_core.evaluation.read import read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.results.truth.measured import method_used
from goldenlayers_core.runtime import Progress, Store
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.stored import EDIT_VERSION, open_report
from goldenlayers_core.tasks.layer_options import early_layer
from goldenlayers_core.tasks.manifest import provenance_of
from goldenlayers_core.tasks.present.stored_tour import DATASET, TourQuestion, publish, save_tour
from goldenlayers_core.tasks.questions import EditQuestion, ScoreQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

METHOD: Final = "rome"
_LOAD, _ASK, _EDIT = 8, 2, 16  # units of progress; a scored request is one: about an eighth of a second on two cores


class _Tour:
    """A tour under way: what it has found, and the progress of all its steps."""

    def __init__(self, bench: "Workbench", question: TourQuestion, progress: Progress) -> None:
        self.bench, self.question, self.progress = bench, question, progress
        self.found = Tour(case_id=question.case_id, scored=question.choice.words)
        self.total, self.done = _LOAD + _ASK + (question.choice.limit or 32) + 2 * _EDIT, 0
        self.start = time.perf_counter()

    def say(self, **found: object) -> None:
        """Add to what was found, and publish it."""
        self.found = dataclasses.replace(self.found, **found)  # type: ignore[arg-type]
        publish(self.bench.store, self.question, self.found)

    def part(self, units: int) -> Progress:
        """The progress of the next step, which takes so many of the units."""
        part = self.progress.part(self.done, units, self.total)
        self.done += units
        return part


def tour(bench: "Workbench", question: TourQuestion, progress: Progress) -> str:
    """Go through the five steps and store the run; returns its id.

    Edits and scores that the store has are taken from there, unless the question is `fresh`. Raises a
    GoldenLayersError of one sentence.
    """
    going = _Tour(bench, question, progress)
    going.say()
    handle = bench.model(question.model, going.part(_LOAD))
    request = _fact(bench, question)
    _ask(going, handle, request)
    _score(going)
    _name_layer(going, handle)
    run = _edit_at(going, handle, request, going.found.edit_layer, going.found.evidence)
    going.say(edit_run=run)
    other = run
    if going.found.golden_layer != going.found.edit_layer:
        why = f"LGA on {len(going.found.prompts)} requests of {going.found.scored}"
        other = _edit_at(going, handle, request, going.found.golden_layer, why)
    going.say(other_run=other, seconds=time.perf_counter() - going.start)
    progress.update(going.total, going.total, "Done")
    reports = tuple(open_report(bench.store, run_id) for run_id in dict.fromkeys((run, other)))
    about = {**provenance_of(handle), "judgement": JUDGEMENT}
    return save_tour(bench.store, question, going.found, reports, about)


def _fact(bench: "Workbench", question: TourQuestion) -> EditRequest:
    """The fact of the tour. Raises DatasetError."""
    for request in bench.dataset(DATASET).requests:
        if request.case_id == question.case_id:
            return request
    raise DatasetError(f"The bundled dataset has no case {question.case_id!r}; choose one of the page Dataset.")


def _ask(going: _Tour, handle: ModelHandle, request: EditRequest) -> None:
    """What the unedited model says."""
    progress = going.part(_ASK)
    progress.update(0, 1, "Asking the model a fact")
    view = read(handle, probe_questions(request)[:1])[0].view
    going.say(
        model=handle.name,
        fingerprint=handle.fingerprint,
        n_layers=handle.n_layers,
        request=request.digest,
        prompt=request.prompt,
        subject=request.subject,
        target_true=request.target_true,
        target_new=request.target_new,
        answer=view.answer,
        knows=accepts(view.answer, request.true_answers, (request.target_new,)),
        true_probability=float(view.target_true_probability),
    )
    progress.update(1, 1, "Asking the model a fact")


def _score(going: _Tour) -> None:
    """Layer scores of other facts by gradients, published batch by batch."""
    bench, question = going.bench, going.question
    asked = ScoreQuestion(question.model, question.choice)
    requests = bench.requests(question.choice, question.model).requests
    rows: dict[str, tuple[float, ...]] = {}
    going.say(prompts=tuple(r.prompt for r in requests), rows=((),) * len(requests))

    def watch(found: pd.DataFrame) -> None:
        rows.update(zip(found["request"], (tuple(map(float, v)) for v in found["values"]), strict=True))
        going.say(rows=tuple(rows.get(r.digest, ()) for r in requests))

    run = score(bench, asked, going.part(question.choice.limit or len(requests)), watch, question.fresh)
    _, selection = open_scores(bench.store, run)
    going.say(score_run=run, golden_layer=selection.golden_layer, stability=selection.stability)


def _name_layer(going: _Tour, handle: ModelHandle) -> None:
    """Where to edit: by real edits, in the store or shipped, else by the literature."""
    found = recommend(going.bench.store, handle.fingerprint, method_used(METHOD), DATASET)
    if found is not None and found.kind != "score":
        going.say(
            edit_layer=found.layer,
            edit_by=found.kind,
            evidence=found.evidence,
            evidence_run=found.run_id,
            data=found.data,
            advice=found.headline,
        )
    else:
        why = "the literature's early layer, because no real edit was measured on this model"
        going.say(edit_layer=early_layer(handle.n_layers), edit_by="literature", evidence=why)


def _edit_at(going: _Tour, handle: ModelHandle, request: EditRequest, layer: int, why: str) -> str:
    """The edit at a layer, measured on every probe: its run."""
    progress = going.part(_EDIT)
    question = EditQuestion(going.question.model, plain(request), METHOD, layer)
    stored = None if going.question.fresh else _stored_edit(going.bench.store, handle, question)
    return stored or edit(going.bench, question, progress, why)


def _stored_edit(store: Store, handle: ModelHandle, question: EditQuestion) -> str | None:
    """The run of the very same edit on the very same model, if the store has it."""
    asked = json.loads(json.dumps(question.to_params()))
    here = provenance_of(handle)
    for run in store.runs():
        about = dict(run.provenance)
        same = run.fingerprint == handle.fingerprint and run.code_version == EDIT_VERSION
        same = same and all(about.get(name) == here[name] for name in ("device", "dtype"))
        if run.kind == "edit" and same and run.settings == asked:
            return run.run_id
    return None
