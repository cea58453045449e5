"""Gemma 3 270M, fetched as background work once its terms are accepted. Importing this loads no torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goldenlayers_core.models.gemma import place
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.questions import Question

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

STEPS: Final = place.STEPS
TERMS: Final = place.TERMS
TITLE: Final = place.TITLE


@dataclass(frozen=True)
class GemmaQuestion(Question):
    """Fetch and convert Gemma; `accepted`: a person has accepted its terms."""

    model: ModelSource = field(default_factory=lambda: ModelSource(place.NAME))
    accepted: bool = False


def is_here(root: Path) -> bool:
    """Whether it was fetched into a workbench's folder already."""
    return place.is_ready(root)


def fetch(bench: "Workbench", question: GemmaQuestion, progress: Progress) -> str:
    """The model's source, fetched and converted. Raises ConfigError where the terms are not accepted, or ModelError."""
    from goldenlayers_core.models.gemma.make import made

    bench.mode.check_model(question.model)
    made(bench.root, question.accepted, progress.update)
    return place.NAME
