"""From what one straight step does at each layer to the predicted score of an edit: four logistic laws.

With lead as in `evaluation.line_check.Checked` (nats by which the wanted tokens are ahead under the predicted edit; for
locality the unedited model's own), beyond as in `edit_rule`, sigma the logistic function and a rule's coefficients:

    feasible    = sigma(a0 + a1 asinh(lead) - a2 beyond)                 the rewrite is answered with the new target
    spread      = feasible * mean over rephrases of sigma(b0 + b1 asinh(lead))
    kept        = mean over locality probes of sigma(c0 + c1 asinh(lead) + c2 o)
    harm        = 1 - kept
    portability = feasible * mean over portability probes of sigma(d0 + d1 asinh(lead))
    score       = mean of feasible, spread, kept and portability, over the kinds of probe that the request has

asinh: a lead of many nats tells no more than one of a few. o are the log-odds of the edit-aware rule for the same probe
(`edit_rule.kept_odds`), which knows the reach: one straight step does not go wherever a real edit, of several, may go.

Axes: P requests, R probes, L layers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from goldenlayers_core.attribution.edit_rule import Prediction, beyond, kept_odds, logistic, predicted, shares
from goldenlayers_core.attribution.effects import Effects
from goldenlayers_core.results import Floats


@dataclass(frozen=True)
class LineRule:
    """Coefficients of the laws above, and how far the change goes that is tried: overshoot times the need."""

    overshoot: float
    feasible: tuple[float, float, float]  # a0, a1, a2
    spread: tuple[float, float]  # b0, b1
    kept: tuple[float, float, float]  # c0, c1, c2
    portability: tuple[float, float]  # d0, d1


# Fitted on 27 November 2026 to ROME edits (identity covariance) of 22 proxy requests of the bundled, CounterFact and
# zsRE data on two models, SmolLM2-135M and Gemma 3 270M, and rounded to one digit; then frozen, before any test request
# was swept with it (benchmarks/calibrate_edit_aware.py). The overshoot is that of the edit-aware rule, at which the
# leads were read; these edits say 2.8.
LINE_RULE: Final = LineRule(
    overshoot=2.66, feasible=(2.2, 0.8, 0.6), spread=(2.4, 1.0), kept=(-0.6, 0.6, 0.5), portability=(-0.5, 1.1)
)


def predict_line(effects: Effects, lead: Floats, rule: LineRule = LINE_RULE) -> Prediction:
    """The prediction for the requests of `effects`, in their order, from the leads (R, L) of their probes."""
    n = len(effects.indices)
    seen = np.arcsinh(lead)  # (R, L)
    (a0, a1, a2), (b0, b1), (c0, c1, c2), (d0, d1) = rule.feasible, rule.spread, rule.kept, rule.portability
    feasible = logistic(a0 + a1 * seen[:n] - a2 * beyond(effects, rule.overshoot))
    spread = shares(effects, "rephrase", b0 + b1 * seen)
    kept = shares(effects, "locality", c0 + c1 * seen + c2 * kept_odds(effects))
    portability = shares(effects, "portability", d0 + d1 * seen)
    return predicted(feasible, feasible * spread, kept, feasible * portability)
