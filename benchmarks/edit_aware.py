"""Edit-aware layer analysis: what it costs beside LGA, and how well it predicts real edits.

    python -m benchmarks.edit_aware [--limit 48] [--rounds 3]               seconds beside LGA's, one run, same requests
    python -m benchmarks.edit_aware --truth SWEEP.parquet [--dataset D]     against real edits, beside LGA and norms

A truth is a sweep's table (`SweepResult.to_frame()`): one row per (request, layer) with rewrite, rephrase, locality,
portability; its requests are looked up in the dataset by their digest. Reported per estimate: Spearman's correlation of
its mean layer score with that of the real edits, the layer it picks, and that layer's regret; intervals are 95 %
percentile bootstrap over requests, in which estimate and truth are resampled together and the layer is picked anew.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import machine, measure
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.edit_rule import predict
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.selection import golden_layers
from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.records import EditAwareConfig, EditRequest, LgaConfig
from goldenlayers_core.results import Floats, spearman

KINDS = ("rewrite", "rephrase", "locality", "portability")
RESAMPLES = 2000


@dataclass(frozen=True)
class Truth:
    """Real edits: (Q, L) per kind of probe, NaN where a request has none."""

    requests: tuple[EditRequest, ...]
    layers: tuple[int, ...]
    kinds: dict[str, Floats]
    value_change: Floats
    """(Q, L) |delta| / |v0| of the real edits."""

    @property
    def score(self) -> Floats:
        """(Q, L) mean over the kinds of probe that the request has."""
        return np.nanmean(np.stack(list(self.kinds.values())), axis=0)


def read_truth(file: Path, datasets: list[str]) -> Truth:
    """A sweep's table with the requests it is of; only requests measured at every layer."""
    table = pd.read_parquet(file)
    known = {r.digest: r for name in datasets for r in open_dataset(name).requests}
    layers = tuple(sorted(int(layer) for layer in table["layer"].unique()))
    count = table.groupby("request", sort=False).size()
    digests = [d for d in count.index if count[d] == len(layers) and d in known]
    if len(digests) < len(count):
        print(f"{len(count) - len(digests)} of {len(count)} requests are incomplete or not in {', '.join(datasets)}")

    def wide(name: str) -> Floats:
        found = table.pivot_table(index="request", columns="layer", values=name, dropna=False)
        return found.reindex(index=digests, columns=list(layers)).to_numpy(np.float64)

    kinds = {kind: wide(kind) for kind in KINDS if kind in table and table[kind].notna().any()}
    return Truth(tuple(known[d] for d in digests), layers, kinds, wide("value_change"))


def predicted(handle: ModelHandle, requests: list[EditRequest]) -> Floats:
    """(Q, L) by the edit-aware analysis."""
    found = np.zeros((len(requests), handle.n_layers))
    for effects in iter_edit_aware(handle, requests, EditAwareConfig()):
        found[list(effects.indices)] = predict(effects).score
    return found


def lga(handle: ModelHandle, requests: list[EditRequest], scope: str) -> tuple[Floats, Floats]:
    """(Q, L) phi, and (Q, L) minus the logarithm of the new answer's gradient norm."""
    values, norms = np.zeros((2, len(requests), handle.n_layers))
    for batch in iter_lga(
        handle, requests, [r.target_true for r in requests], LgaConfig(scope=scope, loss_on="answer")
    ):
        values[list(batch.indices)] = batch.values
        norms[list(batch.indices)] = -np.log(np.maximum(batch.norm_new, 1e-30))
    return values, norms


