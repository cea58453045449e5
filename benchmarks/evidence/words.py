"""What docs/evidence.md says around its numbers."""

from collections.abc import Iterable

import numpy as np

from benchmarks.evidence.judged import EARLIER

TITLES = {
    "bundled": "SmolLM2-135M-Instruct (bundled)",
    "gemma": "Gemma 3 270M (base)",
    "classroom": "Classroom (8 layers, taught here)",
}
FEW = 8  # requests below which nothing is said in words
HEAD = """# Evidence: which layer to edit, and what finds it

Written by `python -m benchmarks.evidence` from `assets/evidence.parquet` (real edits, a row per request and layer:
`benchmarks/edits.py`) and `benchmarks/evidence/estimates.parquet` (`benchmarks/estimators.py`); not edited by hand.

Every number comes from real edits: each request is written into every layer in turn, and all its probes are asked
before and after with greedy generation, judged by [judging.md](judging.md). The *score* of an edit is the mean of
rewrite, rephrase, locality and portability over the kinds of probe a request has. Layers are chosen on the proxy part
of a data set and judged on its test part, which share no subject; one of fewer than 6 requests, whose measurement goes
on, chooses nothing. *Regret* is what a layer gives away against each request's own best layer; *behind* is what it
gives away against the one layer that is best on the test part itself (chosen after the fact, so that nothing can be
ahead). Intervals are 95 % percentile bootstraps over requests, 2,000 resamples. A layer is *level* with the best where
the interval of its difference includes 0. *Stability* is the share of resamples of the proxy requests that choose the
same layer. Spearman is between an estimate's mean per layer on the proxy part and the mean score per layer of real
edits on the test part; *the true layer means*, of endlessly many requests, would be expected to reach the number in
italics, for so few requests hold noise (the root of their reliability, by random halves and the formula of Spearman and
Brown): no estimate can be expected to do better. In `bundled`, `bundled-hard` and `classroom` only facts that the model
knows are edited; in the others known or not. Edit-aware analysis, line check and damage are made for the way of
editing, with the keys' covariance where it has one; the other estimates know nothing of it and are the same for both.
"""
PICKS = (
    "chosen by",
    "layer",
    "stability",
    "score",
    "regret [95 %]",
    "behind the best fixed layer [95 %]",
    "Spearman",
    "seconds",
)
GOALS = (
    "chosen by",
    "places",
    "Spearman >= .9",
    "within .01",
    "within .05",
    "level with the best",
    "worse than the earlier",
    "mean behind",
)
GOAL_WORDS = (
    "For an estimate, over the places with a proxy and a test part (ROME): Spearman with the test part's layer means "
    "of at least .9; a pick within .01 of the best fixed layer in at least 8 of 10 places and within .05 in all; never "
    "worse "
    f'than "{EARLIER}".'
)


def heading(columns: Iterable[str]) -> list[str]:
    """The first two lines of a table."""
    names = list(columns)
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def interval(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]"


def number(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.2f}"
