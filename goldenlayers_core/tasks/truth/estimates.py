"""Every estimate that a sweep is compared with, computed on the very requests that were swept, where that is cheap."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from goldenlayers_core.errors import Cancelled, GoldenLayersError
from goldenlayers_core.records import TraceConfig
from goldenlayers_core.results import LayerCard, Way
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.questions import ScoreQuestion, SweepQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.trace import trace
from goldenlayers_core.tasks.truth.clock import TimeUp, Within
from goldenlayers_core.tasks.truth.layer_card import NOT_COMPUTED

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

SHARE: Final = 0.25  # of what the sweep's edits take, that an estimate may take
LEAST: Final = 60.0  # seconds that each may take whatever the sweep took
NAMES: Final[Mapping[Way, str]] = {
    "edit_aware": "Edit-aware analysis",
    "lga": "LGA",
    "causal_trace": "Causal tracing",
}
_COMMANDS: Final[Mapping[Way, str]] = {
    "edit_aware": "score --method edit-aware",
    "lga": "score",
    "causal_trace": "trace",
}


def compute_estimates(
    bench: "Workbench", question: SweepQuestion, sweep_seconds: float, progress: Progress
) -> dict[Way, str]:
    """Compute and store what is missing; for each estimate that could not be had, one sentence that says why.

    `sweep_seconds`: what all edits of the sweep take, were none in the store. What is stored already costs nothing.
    """
    model, choice = question.model, question.choice
    work: dict[Way, Callable[[Progress], object]] = {
        "lga": lambda told: score(bench, ScoreQuestion(model, choice), told),
        "edit_aware": lambda told: score(bench, ScoreQuestion(model, choice, method="edit-aware"), told),
        "causal_trace": lambda told: trace(bench, TraceQuestion(model, choice, TraceConfig(positions="subject")), told),
    }
    allowed = max(SHARE * sweep_seconds, LEAST)
    reasons: dict[Way, str] = {}
    for way, compute in work.items():
        try:
            compute(Within(progress, allowed, NAMES[way]))
        except TimeUp:
            reasons[way] = (
                f"not computed: it takes more than {allowed:.0f} s; the command `{_COMMANDS[way]}` goes on with it"
            )
        except Cancelled:
            raise
        except GoldenLayersError as error:
            reasons[way] = f"cannot be computed: {error}"
    return reasons


def with_reasons(card: LayerCard, reasons: Mapping[Way, str], asked: bool = True) -> LayerCard:
    """The card with a reason at every way that has no layer; `asked`: whether estimates were to be computed at all."""
    picks = []
    for pick in card.picks:
        reason = reasons.get(pick.way, "" if asked or pick.way not in NAMES else f"{NOT_COMPUTED}: --no-estimates")
        said = pick.layer is None and bool(reason)
        picks.append(dataclasses.replace(pick, source=reason) if said else pick)
    return dataclasses.replace(card, picks=tuple(picks))
