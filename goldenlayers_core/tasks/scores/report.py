"""Score runs and causal traces as parts of a report."""

from typing import Final

import pandas as pd

from goldenlayers_core import figures
from goldenlayers_core.reports import Section
from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.results.scores.baselines import picks_frame
from goldenlayers_core.results.scores.parts import who
from goldenlayers_core.results.scores.robustness import choices_frame, sentence
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.layer_said import said_of
from goldenlayers_core.tasks.real_edits import data_of
from goldenlayers_core.tasks.report_parts import SMALL, Parts, title_of
from goldenlayers_core.tasks.scores.predicting import judged_by
from goldenlayers_core.tasks.scores.second_looks import other_estimates, other_ways
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.scores.stored_trace import open_trace

_NO_EDIT: Final = "No edit was run: the scores are computed from gradients."
_KEYS: Final = ["case_id", "request", "prompt", "layer"]
_WHERE: Final = "Where an answer comes back in a causal trace need not be where an edit works best."


def of_scores(store: Store, manifest: RunManifest) -> Parts:
    """The sums, every request, and where single requests have their best layer."""
    scores, selection = open_scores(store, manifest.run_id)
    frame = scores.to_frame()
    pictures = (
        Section(figures.totals_bars(selection, value=figures.mean_value(scores)), selection.to_frame(), name="sums"),
        *_heatmaps(scores, selection, frame),
        Section(figures.best_layer_distribution(scores, selection, False), scores.best_frame(), name="best-layers"),
        *_second_looks(scores, selection),
    )
    said = said_of(
        store, scores.fingerprint, who(scores.method), selection.golden_layer, judged_by(scores), data_of(manifest)
    )
    return f"{title_of(pictures[0].figure)}.", pictures, (_NO_EDIT, said, SMALL)


def _second_looks(scores: LayerScores, selection: Selection) -> tuple[Section, ...]:
    """The picks of other ways to compute LGA, of simpler estimates; none where a run does not hold both readings."""
    ways = other_ways(scores, selection)
    if not ways:
        return ()
    simpler, words = picks_frame(other_estimates(scores, selection)), "What simpler estimates pick on these requests."
    return (
        Section(
            title="Other ways to compute LGA",
            text=(sentence(ways),),
            table=choices_frame(ways),
            open_table=True,
            name="other-ways",
        ),
        Section(title="Other estimates", text=(words,), table=simpler, open_table=True, name="estimates"),
    )


def _heatmaps(scores: LayerScores, selection: Selection, frame: pd.DataFrame) -> tuple[Section, ...]:
    if not scores.parts:
        return (Section(figures.scores_heatmap(scores, selection), frame, name="requests"),)
    parts = [part.name for part in scores.parts]
    return (
        Section(figures.part_heatmap(scores, selection, "score"), frame, name="requests"),
        *(Section(figures.part_heatmap(scores, selection, part), frame[[*_KEYS, part]], name=part) for part in parts),
    )


def of_trace(store: Store, manifest: RunManifest) -> Parts:
    """The average effect of every layer."""
    found = open_trace(store, manifest.run_id)
    drawn = figures.trace_curves(found)
    return f"{title_of(drawn)}.", (Section(drawn, found.to_frame(), name="trace"),), (_WHERE, SMALL)
