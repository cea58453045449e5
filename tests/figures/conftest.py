"""Layer scores, selections and an edit report made of seeded numbers: figures only need shapes and values."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from goldenlayers_core.figures import frame
from goldenlayers_core.results import EditReport, Floats, LayerScores, ProbeOutcome, Selection
from tests.charts import shortcomings
from tests.made_up import made_report, view


@pytest.fixture(autouse=True)
def every_chart_keeps_the_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test of figures draws says its finding, defines and counts, and names its axes (tests/charts.py)."""
    drawn: list[go.Figure] = []

    def noted(figure: go.Figure, **words: Any) -> go.Figure:
        drawn.append(frame.dress(figure, **words))
        return drawn[-1]

    for name, module in tuple(sys.modules.items()):
        if name.startswith("goldenlayers_core.figures.") and module is not frame and hasattr(module, "dress"):
            monkeypatch.setattr(module, "dress", noted)
    yield
    short = [phrase for figure in drawn for phrase in shortcomings(figure)]
    assert not short, "\n".join(dict.fromkeys(short))


MakeScores = Callable[..., LayerScores]
MakeSelection = Callable[..., Selection]


@pytest.fixture
def make_scores() -> MakeScores:
    def make(requests: int = 32, layers: int = 30, seed: int = 0, values: Floats | None = None) -> LayerScores:
        random = np.random.default_rng(seed)
        drawn = random.normal(0, 1e-3, (requests, layers)) if values is None else values
        drawn = drawn + 2e-3 * (np.arange(layers) == layers // 2) if values is None else drawn
        size = np.sqrt(np.abs(drawn))
        return LayerScores(
            method="lga",
            model="tiny",
            fingerprint="f" * 32,
            dataset="made up",
            scope="mlp",
            old_answer="dataset",
            case_ids=tuple(f"case-{q}" for q in range(requests)),
            request_digests=tuple(f"{seed}-{q}" for q in range(requests)),
            prompts=tuple(f"The capital of country {q} is" for q in range(requests)),
            targets_old=tuple(f"old {q}" for q in range(requests)),
            targets_new=tuple(f"new {q}" for q in range(requests)),
            relations=tuple(("capital", "language", "")[q % 3] for q in range(requests)),
            values=drawn,
            norm_old=2 * size,
            norm_new=3 * size,
        )

    return make


@pytest.fixture
def make_selection() -> MakeSelection:
    def make(scores: LayerScores, outliers: tuple[int, ...] = ()) -> Selection:
        totals = scores.values.sum(axis=0)
        raw = tuple(int(layer) for layer in np.argsort(-totals, kind="stable"))
        ranking = tuple(layer for layer in raw if layer not in outliers)
        half = np.abs(totals) * 0.1 + 1e-4
        share = np.zeros(scores.n_layers)
        share[ranking[0]] = 1.0
        return Selection(
            golden_layer=ranking[0],
            ranking=ranking,
            raw_ranking=raw,
            outliers=outliers,
            fences=(float(totals.min()), float(totals.max())),
            fence_factor=1.0,
            totals=totals,
            interval=np.stack([totals - half, totals + half], axis=1),
            pick_share=share,
            n_requests=scores.n_requests,
            n_resamples=1000,
            seed=0,
        )

    return make


@pytest.fixture
def scores(make_scores: MakeScores) -> LayerScores:
    return make_scores()


@pytest.fixture
def selection(scores: LayerScores, make_selection: MakeSelection) -> Selection:
    return make_selection(scores, outliers=(0, 28, 29))


@pytest.fixture
def report() -> EditReport:
    before = view("Paris.", 0.001, 0.62, ((" Paris", 0.62), (" the", 0.08), ("\n", 0.004)))
    after = view("Rome.", 0.88, 0.04, ((" Rome", 0.88), (" Paris", 0.04), (" <b>", 0.0001)))
    rewrite = ProbeOutcome("The capital of France is", "rewrite", "", ("Rome",), before, after, True, 4.2)
    missed = view("Paris", 0.12, 0.5)
    outcomes = (
        ProbeOutcome(
            "The capital of Spain is", "locality", "", ("Madrid",), view("M", 0, 0.6), view("M", 0, 0.5), True, 0.1
        ),
        rewrite,
        replace(rewrite, prompt="France's capital city is", kind="rephrase", after=missed, success=False),
        ProbeOutcome(
            "The Louvre is in",
            "locality",
            "",
            (),
            view("Paris", float("nan"), float("nan")),
            view("Rome", float("nan"), float("nan")),
            False,
            0.9,
        ),
    )
    return made_report(
        outcomes,
        before,
        after,
        edit_id="e",
        layer=8,
        verdict="It took.",
        weight_change=0.01,
        stages=(("optimise", 1.0),),
    )
