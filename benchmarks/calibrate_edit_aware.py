"""The coefficients of both rules, edit-aware and line check, from real edits of proxy requests; and what they are worth
on a model they have not seen.

    python -m benchmarks.calibrate_edit_aware --edits FOLDER [--edits FOLDER] --data FOLDER [--keep FOLDER]

Reads the tables of `benchmarks.edits` (proxy part, ROME with identity covariance), computes effects and leads of their
requests (kept as npz in `--keep`), and fits each rule to the shares that were measured, every data set of every model
weighing alike: by the likelihood of each request's share, and by its layer means, less their own mean, because layers
are what is chosen (`TOGETHER` times their squared error); `SHRINK` draws the coefficients to where they start. Adam, on
differences of the rule itself. The overshoot is not fitted but measured: the median of |delta| / eta where the
clamp does not bind. Each model in turn is left out, and judged by the rule that the others gave. Proxy parts only:
whatever a rule has seen judges nothing.
"""

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.edits import DATA, LARGE, LARGEST, say
from benchmarks.estimators import METRICS, choice_of
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.edit_rule import CLAMP, RULE, Prediction, predict
from goldenlayers_core.attribution.effects import Effects
from goldenlayers_core.attribution.line_rule import LINE_RULE, predict_line
from goldenlayers_core.evaluation.line_check import iter_line_check
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditAwareConfig, EditRequest, LineCheckConfig, ModelSource
from goldenlayers_core.results import Floats, spearman
from goldenlayers_core.tasks import Workbench, open_workbench

STEPS, RATE, SHRINK, TOGETHER = 60, 0.1, 1e-2, 20.0
WAY = "ROME, identity"
_FIELDS = ("eta", "size", "owners", "kinds", "loss", "margin", "slope", "bound")


@dataclass(frozen=True)
class Sample:
    """One data set on one model: what is predicted from, and what was measured."""

    model: str
    data: str
    tier_1: Effects
    tier_2: Effects
    lead: Floats
    """(R, L) of the rows of tier_2."""
    real: dict[str, Floats]
    """(Q, L) per metric, and value_change; NaN where nothing was measured."""

    @property
    def score(self) -> Floats:
        """(Q, L) mean over the metrics a request has."""
        values = np.stack([self.real[name] for name in METRICS])
        have = ~np.isnan(values)
        total = np.where(have, values, 0).sum(axis=0)
        return np.divide(total, have.sum(axis=0), out=np.full_like(total, np.nan), where=have.any(axis=0))


def joined(parts: Sequence[Any], chunks: Sequence[Effects]) -> Any:
    """Rows of several chunks as those of one: the rewrites of all of them go first."""
    pairs = [(part, len(e.indices)) for part, e in zip(parts, chunks, strict=True)]
    return np.concatenate([part[:n] for part, n in pairs] + [part[n:] for part, n in pairs])


def one_of(chunks: Sequence[Effects]) -> Effects:
    """The effects of several chunks as those of one."""
    starts = np.cumsum([0, *(len(e.indices) for e in chunks)])
    owners = joined([e.owners + start for e, start in zip(chunks, starts, strict=False)], chunks)
    rows = {name: joined([getattr(e, name) for e in chunks], chunks) for name in ("loss", "margin", "slope", "bound")}
    kinds = tuple(joined([np.array(e.kinds) for e in chunks], chunks).tolist())
    edits = {name: np.concatenate([getattr(e, name) for e in chunks]) for name in ("eta", "size")}
    return Effects(tuple(range(starts[-1])), owners=owners, kinds=kinds, n_tokens=0, **rows, **edits)