def estimates(handle: ModelHandle, requests: list[EditRequest]) -> dict[str, tuple[Floats, bool]]:
    """Per name (Q, L) layer scores, and whether Tukey fences apply."""
    found: dict[str, tuple[Floats, bool]] = {"edit-aware": (predicted(handle, requests), False)}
    if all(r.target_true for r in requests):
        phi, norm = lga(handle, requests, "mlp")
        found |= {"LGA (mlp)": (phi, True), "small gradient norm (mlp)": (norm, False)}
        found["small gradient norm (attention)"] = lga(handle, requests, "attention")[1], False
    layers = handle.n_layers
    found["middle layer"] = np.tile(-np.abs(np.arange(layers) - layers // 2), (len(requests), 1)).astype(float), False
    found["early: minus the layer"] = np.tile(-np.arange(layers), (len(requests), 1)).astype(float), False
    return found


def judged(values: Floats, fenced: bool, truth: Floats) -> tuple[float, int, float]:
    """Spearman's correlation of the means, the column picked, and its regret against the truth's golden layer."""
    totals = values.sum(axis=0)
    pick = int(golden_layers(totals, 1.0)) if fenced else int(totals.argmax())
    means = truth.mean(axis=0)
    return spearman(totals, means) or float("nan"), pick, float(means.max() - means[pick])


def against(truth: Truth, found: dict[str, tuple[Floats, bool]]) -> None:
    """Print the table of estimates against real edits."""
    real, random = truth.score, np.random.default_rng(0)
    rows = [random.integers(0, len(real), len(real)) for _ in range(RESAMPLES)]
    means = real.mean(axis=0)
    oracle = float(real.max(axis=1).mean())
    golden = truth.layers[int(means.argmax())]
    print(
        f"{len(real)} requests, {len(truth.layers)} layers; golden layer {golden} with {means.max():.3f}, oracle "
        f"{oracle:.3f}: regret of the golden layer {oracle - means.max():.3f}"
    )
    print(f"{'estimate':34} {'Spearman':>8} {'95 %':>15} {'pick':>5} {'above golden':>12} {'95 %':>15} {'regret':>7}")
    for name, (values, fenced) in found.items():
        mine = values[:, list(truth.layers)]
        correlation, pick, above = judged(mine, fenced, real)
        again = np.array([judged(mine[r], fenced, real[r]) for r in rows])
        (c_low, c_high), (r_low, r_high) = np.nanquantile(again[:, [0, 2]], (0.025, 0.975), axis=0).T
        print(
            f"{name:34} {correlation:8.2f} {c_low:7.2f}{c_high:8.2f} {truth.layers[pick]:5d} {above:12.3f} "
            f"{r_low:7.3f}{r_high:8.3f} {oracle - means[pick]:7.3f}"
        )


def layer_table(truth: Truth, handle: ModelHandle) -> None:
    """Print predicted beside real, per layer and kind of probe."""
    parts: dict[str, list[Floats]] = {name: [] for name in KINDS}
    for effects in iter_edit_aware(handle, truth.requests, EditAwareConfig()):
        seen = predict(effects)
        for name, values in zip(KINDS, (seen.feasible, seen.spread, 1 - seen.harm, seen.portability), strict=True):
            parts[name].append(values)
    print("layer  " + "  ".join(f"{kind:>15}" for kind in truth.kinds) + "     (predicted, real)")
    for column, layer in enumerate(truth.layers):
        cells = []
        for kind, real in truth.kinds.items():
            mine = np.concatenate(parts[kind])[:, layer]
            cells.append(f"{np.nanmean(mine):7.2f} {np.nanmean(real[:, column]):7.2f}")
        print(f"{layer:5d}  " + "  ".join(cells))


def cost(handle: ModelHandle, requests: list[EditRequest], rounds: int) -> None:
    """Print seconds beside LGA's; rounds alternate, the best of each is compared."""
    work: dict[str, Callable[[], object]] = {
        "LGA (mlp)": lambda: lga(handle, requests, "mlp"),
        "edit-aware": lambda: predicted(handle, requests),
    }
    greedy(handle, [requests[0].prompt])  # weights are read from disk and threads started, before anything is measured
    seconds: dict[str, list[float]] = {name: [] for name in work}
    extra: dict[str, int] = dict.fromkeys(work, 0)
    for _ in range(rounds):
        for name, run in work.items():
            _, measured = measure(run)
            seconds[name].append(measured.seconds)
            extra[name] = max(extra[name], measured.extra_bytes)
    base = min(seconds["LGA (mlp)"])
    for name, times in seconds.items():
        print(f"{name:12} {min(times):7.2f} s  {min(times) / base:5.2f} times LGA  {extra[name] / 1e6:6.0f} MB extra")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--dataset", action="append", help="where a truth's requests are from; may be repeated")
    parser.add_argument("--limit", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--truth", type=Path)
    arguments = parser.parse_args()
    handle = load_model(arguments.model)
    datasets = arguments.dataset or ["bundled", "bundled-hard"]
    print(f"{machine()}\n{handle.name}, {handle.dtype}", flush=True)
    if arguments.truth:
        truth = read_truth(arguments.truth, datasets)
        against(truth, estimates(handle, list(truth.requests)))
        layer_table(truth, handle)
    else:
        requests = list(open_dataset(datasets[0]).requests[: arguments.limit])
        print(f"{len(requests)} requests of {datasets[0]}, {sum(len(r.probes) for r in requests)} probes")
        cost(handle, requests, arguments.rounds)


if __name__ == "__main__":
    main()
