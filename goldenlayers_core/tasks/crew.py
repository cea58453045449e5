"""A plan on an engine: its worker, its pieces, and the run that is made of what the workers stored."""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.engines import Crew, Engine, Outcome, Piece
from goldenlayers_core.tasks.engine_choice import engine_choice, engine_of
from goldenlayers_core.tasks.kinds import Kind
from goldenlayers_core.tasks.parts import Part, deal
from goldenlayers_core.tasks.plan_file import Plan
from goldenlayers_core.tasks.plans import check_whole, do_parts, make_plan, open_work, spent_on, with_costs
from goldenlayers_core.tasks.serial import plain, restored
from goldenlayers_core.tasks.sparing import sparing
from goldenlayers_core.tasks.wings import kind_named, open_workbench
from goldenlayers_core.tasks.workbench import Workbench

_log = logging.getLogger(__name__)
_WORDS: Final = {
    "sweep": "Editing",
    "score": "Scoring",
    "trace": "Tracing",
    "many-edits": "Editing",
    "covariance": "Adding up",
}
_UNITS: Final = 1000  # of progress, in each part
_EACH: Final = 4  # pieces per worker, so that a slow one holds up little
Costs = tuple[float, int]  # seconds, and results computed, of all workers together


class PlanWorker:
    """Does parts of a plan, in whichever process (see `engines.Worker`)."""

    def __init__(self, what: Mapping[str, Any], threads: int) -> None:
        """Raises ConfigError where weights, code, device or data are others than the plan's."""
        if what["sources"] != sources():
            raise ConfigError(
                f"The run is by source code {what['sources'][:8]} and this worker has {sources()[:8]}; bring every "
                "machine to one version."
            )
        self._threads = threads
        self._keep_to_threads()
        self._plan = restored(Plan, what["plan"])
        self._kind = plan_kind(self._plan)
        self._bench = open_workbench()
        self._work = open_work(self._bench, self._kind, self._plan, Progress())

    def do(self, content: Any, progress: Progress) -> int:
        """The parts of a piece that the store lacks."""
        self._keep_to_threads()
        parts = [restored(Part, part) for part in content]
        own = partial(do_parts, self._bench, self._kind, self._plan, self._work, parts)
        return sparing(lambda told: own(told, each=_UNITS), progress)

    def _keep_to_threads(self) -> None:
        import torch

        if self._threads and torch.get_num_threads() != self._threads:  # of this thread: they are not shared
            torch.set_num_threads(self._threads)


def sources() -> str:
    """Digest of every line of the program that makes results."""
    root, found = Path(__file__).resolve().parents[1], sha256()
    for file in sorted(root.rglob("*.py")):
        found.update(f"{file.relative_to(root).as_posix()}\0".encode())
        found.update(file.read_bytes())
    return found.hexdigest()


def plan_kind(plan: Plan) -> Kind:
    """The kind of work of a plan. Raises ConfigError for one that this version does not know."""
    kind = kind_named(plan.kind)
    if kind is None:
        raise ConfigError(f"The plan is of a {plan.kind!r}, which this version does not know; make the plan anew.")
    return kind


def pieces(plan: Plan, n_workers: int) -> tuple[tuple[Part, ...], ...]:
    """What each call of a worker does: whole parts where there are enough of them, else parts cut by layers."""
    if len(plan.parts) >= _EACH * n_workers:
        return tuple((part,) for part in plan.parts)
    return tuple(shard for shard in deal(plan.parts, n_workers) if shard)


def run_plan(bench: Workbench, kind: Kind, plan: Plan, engine: Engine, progress: Progress, workers: int = 0) -> Outcome:
    """Have an engine do what the store lacks of a plan. Raises a GoldenLayersError; what was finished is stored."""
    work = open_work(bench, kind, plan, progress)
    lacking = dataclasses.replace(
        plan, parts=tuple(p for p, there in zip(plan.parts, work.done(plan.parts), strict=True) if not there)
    )
    if not lacking.parts:
        return Outcome(0, 0.0, ())
    dealt = pieces(lacking, workers or os.cpu_count() or 1)
    crew = Crew(
        f"{PlanWorker.__module__}:{PlanWorker.__name__}",
        {"plan": plain(plan), "sources": sources()},
        tuple(Piece([plain(part) for part in piece], sum(part.cost for part in piece)) for piece in dealt),
        _WORDS.get(plan.kind, "Working"),
    )
    outcome = engine.run(crew, progress)
    check_whole(plan, work)
    return outcome