def tables(folders: Sequence[str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(model, data, rows) of every proxy sweep; a pair measured in several folders is joined."""
    files = [file for folder in folders for file in sorted(Path(folder).glob("*.parquet"))]
    frames = [frame for file in files if "way" in (frame := pd.read_parquet(file))]
    edits = (
        pd.concat(frames)
        .query("part == 'proxy' and way == @WAY")
        .drop_duplicates(["model", "data", "request", "layer"])
    )
    for (model, data), rows in edits.groupby(["model", "data"], sort=False):
        yield str(model), str(data), rows


def sample(bench: Workbench, model: str, data: str, rows: pd.DataFrame, options: argparse.Namespace) -> Sample:
    """Effects, leads and measured shares of a sweep's requests."""
    wanted = list(dict.fromkeys(rows["request"]))
    file = options.keep / f"{model}-{data}-{len(wanted)}.npz" if options.keep else None
    if file is not None and file.is_file():
        kept = dict(np.load(file))
    else:
        found, n = next(one for one in DATA if one.name == data), LARGEST["proxy"].get(data, LARGE["proxy"])
        choice = choice_of(found, "proxy", n, options.data)
        requests = {r.digest[:16]: r for r in bench.requests(choice, ModelSource(model)).requests}
        kept = computed(bench.model(ModelSource(model)), [requests[digest] for digest in wanted])
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, **kept)
    tiers = [_effects({f: kept[f"{t}-{f}"] for f in _FIELDS}) for t in (1, 2)]
    layers = range(tiers[0].eta.shape[1])

    def wide(name: str) -> Floats:
        grid = rows.pivot_table(index="request", columns="layer", values=name, dropna=False)
        return grid.reindex(index=wanted, columns=list(layers)).to_numpy(np.float64)

    return Sample(model, data, *tiers, kept["lead"], {name: wide(name) for name in (*METRICS, "value_change")})


def computed(handle: ModelHandle, requests: Sequence[EditRequest]) -> dict[str, Any]:
    """The arrays that both rules predict from."""
    tier_1 = one_of(list(iter_edit_aware(handle, requests, EditAwareConfig())))
    checked = list(iter_line_check(handle, requests, LineCheckConfig(), LINE_RULE.overshoot))
    lead = joined([one.lead for one in checked], [one.effects for one in checked])
    tiers = {1: tier_1, 2: one_of([one.effects for one in checked])}
    arrays = {f"{t}-{f}": np.asarray(getattr(effects, f)) for t, effects in tiers.items() for f in _FIELDS}
    return {"lead": lead, **arrays}


def _effects(arrays: dict[str, Any]) -> Effects:
    kinds = tuple(arrays.pop("kinds").tolist())
    return Effects(tuple(range(len(arrays["eta"]))), kinds=kinds, n_tokens=0, **arrays)


def tier_1(rule: Any, one: Sample) -> Prediction:
    return predict(one.tier_1, rule)


def tier_2(rule: Any, one: Sample) -> Prediction:
    return predict_line(one.tier_2, one.lead, rule)


def metric(found: Prediction, name: str) -> Floats:
    """(P, L) what is predicted of a metric."""
    values: Floats = getattr(found, METRICS[name])
    return 1 - values if name == "locality" else values


def overshoot(samples: Sequence[Sample]) -> float:
    """Median of |delta| / eta over the real edits that the clamp did not end."""
    ratios = []
    for one in samples:
        change, need = one.real["value_change"], one.tier_1.need
        free = (change > 0) & (change < 0.98 * CLAMP) & np.isfinite(need)
        ratios.append(change[free] / need[free])
    return round(float(np.median(np.concatenate(ratios))), 2)


def layer_means(values: Floats, have: Any) -> Floats:
    """(L',) mean over the requests, of the layers that were measured, less the mean of all of them."""
    measured = have.any(axis=0)
    means = np.where(have, values, 0.0).sum(axis=0)[measured] / have.sum(axis=0)[measured]
    return np.asarray(means - means.mean())


def loss_of(rule: Any, samples: Sequence[Sample], tier: Callable[[Any, Sample], Prediction]) -> float:
    """What is minimised."""
    total = 0.0
    for one in samples:
        found = tier(rule, one)
        for name in METRICS:
            real, mine = one.real[name], np.clip(metric(found, name), 1e-6, 1 - 1e-6)
            have = ~np.isnan(real) & ~np.isnan(mine)
            if have.any():
                r, m = real[have], mine[have]
                total -= float((r * np.log(m) + (1 - r) * np.log(1 - m)).mean())
                off = layer_means(mine, have) - layer_means(np.nan_to_num(real), have)
                total += TOGETHER * float((off**2).mean())
    return total / len(samples)


def fit(start: Any, samples: Sequence[Sample], tier: Callable[[Any, Sample], Prediction]) -> Any:
    """The rule that predicts the samples best."""
    names = [f.name for f in dataclasses.fields(start) if f.name != "overshoot"]
    sizes = [len(getattr(start, name)) for name in names]
    origin = np.concatenate([getattr(start, name) for name in names])
    over = overshoot(samples)

    def rule(flat: Floats) -> Any:
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return type(start)(over, **{name: tuple(part.tolist()) for name, part in zip(names, parts, strict=True)})

    def cost(flat: Floats) -> float:
        return loss_of(rule(flat), samples, tier) + SHRINK * float(((flat - origin) ** 2).sum())

    flat, mean, square = origin.copy(), np.zeros_like(origin), np.zeros_like(origin)
    for step in range(1, STEPS + 1):
        here = cost(flat)
        slope = np.array([cost(flat + e) - here for e in 1e-4 * np.eye(len(flat))]) / 1e-4
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        flat = flat - RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return rule(flat.round(2))


@dataclass(frozen=True)
class Worth:
    """How well layer means are predicted on one sample."""

    spearman: dict[str, float]
    pick: int
    best: int
    behind: float


def worth(one: Sample, found: dict[str, Floats]) -> Worth:
    """Of predictions (Q, L) by metric and "score"; layers that were not measured for every request are left out."""
    real = {**{name: one.real[name] for name in METRICS}, "score": one.score}
    layers = np.flatnonzero(~np.isnan(one.score).any(axis=0))
    ranks: dict[str, float] = {}
    for name, values in real.items():
        have = ~np.isnan(values[:, layers]).any(axis=1)
        if have.any() and name in found:
            said = spearman(found[name][have][:, layers].mean(axis=0), values[have][:, layers].mean(axis=0))
            ranks[name] = float("nan") if said is None else said
    means = one.score[:, layers].mean(axis=0).round(9)
    at = int(found["score"][:, layers].mean(axis=0).argmax())
    return Worth(ranks, int(layers[at]), int(layers[means.argmax()]), float(means.max() - means[at]))


def report(title: str, samples: Sequence[Sample], predictions: Callable[[Sample], dict[str, Floats]]) -> None:
    """Print one line per sample, and the means."""
    found = [worth(one, predictions(one)) for one in samples]
    for one, w in zip(samples, found, strict=True):
        ranks = " ".join(f"{name} {value:5.2f}" for name, value in w.spearman.items())
        about = f"{title:28} {one.model:8} {one.data:17} n {len(one.score):2}"
        print(f"{about} pick {w.pick:2} best {w.best:2} behind {w.behind:.3f}  {ranks}")
    names = sorted({name for w in found for name in w.spearman})
    means = " ".join(f"{name} {np.nanmean([w.spearman.get(name, np.nan) for w in found]):.2f}" for name in names)
    behind = np.array([w.behind for w in found])
    near, far = int((behind <= 0.01).sum()), int((behind <= 0.05).sum())
    print(
        f"{title:28} behind {behind.mean():.3f}: {near} within .01, {far} within .05 of {len(behind)}; {means}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", action="append", required=True, help="folder of tables; may be repeated")
    parser.add_argument("--data", help="folder with the public benchmark files")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    bench, samples = open_workbench(), []
    for model, data, rows in tables(options.edits):
        samples.append(sample(bench, model, data, rows, options))
        say(f"{model}, {data}: {len(samples[-1].score)} requests")
    models = list(dict.fromkeys(one.model for one in samples))
    report("the earlier the better", samples, _earlier)
    for title, start, tier in (("edit-aware", RULE, tier_1), ("line check", LINE_RULE, tier_2)):
        report(f"{title}, as it stands", samples, lambda one, s=start, t=tier: _named(t(s, one)))  # type: ignore[misc]
        for model in models if len(models) > 1 else []:
            seen = [one for one in samples if one.model != model]
            rule = fit(start, seen, tier)
            print(rule)
            unseen = [one for one in samples if one.model == model]
            report(f"{title}, not fitted to it", unseen, lambda one, r=rule, t=tier: _named(t(r, one)))  # type: ignore[misc]
        rule = fit(start, samples, tier)
        report(f"{title}, fitted to all", samples, lambda one, r=rule, t=tier: _named(t(r, one)))  # type: ignore[misc]
        print(rule)


def _named(found: Prediction) -> dict[str, Floats]:
    return {**{name: metric(found, name) for name in METRICS}, "score": found.score}


def _earlier(one: Sample) -> dict[str, Floats]:
    early = np.tile(-np.arange(one.lead.shape[1], dtype=np.float64), (len(one.score), 1))
    return dict.fromkeys((*METRICS, "score"), early)


if __name__ == "__main__":
    main()
