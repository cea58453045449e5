"""Answers: frozen dataclasses of numpy arrays with everything needed to read them. No torch."""

from goldenlayers_core.results.card import LayerCard, Pick
from goldenlayers_core.results.edits import EditReport, ProbeOutcome, View
from goldenlayers_core.results.judged import Agreement, BestLayers, Generalisation, LayerCurve
from goldenlayers_core.results.ranks import mean_ranks, spearman
from goldenlayers_core.results.scores import Floats, LayerScores, Part, Selection, check_shape
from goldenlayers_core.results.search import SearchResult, SearchRound
from goldenlayers_core.results.sweep import METRICS, Metric, SweepResult, metric
from goldenlayers_core.results.trace import POSITIONS, TokenTrace, TraceResult, class_means, position_class

__all__ = [
    "METRICS",
    "POSITIONS",
    "Agreement",
    "BestLayers",
    "EditReport",
    "Floats",
    "Generalisation",
    "LayerCard",
    "LayerCurve",
    "LayerScores",
    "Metric",
    "Part",
    "Pick",
    "ProbeOutcome",
    "SearchResult",
    "SearchRound",
    "Selection",
    "SweepResult",
    "TokenTrace",
    "TraceResult",
    "View",
    "check_shape",
    "class_means",
    "mean_ranks",
    "metric",
    "position_class",
    "spearman",
]
