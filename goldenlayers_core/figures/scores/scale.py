"""From signed layer scores to colours: three scales, each symmetric about 0 and each saying what it does."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.text import MINUS, number
from goldenlayers_core.results import Floats

Scale = Literal["row", "symlog", "raw"]
SCALES: tuple[Scale, ...] = get_args(Scale)

RAW_QUANTILE = 0.99  # raw colours saturate at this quantile of |value|
SYMLOG_QUANTILE = 0.5  # the symmetric logarithm is near linear below this quantile of the non-zero |value|


@dataclass(frozen=True, slots=True)
class Scaled:
    """Colours of layer scores."""

    colour: Floats
    """(Q, L) what the colour shows, in [-limit, limit] except for cells that saturate."""
    limit: float
    ticks: tuple[float, ...]  # on the colour's axis
    tick_texts: tuple[str, ...]  # in the value's own unit
    title: str  # of the colour bar
    note: str  # one sentence for the subtitle


def scaled(values: Floats, scale: Scale, aside: NDArray[np.bool_]) -> Scaled:
    """Colours for layer scores.

    Parameters
    ----------
    values: (Q, L) layer scores.
    scale: "row" divides each request by its largest |value|; "symlog" shows sign(x) log10(1 + |x| / c), c being the
        median non-zero |value|; "raw" shows the values and saturates at the 99th percentile of |value|.
    aside: (L,) layers outside the fences. "row" and "raw" are measured on the others, because a layer set aside is
        often so large that it would leave the rest without colour; its own cells saturate.

    Raises
    ------
    ConfigError: an unknown scale.
    """
    if scale == "row":
        return _by_row(values, aside)
    if scale == "symlog":
        return _symlog(values)
    if scale == "raw":
        return _raw(values, aside)
    raise ConfigError(f"The scale {scale!r} is unknown; choose one of {', '.join(SCALES)}.")


def _by_row(values: Floats, aside: NDArray[np.bool_]) -> Scaled:
    measured = np.abs(values) if aside.all() else np.abs(values[:, ~aside])
    largest = measured.max(axis=1, keepdims=True)
    colour = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    return Scaled(
        colour=colour,
        limit=1.0,
        ticks=(-1.0, -0.5, 0.0, 0.5, 1.0),
        tick_texts=(f"{MINUS}1", f"{MINUS}½", "0", "½", "1"),
        title="value ÷ the row's largest |value|",
        note="Each row is divided by its largest |value|"
        + (" among the layers not set aside; those set aside may saturate." if aside.any() else "."),
    )


def _symlog(values: Floats) -> Scaled:
    sizes = np.abs(values[values != 0])
    bend = float(np.quantile(sizes, SYMLOG_QUANTILE)) if sizes.size else 1.0
    colour = np.sign(values) * np.log10(1 + np.abs(values) / bend)
    limit = float(np.abs(colour).max()) or 1.0
    marks = sorted({_rounded_down(bend * (10 ** (limit * part) - 1)) for part in (0.5, 1.0)})
    ends = [*(-mark for mark in reversed(marks)), 0.0, *marks]
    return Scaled(
        colour=colour,
        limit=limit,
        ticks=tuple(float(np.sign(end) * np.log10(1 + abs(end) / bend)) for end in ends),
        tick_texts=tuple(number(end, 1) for end in ends),
        title="value, symmetric logarithm",
        note=f"Colour = sign(x) log₁₀(1 + |x| / c), c = {number(bend)} (median |value|).",
    )


def _raw(values: Floats, aside: NDArray[np.bool_]) -> Scaled:
    sizes = np.abs(values)
    limit = float(np.quantile(sizes if aside.all() else sizes[:, ~aside], RAW_QUANTILE)) or float(sizes.max()) or 1.0
    beyond = int((sizes > limit).sum())
    ends = (-limit, 0.0, limit)
    of_kept = " of the layers kept" if aside.any() else ""
    note = (
        f"Colours saturate at ±{number(limit)} (99th percentile of |value|{of_kept}); "
        f"{beyond:,} of {values.size:,} cells lie beyond."
    )
    return Scaled(
        colour=values,
        limit=limit,
        ticks=ends,
        tick_texts=tuple(number(end, 2) for end in ends),
        title="value",
        note=note if beyond else "",
    )


def _rounded_down(value: float) -> float:
    """`value` > 0 with one significant digit, towards 0."""
    unit = 10.0 ** np.floor(np.log10(value))
    return float(np.floor(value / unit + 1e-9) * unit)
