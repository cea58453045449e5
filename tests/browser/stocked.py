"""A store with a run of every kind, made of seeded numbers: pages are looked at, not computed for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.records import TraceConfig
from goldenlayers_core.results import LayerScores, ProbeOutcome, TraceResult
from goldenlayers_core.results.edit.many_edits import ManyEdits
from goldenlayers_core.results.scores.trace import POSITIONS
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion
from goldenlayers_core.tasks.edit.stored import save_report
from goldenlayers_core.tasks.edit.stored_many import save_many
from goldenlayers_core.tasks.questions import ManyEditsQuestion, SearchQuestion, SweepQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.stored import save_scores
from goldenlayers_core.tasks.scores.stored_trace import save_trace
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from tests.made_up import made_report, made_search, made_sweep, view

WHERE = {"dtype": "float32", "device": "cpu", "model_type": "llama"}


def made_scores(n_requests: int, n_layers: int, dataset: str = "made up") -> LayerScores:
    """LGA scores whose best layers lie around the middle."""
    random = np.random.default_rng(0)
    best = random.integers(n_layers // 3, 2 * n_layers // 3, (n_requests, 1))
    values = random.normal(0, 0.1, (n_requests, n_layers)) + np.exp(-(((np.arange(n_layers) - best) / 4) ** 2))
    numbers = range(n_requests)
    return LayerScores(
        method="lga",
        model="Some model",
        fingerprint="f" * 32,
        dataset=dataset,
        scope="mlp",
        old_answer="dataset",
        case_ids=tuple(f"{dataset}-{q}" for q in numbers),
        request_digests=tuple(f"{dataset}-{q:08d}" for q in numbers),
        prompts=tuple(f"The capital of country number {q} is the city of" for q in numbers),
        targets_old=tuple(f"old {q}" for q in numbers),
        targets_new=tuple(f"new {q}" for q in numbers),
        relations=tuple(f"relation {q % 8}" for q in numbers),
        values=values,
        norm_old=np.abs(values) + 1,
        norm_new=np.abs(values) + 1,
        seconds=3.0,
        n_computed=n_requests,
        provenance=WHERE,
    )


def made_trace(n_requests: int = 8, n_layers: int = 30) -> TraceResult:
    """Effects that are largest early, at the last subject token."""
    names = tuple(f"case-{q}" for q in range(n_requests))
    random = np.random.default_rng(0)
    effects = random.uniform(0, 0.3, (n_requests, len(POSITIONS), n_layers)) * np.linspace(1, 0.1, n_layers)
    return TraceResult(
        kind="mlp",
        window=6,
        model="Some model",
        fingerprint="f" * 32,
        dataset="made up",
        case_ids=names,
        request_digests=names,
        prompts=tuple(f"The capital of {name} is" for name in names),
        answers=("Paris",) * n_requests,
        p_clean=np.full(n_requests, 0.8),
        p_corrupt=np.full(n_requests, 0.1),
        effects=effects,
        noise=0.1,
        n_samples=10,
        seed=0,
        seconds=9.0,
        n_computed=n_requests,
        provenance=WHERE,
    )


def save_big(root: Path, n_requests: int = 5_000, n_layers: int = 80) -> str:
    """A score run as large as any; its id."""
    scores = made_scores(n_requests, n_layers, "many requests")
    question = ScoreQuestion(choice=DatasetChoice("many requests"))
    return save_scores(Store(root), question, scores, select(scores.values))


def stock(root: Path, fingerprint: str = "f" * 32) -> Mapping[str, str]:
    """Fill the store at `root` with runs on a model of these weights; the run of each kind, by kind."""
    store, choice = Store(root), DatasetChoice("bundled", "proxy", 12)
    of = {"fingerprint": fingerprint}
    scores, sweep = replace(made_scores(32, 30), **of), replace(made_sweep(), **of)
    before, after = (view(said, p, 1 - p, ((said, 0.5),)) for said, p in (("Paris", 0.1), ("Rome", 0.9)))
    outcome = ProbeOutcome("The capital of France is", "rewrite", "", ("Rome",), before, after, True, 0.5)
    report = replace(made_report((outcome,), before, after, provenance=WHERE), **of)
    many = ManyEdits(
        mode="alone",
        method="rome",
        layer=5,
        layers=(5,),
        model="Some model",
        fingerprint=fingerprint,
        dataset="made up",
        config="{}",
        reports=(report,),
        request_digests=("one",),
        n_computed=1,
        provenance=WHERE,
    )
    return {
        "trace": save_trace(store, TraceQuestion(choice=choice), TraceConfig(noise=0.1), replace(made_trace(), **of)),
        "search": save_search(store, SearchQuestion(choice=choice), replace(made_search(), **of)),
        "many-edits": save_many(store, ManyEditsQuestion(choice=choice), many),
        "edit": save_report(store, EditQuestion(), report, "Some model"),
        "sweep": save_sweep(store, SweepQuestion(choice=choice), sweep),
        "score": save_scores(store, ScoreQuestion(choice=choice), scores, select(scores.values)),
    }