def shared(
    bench: Workbench, question: Any, engine: Engine, progress: Progress, workers: int = 0
) -> tuple[Plan, Outcome]:
    """A question's plan, done by an engine."""
    kind = bench.kind_of(question)
    plan, _ = make_plan(bench, kind, question, progress)
    return plan, run_plan(bench, kind, plan, engine, progress, workers)


def answered(bench: Workbench, question: Any, progress: Progress) -> str:
    """Like the kind's own work, on the workbench's engine; the id of the run."""
    choice = engine_choice(bench.store)
    plan, outcome = shared(bench, question, engine_of(choice), progress, choice.workers)
    for note in outcome.notes:
        _log.warning("%s of %s: %s", plan.kind, plan.dataset, note)
    result = merged(bench, plan, progress)
    return _SAVED[plan.kind](bench, plan_question(plan), result)


def plan_question(plan: Plan) -> Any:
    """The question that a plan answers."""
    return plan_kind(plan).question.from_params(plan.question)


def merged(bench: Workbench, plan: Plan, progress: Progress) -> Any:
    """What the work of a plan makes of results that are all in the store, with what its shards spent on them."""
    question = plan_question(plan)
    device = bench.model(question.model, progress).device.type
    return _MERGED[plan.kind](bench, plan, question, spent_on(bench, plan, device), progress)


def _sweep(bench: Workbench, _: Plan, question: Any, costs: Costs, progress: Progress) -> Any:
    from goldenlayers_core.tasks.truth.sweep import sweep_result

    return with_costs(sweep_result(bench, question, progress), *costs)


def _scores(bench: Workbench, plan: Plan, question: Any, costs: Costs, progress: Progress) -> Any:
    from goldenlayers_core.tasks.scores.layer_scores import layer_scores

    scores, selection = layer_scores(bench, question, progress)
    tokens = {"n_tokens": sum(part.tokens for part in plan.parts)} if costs[1] else {}
    return with_costs(scores, *costs, **tokens), selection


def _trace(bench: Workbench, _: Plan, question: Any, costs: Costs, progress: Progress) -> Any:
    from goldenlayers_core.tasks.scores.trace import trace_result

    result, resolved = trace_result(bench, question, progress)
    return with_costs(result, result.seconds, costs[1]), resolved


def _many(bench: Workbench, _: Plan, question: Any, costs: Costs, progress: Progress) -> Any:
    from goldenlayers_core.tasks.edit.many_edits import many_result

    return with_costs(many_result(bench, question, progress), *costs)


def _covariance(bench: Workbench, _: Plan, question: Any, costs: Costs, progress: Progress) -> Any:
    from goldenlayers_core.tasks.covariance import estimated

    return estimated(bench, question, progress)


_MERGED: Final[dict[str, Callable[[Workbench, Plan, Any, Costs, Progress], Any]]] = {
    "sweep": _sweep,
    "score": _scores,
    "trace": _trace,
    "many-edits": _many,
    "covariance": _covariance,
}


def _save_sweep(bench: Workbench, question: Any, found: Any) -> str:
    from goldenlayers_core.tasks.truth.stored_sweep import save_sweep

    return save_sweep(bench.store, question, found)


def _save_scores(bench: Workbench, question: Any, found: Any) -> str:
    from goldenlayers_core.tasks.scores.stored import save_scores

    return save_scores(bench.store, question, *found)


def _save_trace(bench: Workbench, question: Any, found: Any) -> str:
    from goldenlayers_core.tasks.scores.stored_trace import save_trace

    return save_trace(bench.store, question, found[1], found[0])


def _save_many(bench: Workbench, question: Any, found: Any) -> str:
    from goldenlayers_core.tasks.edit.stored_many import save_many

    return save_many(bench.store, question, found)


_SAVED: Final[dict[str, Callable[[Workbench, Any, Any], str]]] = {
    "sweep": _save_sweep,
    "score": _save_scores,
    "trace": _save_trace,
    "many-edits": _save_many,
    "covariance": lambda _bench, _question, card: str(card.key),
}
