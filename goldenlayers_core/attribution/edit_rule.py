"""From first-order effects to the predicted score of an edit: four logistic laws, calibrated once and then frozen.

How long the value change of a real edit is lies between |v0| and what the rewrite needs to first order, and ROME clamps
it; so it is taken as

    length = |v0| min(need, CLAMP) ^ power

and what it does to a probe as

    moved  = asinh(slope length)        nats below 1 nat, and growing as a logarithm beyond: effects saturate

With m the margin of `Effects` (the lead to be overcome; for locality the lead to be kept), sigma the logistic function
and the coefficients of `Rule`:

    feasible    = sigma(a0 - a1 ln(need))                               the rewrite is answered with the new target
    spread      = feasible * mean over rephrases of sigma(b0 + b1 moved - b2 m)
    kept        = mean over locality probes of sigma(c0 + c1 moved + c2 m)       moved < 0 where the new target gains
    harm        = 1 - kept
    portability = feasible * mean over portability probes of sigma(d0 + d1 moved - d2 m)
    score       = mean of feasible, spread, kept and portability, over the kinds of probe that the request has

Everything is a ratio of lengths or a number of nats, so that nothing depends on the units of a model's activations.

Axes: P requests, R probes, L layers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from goldenlayers_core.attribution.edit_aware import Effects
from goldenlayers_core.results import Floats

CLAMP: Final = 4.0  # ROME's default: delta stays within this many |v0|
_LEAST: Final = 1e-3
_MOST: Final = 1e6  # need beyond which nothing changes any more


@dataclass(frozen=True, slots=True)
class Rule:
    """Coefficients of the laws above."""

    power: float
    feasible: tuple[float, float]  # a0, a1
    spread: tuple[float, float, float]  # b0, b1, b2 (per nat)
    kept: tuple[float, float, float]  # c0, c1, c2 (per nat)
    portability: tuple[float, float, float]  # d0, d1, d2 (per nat)


RULE: Final = Rule(
    power=0.3,
    feasible=(2.82, 0.27),
    spread=(-1.88, 1.89, 0.21),
    kept=(1.42, 2.24, 0.16),
    portability=(-0.94, 3.18, 1.04),
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
    need = np.clip(effects.need, _LEAST, _MOST)  # (P, L)
    length = effects.size * np.minimum(need, CLAMP) ** rule.power
    moved = np.arcsinh(effects.slope * length[effects.owners])  # (R, L)
    margin = effects.margin[:, None]  # (R, 1) nats

    def share(kind: str, law: tuple[float, float, float], sign: float) -> Floats:
        """(P, L) mean over the request's probes of the kind."""
        mine = np.array([k == kind for k in effects.kinds])
        odds = law[0] + law[1] * moved + sign * law[2] * margin
        total = np.zeros_like(length)
        np.add.at(total, effects.owners[mine], _logistic(odds[mine]))
        count = np.bincount(effects.owners[mine], minlength=len(length))[:, None]
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    feasible = _logistic(rule.feasible[0] - rule.feasible[1] * np.log(need))
    spread = feasible * share("rephrase", rule.spread, -1)
    kept = share("locality", rule.kept, 1)
    portability = feasible * share("portability", rule.portability, -1)
    kinds = np.stack([feasible, spread, kept, portability])  # (4, P, L)
    return Prediction(np.nanmean(kinds, axis=0), feasible, spread, 1 - kept, portability)


def _logistic(odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return found
