"""What tells the methods that write by least squares apart, and the small system that each of them solves.

With K the keys of N facts at a layer and R what the layer should add at them, every method here is

    W' = W + R (K^T M K + mu I)^-1 (M K)^T

where M is C^-1 (the preserved text pulls back: EMMET, MEMIT, PMET) or P, the projector onto the null space of C
(AlphaEdit), and mu the damping. MEMIT's form R K^T (mu C + K K^T)^-1 is this one, by the push-through identity; so
only N by N systems are solved, and no matrix of the weight's size is ever formed. Keys of earlier edits stand beside
K with nothing to add: they then stay where they are, exactly for mu = 0 and nearly else.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.clean import Site
from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.value_settings import COVARIANCE_HELP, SAMPLES, ValueSettings
from goldenlayers_core.errors import EditError
from goldenlayers_core.records import COVARIANCES

BLOCK: Final[tuple[Site, ...]] = ("block",)
_SAME: Final = 1e-10  # eigenvalues this much smaller than the largest are rounding


@dataclass(frozen=True)
class WindowConfig(ValueSettings):
    """Settings of a method that writes into a window of layers."""

    covariance: str = setting(SAMPLES, "Key covariance", COVARIANCE_HELP, options=COVARIANCES)
    window: int = setting(
        5, "Window", "Layers written to, around the chosen one; at an end of the model it is shifted inside.", 1, 100, 1
    )


@dataclass(frozen=True, eq=False)
class Rule:
    """One method of the family."""

    name: str
    metric: Callable[[Tensor, KeyMoments | None], Tensor]  # keys (N, d_in) -> M k (N, d_in)
    damping: Callable[[float, KeyMoments | None], float]  # mean k M k of the facts -> mu
    spread: Callable[[int], float]  # layers left, this one included -> what the missing residual is divided by
    sites: tuple[Site, ...] = BLOCK  # whose output the value is; what is written is the last of them


def window_of(layer: int, config: WindowConfig, n_layers: int) -> tuple[int, ...]:
    """The window around a layer, ascending: shifted inside at the ends, and never larger than the model."""
    width = min(config.window, n_layers)
    low = min(max(layer - width // 2, 0), n_layers - width)
    return tuple(range(low, low + width))


def inverse_covariance(keys: Tensor, moments: KeyMoments | None) -> Tensor:
    """C^-1 k; with no moments, as if C were the identity."""
    return keys if moments is None else moments.whitened(keys)


def usual_energy(energy: float, moments: KeyMoments | None) -> float:
    """What k C^-1 k is for a usual key: d_in, its mean over the text that C was estimated from. With C the identity
    there is no text, and the facts' own mean stands in."""
    return energy if moments is None else float(len(moments.second))


def earlier_keys(earlier: Sequence[Edit], layer: int) -> Tensor | None:
    """(M, d_in) keys that the stack below has written at a layer; None: it has written none."""
    found = [keys for edit in earlier for at, keys in edit.keys if at == layer]
    return torch.cat(found).double() if found else None


def directions(
    rule: Rule, keys: Tensor, moments: KeyMoments | None, before: Tensor | None, layer: int, alone: bool
) -> Tensor:
    """(N, d_in) float64: row i is the column of M K (K^T M K + mu I)^-1 that multiplies fact i's residual.

    keys (N, d_in); `before` (M, d_in) keys to be left as they are. `alone`: every fact is an edit of its own, and one
    that cannot be solved is a row of NaN. Raises EditError where facts have the same key, or there are more of them
    than directions.
    """
    n, d_in = keys.shape
    before = keys[:0] if before is None else before.to(keys)
    used = (1 if alone else n) + len(before)
    if used > d_in:
        raise EditError(
            f"{used:,} facts, with those of earlier edits, are more than the {d_in:,} directions that layer {layer} "
            "has for keys; write fewer at a time, or on a smaller stack."
        )
    applied, kept = rule.metric(keys, moments), rule.metric(before, moments) if len(before) else before
    if not alone:
        return _solved(rule, keys, applied, before, kept, moments, layer)
    rows = torch.full_like(keys, torch.nan)
    for i in range(n):
        with suppress(EditError):
            rows[i] = _solved(rule, keys[i : i + 1], applied[i : i + 1], before, kept, moments, layer)[0]
    return rows


def _solved(
    rule: Rule,
    keys: Tensor,
    applied: Tensor,
    before: Tensor,
    kept: Tensor,
    moments: KeyMoments | None,
    layer: int,
) -> Tensor:
    both, wide = torch.cat([keys, before]), torch.cat([applied, kept])  # (G, d_in)
    gram = both @ wide.mT
    if not bool(torch.isfinite(gram).all()):
        raise EditError(
            f"The keys of layer {layer} have numbers that are not finite; choose another layer, or the float32 dtype."
        )
    energy = float(gram.diagonal()[: len(keys)].mean())
    mu = rule.damping(energy, moments)
    system = (gram + gram.mT) / 2 + mu * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    spread = torch.linalg.eigvalsh(system)
    if not float(spread[0]) > _SAME * float(spread[-1]):
        raise EditError(
            f"At layer {layer} the keys of {len(both):,} {'facts are' if len(both) > 1 else 'fact is'} not told apart "
            "by what this method may use; leave out facts about the same subject, or choose another layer."
        )
    chosen = torch.linalg.solve(system, torch.eye(len(gram), dtype=gram.dtype, device=gram.device)[:, : len(keys)])
    found: Tensor = chosen.mT @ wide
    return found
