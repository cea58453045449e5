"""Answers: frozen dataclasses of numpy arrays with everything needed to read them. No torch."""

from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.edit.report import EditReport, ProbeOutcome, View
from goldenlayers_core.results.scores.layer_scores import LayerScores, Part, Selection
from goldenlayers_core.results.scores.ranks import mean_ranks, spearman
from goldenlayers_core.results.scores.trace import POSITIONS, TokenTrace, TraceResult, class_means, position_class
from goldenlayers_core.results.truth.card import WAYS, LayerCard, Pick, Way, way_info
from goldenlayers_core.results.truth.judgement import Agreement, BestLayers, Generalisation, LayerCurve
from goldenlayers_core.results.truth.search import SearchResult, SearchRound
from goldenlayers_core.results.truth.sweep import METRICS, PROBE_METRICS, SCORE, Metric, SweepResult, metric

__all__ = [
    "METRICS",
    "POSITIONS",
    "PROBE_METRICS",
    "SCORE",
    "WAYS",
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
    "Way",
    "check_shape",
    "class_means",
    "mean_ranks",
    "metric",
    "position_class",
    "spearman",
    "way_info",
]
