"""Answers: frozen dataclasses of numpy arrays with everything needed to read them. No torch."""

from goldenlayers_core.results.card import LayerCard, Pick
from goldenlayers_core.results.edits import EditReport, ProbeOutcome, View
from goldenlayers_core.results.scores import Floats, LayerScores, Selection, check_shape
from goldenlayers_core.results.sweep import METRICS, Metric, SweepResult, metric
from goldenlayers_core.results.trace import POSITIONS, TokenTrace, TraceResult

__all__ = [
    "METRICS",
    "POSITIONS",
    "EditReport",
    "Floats",
    "LayerCard",
    "LayerScores",
    "Metric",
    "Pick",
    "ProbeOutcome",
    "Selection",
    "SweepResult",
    "TokenTrace",
    "TraceResult",
    "View",
    "check_shape",
    "metric",
]
