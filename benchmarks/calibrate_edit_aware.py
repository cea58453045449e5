"""The coefficients of the edit-aware rule, from real edits of the bundled model's proxy split.

    python -m benchmarks.calibrate_edit_aware --truth SWEEP.parquet [--folds 4]

Fits `edit_rule.Rule` to a sweep's table by the likelihood of its shares (rewrite, rephrase, locality, portability),
each kind of probe weighing alike, and to its layer means (20 times their squared error), because layers are what is
chosen; Adam, 500 steps, from the same start every time. The overshoot is not fitted but measured. `--folds` leaves out
one fold of the requests after another and reports how well what was left out is predicted. Run it on the proxy split
only: whatever it has seen judges nothing.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.edit_aware import KINDS, Truth, read_truth
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.edit_rule import CLAMP, Rule
from goldenlayers_core.attribution.effects import Effects
from goldenlayers_core.models import load_model
from goldenlayers_core.records import EditAwareConfig
from goldenlayers_core.results import Floats, spearman

STEPS, RATE, SHRINK, TOGETHER = 500, 0.03, 1e-3, 20.0
START = Rule(3.0, (3.0, 1.0), (0.0, 1.0, 0.3), (1.0, 1.0, 0.1, 0.2), (-1.0, 1.0, 0.3))


class Table:
    """Effects of Q requests as tensors; per kind (Q, n, L) slopes, bounds, (Q, n, 1) margins, weights."""

    def __init__(self, chunks: list[Effects], layers: tuple[int, ...]) -> None:
        columns = list(layers)
        need = np.concatenate([e.need for e in chunks])[:, columns]
        self.need = torch.tensor(np.clip(need, 1e-3, 1e6))
        self.size = torch.tensor(np.concatenate([e.size for e in chunks])[:, columns])
        self.probes: dict[str, tuple[Tensor, Tensor, Tensor, Tensor]] = {}
        for kind in KINDS[1:]:
            found = [self._mine(e, p, kind, columns) for e in chunks for p in range(len(e.indices))]
            most = max(1, *(len(margin) for _, _, margin in found))
            slopes, bounds = torch.zeros(2, len(found), most, len(columns), dtype=torch.float64)
            margins, weights = torch.zeros(2, len(found), most, 1, dtype=torch.float64)
            for q, (slope, bound, margin) in enumerate(found):
                slopes[q, : len(margin)] = torch.tensor(slope)
                bounds[q, : len(margin)] = torch.tensor(bound)
                margins[q, : len(margin), 0] = torch.tensor(margin)
                weights[q, : len(margin)] = 1 / max(len(margin), 1)
            self.probes[kind] = slopes, bounds, margins, weights

    @staticmethod
    def _mine(effects: Effects, row: int, kind: str, columns: list[int]) -> tuple[Floats, Floats, Floats]:
        mine = (effects.owners == row) & np.array([k == kind for k in effects.kinds])
        return effects.slope[mine][:, columns], effects.bound[mine][:, columns], effects.margin[mine]


def shares(table: Table, law: dict[str, Tensor]) -> dict[str, Tensor]:
    """(Q, L) predicted share of each kind: `edit_rule.predict` with gradients."""
    feasible = torch.sigmoid(law["feasible"][0] - law["feasible"][1] * table.need.log())
    length = table.size * (law["overshoot"] * table.need).clamp(max=CLAMP)
    found = {"rewrite": feasible}
    for kind, name, sign in (("rephrase", "spread", -1), ("locality", "kept", 1), ("portability", "portability", -1)):
        slopes, bounds, margins, weights = table.probes[kind]
        moved = torch.asinh(slopes * length[:, None])
        odds = law[name][0] + law[name][1] * moved + sign * law[name][2] * margins
        if kind == "locality":
            odds = odds - law[name][3] * torch.log1p(bounds * length[:, None])
        share = (torch.sigmoid(odds) * weights).sum(dim=1)
        found[kind] = share if kind == "locality" else share * feasible
    return found


def _layer_means(values: Tensor, have: Tensor) -> Tensor:
    """(L,) mean over the requests that have the kind."""
    return torch.where(have, values, 0.0).sum(dim=0) / have.sum(dim=0).clamp(min=1)


def overshoot(table: Table, truth: Truth) -> float:
    """Median of |delta| / eta over the real edits that the clamp did not end."""
    free = (truth.value_change > 0) & (truth.value_change < 0.98 * CLAMP)
    return float(np.median((truth.value_change / table.need.numpy())[free]))


def fit(table: Table, truth: Truth, rows: list[int]) -> Rule:
    """The most likely rule on some of the requests."""
    names = ("feasible", "spread", "kept", "portability")
    law = {name: torch.tensor(getattr(START, name), dtype=torch.float64, requires_grad=True) for name in names}
    over = torch.tensor(overshoot(table, truth), dtype=torch.float64)
    adam = torch.optim.Adam(law.values(), lr=RATE)
    real = {kind: torch.tensor(values[rows]) for kind, values in truth.kinds.items()}
    for _ in range(STEPS):
        loss = SHRINK * sum((value**2).sum() for value in law.values())
        for kind, share in shares(table, {**law, "overshoot": over}).items():
            if kind in real:
                have = ~torch.isnan(real[kind])
                likely = share[rows][have].clamp(1e-6, 1 - 1e-6)
                loss = loss + torch.nn.functional.binary_cross_entropy(likely, real[kind][have])
                off = _layer_means(share[rows], have) - _layer_means(real[kind], have)
                loss = loss + TOGETHER * (off**2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    rounded = {name: np.round(value.detach().numpy(), 2).tolist() for name, value in law.items()}
    return Rule(overshoot=round(float(over), 2), **{name: tuple(value) for name, value in rounded.items()})


def mean_score(table: Table, truth: Truth, rule: Rule) -> Floats:
    """(Q, L) predicted score, over the kinds that the truth has."""
    law = {name: torch.tensor(getattr(rule, name), dtype=torch.float64) for name in Rule.__dataclass_fields__}
    found = shares(table, law)
    kinds = [np.where(np.isnan(truth.kinds[kind]), np.nan, found[kind].numpy()) for kind in truth.kinds]
    return np.nanmean(np.stack(kinds), axis=0)


def report(name: str, predicted: Floats, truth: Truth) -> None:
    real = truth.score
    means, mine = real.mean(axis=0), predicted.mean(axis=0)
    pick = int(mine.argmax())
    print(
        f"{name:10} Spearman {spearman(mine, means):.3f}; picks layer {truth.layers[pick]}, "
        f"{means.max() - means[pick]:.3f} below layer {truth.layers[int(means.argmax())]}; "
        f"mean squared error per (request, layer) {np.square(predicted - real).mean():.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--dataset", action="append")
    parser.add_argument("--folds", type=int, default=4)
    arguments = parser.parse_args()
    truth = read_truth(arguments.truth, arguments.dataset or ["bundled"])
    chunks = list(iter_edit_aware(load_model("bundled"), truth.requests, EditAwareConfig()))
    table, everyone = Table(chunks, truth.layers), list(range(len(truth.requests)))
    print(f"{len(everyone)} requests, {len(truth.layers)} layers")
    left_out = np.zeros_like(truth.score)
    for fold in range(arguments.folds):
        others = [q for q in everyone if q % arguments.folds != fold]
        held = [q for q in everyone if q % arguments.folds == fold]
        left_out[held] = mean_score(table, truth, fit(table, truth, others))[held]
    report("left out", left_out, truth)
    rule = fit(table, truth, everyone)
    report("fitted", mean_score(table, truth, rule), truth)
    print(rule)


if __name__ == "__main__":
    main()
