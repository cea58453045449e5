"""What an edit changed, and what a model knows."""

from goldenlayers_core.evaluation.answers import accepts, normalise
from goldenlayers_core.evaluation.evaluate import evaluate_edit, read_probes
from goldenlayers_core.evaluation.knows import Knowledge, knowledge
from goldenlayers_core.evaluation.read import Question, Reading, read

__all__ = [
    "Knowledge",
    "Question",
    "Reading",
    "accepts",
    "evaluate_edit",
    "knowledge",
    "normalise",
    "read",
    "read_probes",
]
