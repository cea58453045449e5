"""From first-order effects to the predicted score of an edit: four logistic laws, calibrated once and then frozen.

A real edit moves the value a few times as far as the rewrite needs to first order, because effects saturate, and ROME's
clamp ends it; so the length of the value change is taken as

    length = |v0| min(overshoot need, CLAMP)

and what it does to a probe as

    moved = asinh(slope length)        nats below 1 nat, and growing as a logarithm beyond: effects saturate
    shaken = ln(1 + bound length)      the reach, likewise: what moves in directions that `moved` does not see

With m the margin of `Effects` (the lead to be overcome; for locality the lead to be kept), sigma the logistic function
and the coefficients of `Rule`:

    beyond      = ln max(overshoot need / CLAMP, 1)                     how far past the clamp the edit would have to go
    feasible    = sigma(a0 - a1 beyond)                                 the rewrite is answered with the new target
    spread      = feasible * mean over rephrases of sigma(b0 + b1 moved - b2 m)
    kept        = mean over locality probes of sigma(c0 + c1 moved + c2 m - c3 shaken)
                                                                        moved < 0 where the new target gains
    harm        = 1 - kept
    portability = feasible * mean over portability probes of sigma(d0 + d1 moved - d2 m)
    score       = mean of feasible, spread, kept and portability, over the kinds of probe that the request has

Everything is a ratio of lengths or a number of nats, so that nothing depends on the units of a model's activations.

Axes: P requests, R probes, L layers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from goldenlayers_core.attribution.effects import Effects
from goldenlayers_core.results import Floats

CLAMP: Final = 4.0  # ROME's default: delta stays within this many |v0|
LEAST: Final = 1e-3
MOST: Final = 1e6  # need beyond which nothing changes any more


@dataclass(frozen=True, slots=True)
class Rule:
    """Coefficients of the laws above."""

    overshoot: float
    feasible: tuple[float, float]  # a0, a1
    spread: tuple[float, float, float]  # b0, b1, b2 (per nat)
    kept: tuple[float, float, float, float]  # c0, c1, c2 (per nat), c3
    portability: tuple[float, float, float]  # d0, d1, d2 (per nat)


# Fitted on 22 November 2026 to ROME edits (default settings) of 32 requests of the bundled proxy split whose answers
# the bundled model knows, at its 30 layers; then frozen, before any test request or other dataset was looked at
# (benchmarks/calibrate_edit_aware.py). The overshoot is measured: the median of |delta| / eta where the clamp does not
# bind, 2.4 to 3.0 at every one of the layers 0 to 22.
# On 27 November 2026 ln need became `beyond` (a0 2.82 became 2.5, its value where the clamp begins): needs below the
# clamp had ranked layer 0 first, which real edits of proxy requests of two models do not.
RULE: Final = Rule(
    overshoot=2.66,
    feasible=(2.5, 0.8),
    spread=(-1.9, 0.76, -0.02),
    kept=(3.65, 1.76, 0.16, 0.52),
    portability=(-1.57, 1.38, 0.55),
)


@dataclass(frozen=True)
class Prediction:
    """What real edits of P requests at L layers would score, in [0, 1]. NaN: the request has no such probe."""

    score: Floats
    """(P, L) mean over the kinds of probe that the request has."""
    feasible: Floats
    """(P, L) the rewrite is answered with the new target."""
    spread: Floats
    """(P, L) share of rephrases answered with the new target."""
    harm: Floats
    """(P, L) share of locality probes whose answer changes."""
    portability: Floats
    """(P, L) share of portability probes answered accordingly."""


def predict(effects: Effects, rule: Rule = RULE) -> Prediction:
    """The prediction for the requests of `effects`, in their order."""
    moved = np.arcsinh(effects.slope * _reached(effects, rule.overshoot))  # (R, L)
    margin = effects.margin[:, None]  # (R, 1) nats

    feasible = logistic(rule.feasible[0] - rule.feasible[1] * beyond(effects, rule.overshoot))
    (b0, b1, b2), (d0, d1, d2) = rule.spread, rule.portability
    spread = feasible * shares(effects, "rephrase", b0 + b1 * moved - b2 * margin)
    kept = shares(effects, "locality", kept_odds(effects, rule))
    portability = feasible * shares(effects, "portability", d0 + d1 * moved - d2 * margin)
    return predicted(feasible, spread, kept, portability)


def beyond(effects: Effects, overshoot: float) -> Floats:
    """(P, L) ln max(overshoot need / CLAMP, 1): a need that the clamp allows is as good as none."""
    found: Floats = np.log(np.maximum(overshoot * np.clip(effects.need, LEAST, MOST) / CLAMP, 1.0))
    return found


def kept_odds(effects: Effects, rule: Rule = RULE) -> Floats:
    """(R, L) log-odds that a locality probe keeps its answer; of no meaning for other probes."""
    (c0, c1, c2, c3), length = rule.kept, _reached(effects, rule.overshoot)
    moved, shaken = np.arcsinh(effects.slope * length), np.log1p(effects.bound * length)
    found: Floats = c0 + c1 * moved + c2 * effects.margin[:, None] - c3 * shaken
    return found


def _reached(effects: Effects, overshoot: float) -> Floats:
    """(R, L) length of the value change that a real edit is expected to make, in units of the MLP output."""
    length = effects.size * np.minimum(overshoot * np.clip(effects.need, LEAST, MOST), CLAMP)
    found: Floats = length[effects.owners]
    return found


def predicted(feasible: Floats, spread: Floats, kept: Floats, portability: Floats) -> Prediction:
    """The score is the mean over the kinds of probe that a request has; all (P, L)."""
    return Prediction(
        np.nanmean(np.stack([feasible, spread, kept, portability]), axis=0), feasible, spread, 1 - kept, portability
    )


def shares(effects: Effects, kind: str, odds: Floats) -> Floats:
    """(P, L) mean, over the request's probes of the kind, of the chance that log-odds (R, L) say; NaN without one."""
    mine = np.array([k == kind for k in effects.kinds])
    total = np.zeros(effects.eta.shape)
    np.add.at(total, effects.owners[mine], logistic(odds[mine]))
    count = np.bincount(effects.owners[mine], minlength=len(total))[:, None]
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def logistic(odds: Floats) -> Floats:
    """1 / (1 + e^-odds)."""
    found: Floats = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return found
