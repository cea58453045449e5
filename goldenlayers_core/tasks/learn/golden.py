"""Lesson 5, golden layers: some requests of a sweep choose the layer, others judge it, drawn again and again. No torch.

    golden layer of n proxies = argmax over layers of the mean score of the first n requests of a random order
    regret = mean over the last third of that order of (score at the request's own best layer - score at that layer)

The held-out third is the same for every n of a draw, so that the numbers differ by n alone.

Axes: D draws, Q requests, L layers measured.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.attribution.regret import best_share, golden_of, losses, regret
from goldenlayers_core.errors import RequestError
from goldenlayers_core.figures.text import counted, number, percent
from goldenlayers_core.results import Floats, SweepResult
from goldenlayers_core.results.learn.golden import SETTLED, Draw, ProxyCurve
from goldenlayers_core.results.learn.question import QUARTERS, Question, layer_ranges, quarter_of

N_DRAWS: Final = 400
SEED: Final = 0
LEAST: Final = 3  # requests of a sweep below which nothing can be held out


def held_out(n_requests: int) -> int:
    """How many requests judge: a third, one at least. Raises RequestError for fewer than LEAST requests."""
    if n_requests < LEAST:
        raise RequestError(
            f"The sweep has {n_requests} requests; {LEAST} are needed at least, to choose a layer on some and judge it "
            "on others. Sweep more requests."
        )
    return max(1, n_requests // 3)


def order(n_requests: int, number: int) -> NDArray[np.intp]:
    """(Q,) the random order of draw `number`: proxies are taken from its start, the held-out third is its end."""
    found: NDArray[np.intp] = np.random.default_rng([SEED, number]).permutation(n_requests)
    return found


def draw(sweep: SweepResult, n: int, number: int = 0) -> Draw:
    """The golden layer of n proxy requests, judged on the held-out ones. Raises RequestError for a number of proxies
    that the sweep does not have."""
    scores, rows = sweep.score, order(sweep.n_requests, number)
    apart = held_out(sweep.n_requests)
    if not 1 <= n <= sweep.n_requests - apart:
        raise RequestError(
            f"{n} proxy requests were asked for; this sweep has 1 to {sweep.n_requests - apart}, as {apart} are held "
            "out to judge."
        )
    proxies, judges = rows[:n], rows[-apart:]
    golden = golden_of(scores[proxies], sweep.layers)
    best = golden_of(scores[judges], sweep.layers)
    found = regret(scores[judges], sweep.layers, golden)
    least = regret(scores[judges], sweep.layers, best)
    assert found is not None
    assert least is not None
    return Draw(
        number=number,
        proxies=tuple(int(q) for q in proxies),
        held_out=tuple(int(q) for q in judges),
        golden_layer=golden,
        regret=found.mean,
        low=found.low,
        high=found.high,
        best_layer=best,
        best_regret=least.mean,
        score=found.score,
        oracle=float(scores[judges].max(axis=1).mean()),
    )


def proxy_curve(sweep: SweepResult, n_draws: int = N_DRAWS) -> ProxyCurve:
    """The regret of the golden layer on held-out requests, for every number of proxy requests, over many draws."""
    scores, apart = sweep.score, held_out(sweep.n_requests)
    most, layers = sweep.n_requests - apart, len(sweep.layers)
    rows = np.stack([order(sweep.n_requests, number) for number in range(n_draws)])  # (D, Q)
    numbers = np.arange(1, most + 1)
    means = scores[rows[:, :most]].cumsum(axis=1) / numbers[:, None]  # (D, N, L) of the first n requests
    chosen = means.round(9).argmax(axis=2)  # (D, N)
    lost: Floats = losses(scores)[rows[:, -apart:]].mean(axis=1)  # (D, L) on the held-out requests
    regrets = np.take_along_axis(lost, chosen, axis=1)  # (D, N)
    picks = np.stack([np.bincount(column, minlength=layers) for column in chosen.T])
    return ProxyCurve(
        layers=sweep.layers,
        n_requests=sweep.n_requests,
        n_held_out=apart,
        n_draws=n_draws,
        seed=SEED,
        regret=regrets.mean(axis=0),
        interval=np.quantile(regrets, (0.025, 0.975), axis=0).T,
        picks=picks.astype(np.int64),
        best_regret=float(lost.min(axis=1).mean()),
    )


def questions(sweep: SweepResult, found: ProxyCurve, run_id: str) -> tuple[Question, ...]:
    """For how many requests the one layer is the best there is, and how many proxies it takes to choose it."""
    return _own(sweep, run_id), _enough(found, run_id)


def _own(sweep: SweepResult, run_id: str) -> Question:
    share = float(best_share(sweep.score)[sweep.layers.index(sweep.golden_layer)])
    lost = float(losses(sweep.score)[:, sweep.layers.index(sweep.golden_layer)].mean())
    return Question(
        "own",
        "One layer is the best on average. For what share of the requests is that layer also the best for the request "
        "itself, alone or level with others?",
        QUARTERS,
        (quarter_of(share),),
        f"Layer {sweep.golden_layer} is the best on average; for {round(share * sweep.n_requests)} of "
        f"{counted(sweep.n_requests, 'request')} ({percent(share)}) no layer is better. On average it gives away "
        f"{number(lost, 2)} of the score against choosing each request's own best layer: its regret.",
        run_id,
    )


def _enough(found: ProxyCurve, run_id: str) -> Question:
    ranges = [range(part.start + 1, part.stop + 1) for part in layer_ranges(found.most)]
    options = tuple(str(r[0]) if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in ranges)
    layer, share = found.favourite(found.most)
    return Question(
        "enough",
        f"Some of the {found.n_requests} requests choose a layer, {found.n_held_out} others judge it. How many proxy "
        "requests are enough, so that more of them no longer lower the regret?",
        options,
        (next(i for i, r in enumerate(ranges) if found.settled in r),),
        f"From {counted(found.settled, 'proxy request')} on the mean regret stays within {number(SETTLED)} of what "
        f"{found.most} give: {number(float(found.regret[0]), 2)} with 1, "
        f"{number(float(found.regret[found.settled - 1]), 2)} with {found.settled}, "
        f"{number(float(found.regret[-1]), 2)} with {found.most} (mean of {found.n_draws} draws). The layer: with "
        f"{found.most} proxies {percent(share)} of the draws choose layer {layer}"
        + (", the others other layers." if share < 1 else "."),
        run_id,
    )
