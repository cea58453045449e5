"""What the root must know of the wings, in one table: the kinds of work, and what is made of their stored runs.

It stands above the wings: they do not import it. Importing it loads no torch.
"""

from pathlib import Path
from typing import Final

from goldenlayers_core.tasks import questions as ask
from goldenlayers_core.tasks.discovery import DiscoverQuestion
from goldenlayers_core.tasks.gemma import GemmaQuestion
from goldenlayers_core.tasks.kinds import Kind
from goldenlayers_core.tasks.learn.stored_classroom import ClassroomQuestion
from goldenlayers_core.tasks.mode import LOCAL, Mode
from goldenlayers_core.tasks.present.stored_tour import TourQuestion
from goldenlayers_core.tasks.workbench import Workbench

KINDS: Final = (
    Kind(
        "tour",
        "quick",
        TourQuestion,
        "present.tour:tour",
        report="present.report:of_tour",
        screens="present.tour_slides:of_tour",
    ),
    Kind(
        "edit",
        "quick",
        ask.EditQuestion,
        "edit.one_edit:edit",
        report="edit.report:of_edit",
        screens="present.edit:of_edit",
    ),
    Kind(
        "score",
        "slow",
        ask.ScoreQuestion,
        "scores.layer_scores:score",
        report="scores.report:of_scores",
        screens="present.layers:of_scores",
        parts="scores.score_parts:ScoreParts",
    ),
    Kind(
        "sweep",
        "slow",
        ask.SweepQuestion,
        "truth.sweep:sweep",
        report="truth.report:of_sweep",
        screens="present.swept:of_sweep",
        parts="truth.sweep_parts:SweepParts",
    ),
    Kind(
        "search",
        "slow",
        ask.SearchQuestion,
        "truth.search:search",
        report="truth.report:of_search",
        whole="A search chooses its next edits by those before, so it has no parts; run it in one process, or plan a "
        "sweep of the same requests, whose edits a search finds in the store.",
    ),
    Kind(
        "trace",
        "slow",
        ask.TraceQuestion,
        "scores.trace:trace",
        report="scores.report:of_trace",
        parts="scores.score_parts:TraceParts",
    ),
    Kind(
        "many-edits",
        "slow",
        ask.ManyEditsQuestion,
        "edit.many_edits:many_edits",
        report="edit.report:of_many",
        parts="edit.many_parts:ManyParts",
    ),
    Kind("knowledge", "slow", ask.KnowledgeQuestion, "workbench:know"),
    Kind("export", "quick", ask.ExportQuestion, "edit.export:export"),
    Kind("panel", "quick", ask.PanelQuestion, "edit.panel:panel"),
    Kind(
        "covariance",
        "slow",
        ask.CovarianceQuestion,
        "covariance:covariance",
        parts="edit.covariance_parts:CovarianceParts",
    ),
    Kind("fact-layers", "quick", ask.FactLayersQuestion, "edit.fact_layers:fact_layers"),
    Kind("probe-texts", "quick", ask.ProbeTextsQuestion, "learn.probe_texts:probe_texts"),
    Kind("pile", "slow", ask.PileQuestion, "learn.pile:pile"),
    Kind("token-trace", "quick", ask.TokenTraceQuestion, "scores.trace:trace_one"),
    Kind("gemma", "quick", GemmaQuestion, "gemma:fetch"),
    Kind("discover", "quick", DiscoverQuestion, "discovery:examine"),
    Kind("classroom", "quick", ClassroomQuestion, "learn.classroom:classroom"),
)


def open_workbench(root: Path | None = None, mode: Mode = LOCAL) -> Workbench:
    """A workbench that does every kind of work that `mode` allows; in `root`, else in the cache folder."""
    return Workbench(root, KINDS, mode)


def kind_named(name: str) -> Kind | None:
    """The kind of a stored run; None where the table has none of that name."""
    return next((kind for kind in KINDS if kind.name == name), None)


def with_screens() -> tuple[str, ...]:
    """The kinds of runs that can be presented."""
    return tuple(kind.name for kind in KINDS if kind.screens)
