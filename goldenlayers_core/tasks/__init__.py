"""What a person asks for, end to end: load a model, open a dataset, score, edit. Pages and command line call only this.

Importing it loads no torch; the first question that needs a model does.
"""

from goldenlayers_core.tasks.model_card import ModelCard
from goldenlayers_core.tasks.questions import (
    DatasetChoice,
    EditQuestion,
    KnowledgeQuestion,
    ScoreQuestion,
    TokenTraceQuestion,
    TraceQuestion,
)
from goldenlayers_core.tasks.recommendation import Recommendation
from goldenlayers_core.tasks.wings import open_workbench
from goldenlayers_core.tasks.workbench import UploadCard, Workbench

__all__ = [
    "DatasetChoice",
    "EditQuestion",
    "KnowledgeQuestion",
    "ModelCard",
    "Recommendation",
    "ScoreQuestion",
    "TokenTraceQuestion",
    "TraceQuestion",
    "UploadCard",
    "Workbench",
    "open_workbench",
]
