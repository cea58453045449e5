"""Results of seeded numbers: figures, tasks and pages only need shapes, values and words."""

import numpy as np

from goldenlayers_core.results import (
    METRICS,
    EditReport,
    Floats,
    ProbeOutcome,
    SearchResult,
    SearchRound,
    SweepResult,
    View,
)

NAMES = tuple(m.name for m in METRICS)


def hump(layers: int, peak: int, height: float = 0.9, floor: float = 0.35) -> Floats:
    """(L,) mean scores that fall away from `peak`."""
    places = np.arange(layers)
    return floor + (height - floor) * np.exp(-(((places - peak) / (layers / 3)) ** 2))


def made_sweep(
    requests: int = 12,
    layers: tuple[int, ...] = tuple(range(30)),
    n_layers: int = 30,
    peak: int = 4,
    seed: int = 0,
    scores: Floats | None = None,
    prefix: str = "case",
    dataset: str = "bundled (proxy split), first 12",
    fingerprint: str = "f" * 32,
) -> SweepResult:
    """A sweep whose mean score has its hump at `peak`; or with exactly the (Q, L) `scores`, as its only probe kind."""
    random = np.random.default_rng(seed)
    values = np.full((requests, len(layers), len(METRICS)), np.nan)
    for name in NAMES:
        values[:, :, NAMES.index(name)] = random.uniform(0, 1, (requests, len(layers)))
    chance = hump(n_layers, peak)[list(layers)]
    for name, probes in (("rewrite", 1), ("rephrase", 4), ("locality", 5)):
        hits = random.binomial(probes, chance, (requests, len(layers))) / probes
        values[:, :, NAMES.index(name)] = hits
    values[:, :, NAMES.index("portability")] = np.nan
    if scores is not None:
        for name in ("rephrase", "locality"):
            values[:, :, NAMES.index(name)] = np.nan
        values[:, :, NAMES.index("rewrite")] = scores
    before = random.uniform(0, 1, (requests, len(METRICS)))
    numbers = range(requests)
    return SweepResult(
        method="rome",
        model="Some model",
        fingerprint=fingerprint,
        dataset=dataset,
        config="{}",
        case_ids=tuple(f"{prefix}-{q}" for q in numbers),
        request_digests=tuple(f"{prefix}{q:08d}" for q in numbers),
        prompts=tuple(f"The capital of {prefix} {q} is" for q in numbers),
        subjects=tuple(f"{prefix} {q}" for q in numbers),
        targets_new=tuple(f"new {q}" for q in numbers),
        targets_true=tuple(f"old {q}" for q in numbers),
        relations=tuple(("capital", "language", "")[q % 3] for q in numbers),
        layers=layers,
        n_layers=n_layers,
        values=values,
        before=before,
        answers=tuple(tuple(f"answer {q} at {layer} <b>" for layer in layers) for q in numbers),
        answers_before=tuple(f"old {q}" for q in numbers),
        seconds=12.0,
        n_computed=requests * len(layers),
        seconds_per_edit=0.5,
        provenance={"dtype": "float32", "device": "cpu", "torch": "2.13.0", "code": "sweep-1", "model_type": "llama"},
    )


def made_search(fingerprint: str = "f" * 32) -> SearchResult:
    """A budgeted search of two rounds that ends with layer 2, its time being up."""
    rounds = (
        SearchRound((0, 2, 4, 6), 2, (0.4, 0.9, 0.8, 0.1), (2, 4), 3.0),
        SearchRound((2, 4), 6, (0.85, 0.8), (2,), 4.0),
    )
    return SearchResult(
        method="rome",
        model="tiny",
        fingerprint=fingerprint,
        dataset="made up",
        config="{}",
        layers=(0, 2, 4, 6),
        n_layers=8,
        n_pool=12,
        rounds=rounds,
        golden_layer=2,
        confidence=0.8,
        rival=4,
        lead=(0.05, -0.02, 0.12),
        prior="none",
        budget=60.0,
        seconds=7.0,
        n_pairs=16,
        seed=0,
        finished=False,
    )


def view(answer: str, new: float, true: float, tokens: tuple[tuple[str, float], ...] = ()) -> View:
    """What a model says to a prompt."""
    return View(answer, new, true, tokens)


def made_report(outcomes: tuple[ProbeOutcome, ...], before: View, after: View, **changed: object) -> EditReport:
    """An edit's report."""
    return EditReport(
        **{  # type: ignore[arg-type]
            "edit_id": "e" * 32,
            "method": "rome",
            "layer": 5,
            "layer_evidence": "chosen by hand",
            "case_id": "case-0",
            "prompt": "The capital of France is",
            "subject": "France",
            "target_new": "Rome",
            "target_true": "Paris",
            "before": before,
            "after": after,
            "outcomes": outcomes,
            "verdict": "The edit took.",
            "took": True,
            "weight_change": 0.1,
            "stages": (("key", 0.5), ("value", 1.5)),
            "fingerprint": "f" * 32,
            **changed,
        }
    )
