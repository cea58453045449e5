"""Every estimate that a sweep is compared with, computed on the very requests that were swept, where that is cheap."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from goldenlayers_core.editing import get_method
from goldenlayers_core.errors import Cancelled, GoldenLayersError
from goldenlayers_core.records import KeyCovariance, TraceConfig
from goldenlayers_core.results import LayerCard, Way
from goldenlayers_core.results.truth.card import ESTIMATES, WayInfo
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.edit.one_edit import method_settings
from goldenlayers_core.tasks.questions import SweepQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.predicting import estimate_question
from goldenlayers_core.tasks.scores.trace import trace
from goldenlayers_core.tasks.truth.clock import TimeUp, Within
from goldenlayers_core.tasks.truth.layer_card import NOT_COMPUTED

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

SHARE: Final = 0.25  # of what the sweep's edits take, that an estimate may take
LEAST: Final = 60.0  # seconds that each may take whatever the sweep took


def compute_estimates(
    bench: "Workbench", question: SweepQuestion, sweep_seconds: float, progress: Progress
) -> dict[Way, str]:
    """Compute and store what is missing; for each estimate that could not be had, one sentence that says why.

    `sweep_seconds`: what all edits of the sweep take, were none in the store. What is stored already costs nothing.
    """
    allowed = max(SHARE * sweep_seconds, LEAST)
    reasons: dict[Way, str] = {}
    for info in ESTIMATES:
        try:
            _compute(bench, info, question, Within(progress, allowed, info.title))
        except TimeUp:
            command = f"score --method {info.scores}" if info.scores else "trace"
            reasons[info.name] = (
                f"not computed: it takes more than {allowed:.0f} s; the command `{command}` goes on with it"
            )
        except Cancelled:
            raise
        except GoldenLayersError as error:
            reasons[info.name] = f"cannot be computed: {error}"
    return reasons


def _compute(bench: "Workbench", info: WayInfo, question: SweepQuestion, progress: Progress) -> None:
    if info.scores is None:
        trace(bench, TraceQuestion(question.model, question.choice, TraceConfig(positions="subject")), progress)
    else:
        score(bench, estimate_question(question.model, question.choice, info.scores, written_with(question)), progress)


def written_with(question: SweepQuestion) -> KeyCovariance:
    """The key covariance that the edits of a sweep are written with; the identity where the method has none."""
    config = method_settings(get_method(question.method).config_class, question.settings)
    found: KeyCovariance = getattr(config, "covariance", "identity")
    return found


def with_reasons(card: LayerCard, reasons: Mapping[Way, str], asked: bool = True) -> LayerCard:
    """The card with a reason at every way that has no layer; `asked`: whether estimates were to be computed at all."""
    picks, unasked = [], "" if asked else f"{NOT_COMPUTED}: --no-estimates"
    for pick in card.picks:
        reason = reasons.get(pick.way, unasked if pick.info.kind == "estimate" else "")
        said = pick.layer is None and bool(reason)
        picks.append(dataclasses.replace(pick, source=reason) if said else pick)
    return dataclasses.replace(card, picks=tuple(picks))
