"""The kinds of background work: which question asks for it, in which queue it waits, and what answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import questions as ask
from goldenlayers_core.tasks.learn.stored_classroom import ClassroomQuestion
from goldenlayers_core.tasks.present.stored_tour import TourQuestion

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

Queue = Literal["slow", "quick"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job. `work` is "module:function" of tasks, imported when the job runs; it gets (bench, question,
    progress) and returns a run's id."""

    name: str
    queue: Queue
    question: type[Any]
    work: str

    def job(self, bench: "Workbench") -> Callable[[Mapping[str, Any], Progress], str]:
        """The function that a queue runs."""

        def run(params: Mapping[str, Any], progress: Progress) -> str:
            module, function = self.work.split(":")
            work = getattr(import_module(f"goldenlayers_core.tasks.{module}"), function)
            return str(work(bench, self.question.from_params(params), progress))

        return run


KINDS: Final = (
    Kind("score", "slow", ask.ScoreQuestion, "scores.layer_scores:score"),
    Kind("knowledge", "slow", ask.KnowledgeQuestion, "knowledge:know"),
    Kind("trace", "slow", ask.TraceQuestion, "scores.trace:trace"),
    Kind("sweep", "slow", ask.SweepQuestion, "truth.sweep:sweep"),
    Kind("search", "slow", ask.SearchQuestion, "truth.search:search"),
    Kind("edit", "quick", ask.EditQuestion, "edit.one_edit:edit"),
    Kind("tour", "quick", TourQuestion, "present.tour:tour"),
    Kind("many-edits", "slow", ask.ManyEditsQuestion, "edit.many_edits:many_edits"),
    Kind("export", "quick", ask.ExportQuestion, "edit.export:export"),
    Kind("panel", "quick", ask.PanelQuestion, "edit.panel:panel"),
    Kind("covariance", "slow", ask.CovarianceQuestion, "edit.covariance:covariance"),
    Kind("probe-texts", "quick", ask.ProbeTextsQuestion, "learn.probe_texts:probe_texts"),
    Kind("pile", "slow", ask.PileQuestion, "learn.pile:pile"),
    Kind("token-trace", "quick", ask.TokenTraceQuestion, "scores.trace:trace_one"),
    Kind("classroom", "quick", ClassroomQuestion, "learn.classroom:classroom"),
)


def kind_of(question: Any) -> Kind:
    """The kind of work that answers a question. Raises ConfigError where there is none."""
    for kind in KINDS:
        if type(question) is kind.question:
            return kind
    raise ConfigError(f"There is no background work for a {type(question).__name__}.")
