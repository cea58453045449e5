"""From first-order effects to the predicted score of an edit: three logistic laws, calibrated once and then frozen.

An edit moves the value by length = min(eta, CLAMP |v0|), as ROME's clamp allows, and so changes a probe's lead by
moved = slope * length nats. With m the margin (the lead to be overcome, or for locality to be kept), sigma the logistic
function and the coefficients of `Rule`:

    feasible = sigma(a0 - a1 ln(need))                        the rewrite is answered with the new target
    spread   = feasible * mean over rephrases of sigma(b0 + b1 moved - b2 m)
    kept     = mean over locality probes of sigma(c0 + c1 moved + c2 m)    moved < 0 where the new target gains
    harm     = 1 - kept
    portability = feasible * mean over portability probes of sigma(d0 + d1 moved - d2 m)
    score    = mean of feasible, spread, kept and portability, over the kinds of probe that the request has

Axes: P requests, R probes, L layers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from goldenlayers_core.attribution.edit_aware import Effects
from goldenlayers_core.results import Floats

CLAMP: Final = 4.0  # ROME's default: delta stays within this many |v0|
_MOST: Final = 1e6  # need beyond which nothing changes any more


@dataclass(frozen=True, slots=True)
class Rule:
    """Coefficients of the laws above."""

    feasible: tuple[float, float]  # a0, a1 (ln of the need)
    spread: tuple[float, float, float]  # b0, b1 (1/nat, moved), b2 (1/nat, margin)
    kept: tuple[float, float, float]  # c0, c1, c2
    portability: tuple[float, float, float]  # d0, d1, d2


RULE: Final = Rule((3.0, 2.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.3), (-1.0, 1.0, 1.0))


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
    length = np.minimum(effects.eta, CLAMP * effects.size)  # (P, L)
    moved = effects.slope * length[effects.owners]  # (R, L) nats
    margin = effects.margin[:, None]  # (R, 1) nats

    def share(kind: str, law: tuple[float, float, float], sign: float) -> Floats:
        """(P, L) mean over the request's probes of the kind."""
        mine = np.array([k == kind for k in effects.kinds])
        odds = law[0] + law[1] * moved + sign * law[2] * margin
        total = np.zeros_like(length)
        np.add.at(total, effects.owners[mine], _logistic(odds[mine]))
        count = np.bincount(effects.owners[mine], minlength=len(length))[:, None]
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    feasible = _logistic(rule.feasible[0] - rule.feasible[1] * np.log(np.clip(effects.need, 1 / _MOST, _MOST)))
    spread = feasible * share("rephrase", rule.spread, -1)
    kept = share("locality", rule.kept, 1)
    portability = feasible * share("portability", rule.portability, -1)
    kinds = np.stack([feasible, spread, kept, portability])  # (4, P, L)
    return Prediction(np.nanmean(kinds, axis=0), feasible, spread, 1 - kept, portability)


def _logistic(odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return found
