"""What each way to choose a layer is worth, by real edits of other requests.

Axes: Q requests, L layers, R resamples. Every interval is a 95 % percentile bootstrap over requests.
"""

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from benchmarks.evidence.tables import PROBES, Estimate, Estimates, Floats, Place, Sweep
from goldenlayers_core.attribution.regret import golden_of, losses
from goldenlayers_core.attribution.selection import select
from goldenlayers_core.attribution.standing import standing
from goldenlayers_core.models.architectures import ARCHITECTURES
from goldenlayers_core.results import spearman
from goldenlayers_core.results.bootstrap import interval, resampled_means

RESAMPLES = 2000
FAMILIES = {"bundled": "llama", "gemma": "gemma3_text"}  # model types, for the literature's layer
SWEEP = "sweep of the proxy"
EARLIER = "the earlier the better"
BY_SUM = ("LGA",)  # estimates whose names begin so are summed inside Tukey fences, as the paper says; others averaged


@dataclass(frozen=True)
class Choice:
    """One way to choose a layer, and what it chose from the proxy part."""

    way: str
    layer: int
    means: Floats | None = None  # (L,) its estimate of each layer; None where it has none
    stability: float | None = None  # share of resamples of the proxy requests that choose the same layer
    seconds: float | None = None
    predictions: dict[str, Floats] = field(default_factory=dict)  # of single metrics: (L,), where it makes them


@dataclass(frozen=True)
class Judged:
    """A choice, judged on the test part."""

    choice: Choice
    score: float
    metrics: dict[str, float]
    regret: tuple[float, float, float]  # against each request's own best layer: mean, low, high
    behind: tuple[float, float, float]  # against the best fixed layer of the test part: mean, low, high
    spearman: dict[str, float]  # with the layer means of the score and of each metric

    @property
    def level(self) -> bool:
        """Whether it cannot be told apart from the best fixed layer."""
        return self.behind[1] <= 0


def estimated(one: Estimate) -> Choice:
    """What an estimate chooses."""
    if one.name.startswith(BY_SUM):
        found = select(one.values)
        return Choice(one.name, found.golden_layer, one.values.mean(axis=0), float(found.pick_share.max()), one.seconds)
    found = select(one.values, by="mean")
    share = float(found.pick_share[found.golden_layer])
    return Choice(one.name, found.golden_layer, one.values.mean(axis=0), share, one.seconds)


def choices(place: Place, proxy: Sweep, estimates: Estimates) -> list[Choice]:
    """Every way's layer from the proxy part."""
    n_layers = len(proxy.layers)
    means = proxy.score.mean(axis=0)
    drawn = resampled_means(proxy.score, RESAMPLES, 0).argmax(axis=1)
    best = int(means.round(9).argmax())
    seconds = proxy.seconds_per_edit * proxy.score.size
    made = [Choice(SWEEP, proxy.layers[best], means, float((drawn == best).mean()), seconds)]
    found = list(estimates.of(place, "proxy"))
    predictions = {one.name: one.values.mean(axis=0) for one in found if ": " in one.name}
    for one in found:
        if one.name not in predictions and set(proxy.requests) & set(one.requests):
            own = {
                metric: predictions[f"{one.name}: {metric}"]
                for metric in PROBES
                if f"{one.name}: {metric}" in predictions
            }
            made.append(dataclasses.replace(estimated(one), predictions=own))
    made.append(Choice(EARLIER, 0, -np.arange(n_layers, dtype=np.float64)))
    row = next((row for row in ARCHITECTURES if row.model_type == FAMILIES.get(place.model)), None)
    if row is not None and row.literature_layer is not None and row.literature_layer < n_layers:
        made.append(Choice("literature (ROME)", row.literature_layer))
    made.append(Choice("middle", n_layers // 2))
    return made


def judged(test: Sweep, choice: Choice) -> Judged:
    """A choice on the test part."""
    column = test.layers.index(choice.layer)
    score = test.score
    best = test.layers.index(golden_of(score, test.layers))
    against = {"score": score, **{name: test.values[name] for name in PROBES}}
    found: dict[str, float] = {}
    for name, values in against.items():
        means = choice.predictions.get(name, choice.means)
        if means is not None and not np.isnan(values).all():
            rank = spearman(means, np.nanmean(values, axis=0))
            found |= {} if rank is None else {name: rank}
    return Judged(
        choice,
        float(score[:, column].mean()),
        {name: _mean(test.values[name][:, column]) for name in PROBES},
        _with_interval(losses(score)[:, column]),
        _with_interval(score[:, best] - score[:, column]),
        found,
    )


def level_layers(sweep: Sweep) -> tuple[int, ...]:
    """The layers that cannot be told apart from the best fixed layer; the best among them."""
    return standing(sweep.score, sweep.layers, RESAMPLES).level


def chance_by_requests(score: Floats, margin: float, sizes: tuple[int, ...], draws: int = 1000) -> list[float | None]:
    """For each size n: how often the best layer of n requests is within `margin` of the best layer of all Q.

    The n requests are drawn with replacement, the Q requests standing for all that will be edited; None for n above Q.
    """
    rng, means = np.random.default_rng(0), score.mean(axis=0)
    near = means >= means.max() - margin - 1e-9
    found: list[float | None] = []
    for n in sizes:
        counts = rng.multinomial(n, np.full(len(score), 1 / len(score)), size=draws)
        found.append(float(near[(counts @ score / n).round(9).argmax(axis=1)].mean()) if n <= len(score) else None)
    return found


def ceiling(score: Floats, splits: int = 400) -> float | None:
    """The Spearman correlation with these layer means that the true ones would be expected to have, which no estimate
    can be expected to pass: the root of their reliability, by Spearman and Brown from random halves of the requests.
    None below 4 requests, or where the halves do not agree at all.
    """
    n, rng = len(score), np.random.default_rng(0)
    if n < 4:
        return None
    halves = []
    for _ in range(splits):
        order = rng.permutation(n)
        found = spearman(score[order[: n // 2]].mean(axis=0), score[order[n // 2 :]].mean(axis=0))
        halves.append(0.0 if found is None else found)
    half = float(np.mean(halves))
    return float(np.sqrt(2 * half / (1 + half))) if half > 0 else None


def _with_interval(values: Floats) -> tuple[float, float, float]:
    low, high = interval(resampled_means(values, RESAMPLES, 0))
    return float(values.mean()), float(low), float(high)


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
