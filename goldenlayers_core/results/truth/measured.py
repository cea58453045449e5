"""Real edits of one method on one model and one data set, by request and layer, wherever they are kept.

Axes: Q requests, L layers measured.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.results.arrays import Floats, check_shape

Covariance = Literal["identity", "covariance", ""]  # "": the method has no such setting

# with which setting a method works unless told otherwise; methods without a row have none
USUAL_COVARIANCE: Final[Mapping[str, Covariance]] = MappingProxyType(
    {
        "rome": "identity",
        "r-rome": "identity",
        "p-rome": "identity",
        "emmet": "covariance",
        "memit": "covariance",
        "pmet": "covariance",
        "alphaedit": "covariance",
    }
)
# of the table that comes with the product (benchmarks.edits); others it may have are not read
COLUMNS: Final = ("model", "fingerprint", "data", "part", "way", "position", "request", "layer", "score")
MEASURED: Final = ("rewrite", "rephrase", "locality", "portability")
_ONE: Final = ("fingerprint", "data", "way")  # rows that are equal here are one `Measured`


@dataclass(frozen=True, slots=True)
class MethodUsed:
    """A method of editing and its covariance setting: edits of another one are no evidence for it."""

    method: str = "rome"
    covariance: Covariance = "identity"

    @property
    def words(self) -> str:
        """`ROME`; the setting where it is not the method's usual one."""
        return f"{self.method.upper()}{self._setting}"

    @property
    def edits(self) -> str:
        """`ROME edits`, likewise."""
        return f"{self.method.upper()} edits{self._setting}"

    @property
    def _setting(self) -> str:
        if self.covariance == USUAL_COVARIANCE.get(self.method, ""):
            return ""
        return f" {'without' if self.covariance == 'identity' else 'with'} a key covariance"


def setting_of(covariance: object) -> Literal["identity", "covariance"]:
    """The setting that a method's option, such as "samples", stands for: which covariance is another matter."""
    return "identity" if covariance == "identity" else "covariance"


def method_used(method: str, settings: Mapping[str, Any] | None = None) -> MethodUsed:
    """A method with its settings (those left out are at their defaults)."""
    usual = USUAL_COVARIANCE.get(method, "")
    given = (settings or {}).get("covariance")
    if not usual or not isinstance(given, str) or not given:
        return MethodUsed(method, usual)
    return MethodUsed(method, setting_of(given))


@dataclass(frozen=True, eq=False)
class Measured:
    """Scores of real edits of one method, on one model and one data set."""

    fingerprint: str
    model: str
    used: MethodUsed
    data: str  # the data set's name, as choices and catalogue know it
    words: str  # the requests, in words
    layers: tuple[int, ...]
    score: Floats
    """(Q, L) mean of rewrite, rephrase, locality and portability over the kinds of probe a request has."""
    metrics: Mapping[str, Floats] = field(default_factory=dict)
    """(Q, L) each: rewrite, rephrase, locality, portability; NaN where a request has no such probe."""
    parts: tuple[str, ...] = ()
    """(Q,) the part of the data set that a request is of; () where it is not known."""
    run_id: str = ""  # "" where it comes with the product
    judgement: str = ""  # version of the rules by which answers were judged

    def __post_init__(self) -> None:
        check_shape("score", self.score, (len(self.score), len(self.layers)))
        for name, values in self.metrics.items():
            check_shape(name, values, self.score.shape)

    @property
    def n_requests(self) -> int:
        """Q."""
        return len(self.score)

    def mean(self, name: str, layer: int) -> float | None:
        """The mean of "score" or a metric at a layer over the requests that have it; None where there is none."""
        values = self.score if name == "score" else self.metrics.get(name)
        if values is None or layer not in self.layers:
            return None
        column = values[:, self.layers.index(layer)]
        column = column[~np.isnan(column)]
        return float(column.mean()) if len(column) else None

    def taking(self, share: float) -> "Measured":
        """The layers at which at least this share of the edits take; all where there is none, or it is not known."""
        rewrite = self.metrics.get("rewrite")
        if rewrite is None or np.isnan(rewrite).all(axis=0).any():
            return self
        kept = np.flatnonzero(np.nanmean(rewrite, axis=0) >= share)
        if not len(kept):
            return self
        return dataclasses.replace(
            self,
            layers=tuple(self.layers[at] for at in kept),
            score=self.score[:, kept],
            metrics={name: values[:, kept] for name, values in self.metrics.items()},
        )

    def of_part(self, part: str) -> Floats:
        """(Q', L) the scores of the requests of one part."""
        found: Floats = self.score[[place for place, name in enumerate(self.parts) if name == part]]
        return found


def way_used(way: str) -> MethodUsed:
    """What a name of the table, such as "ROME, covariance", says."""
    method, _, setting = way.partition(",")
    name = method.strip().lower()
    if not USUAL_COVARIANCE.get(name, ""):
        return MethodUsed(name, "")
    return MethodUsed(name, "covariance" if setting.strip() == "covariance" else "identity")


def measured_from(table: pd.DataFrame) -> tuple[Measured, ...]:
    """What a table of one row per request and layer holds. Raises StoreError for another table."""
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise StoreError(f"A table of real edits lacks the column {missing[0]}; it has {', '.join(table.columns)}.")
    if table["score"].isna().any():
        raise StoreError("A table of real edits has a score that is no number; gather it anew.")
    found = table.groupby(list(_ONE), sort=True, observed=True)
    return tuple(one for _, rows in found if (one := _measured(rows)) is not None)


def _measured(rows: pd.DataFrame) -> Measured | None:
    """The requests that were edited at every layer of these rows; None where there is none."""
    rows = rows.drop_duplicates(["request", "layer"], keep="first").sort_values(["part", "position", "layer"])
    layers = tuple(int(layer) for layer in sorted(rows["layer"].unique()))
    rows = rows[rows.groupby("request", observed=True)["layer"].transform("size") == len(layers)]
    if rows.empty:
        return None
    shape = (-1, len(layers))
    first = rows.iloc[:: len(layers)]
    parts = tuple(map(str, first["part"]))
    named = " and ".join(dict.fromkeys(parts))
    return Measured(
        fingerprint=str(first["fingerprint"].iloc[0]),
        model=str(first["model"].iloc[0]),
        used=way_used(str(first["way"].iloc[0])),
        data=str(first["data"].iloc[0]),
        words=f"{first['data'].iloc[0]} ({named} part{'s' if ' and ' in named else ''})",
        layers=layers,
        score=rows["score"].to_numpy(np.float64).reshape(shape),
        metrics={name: rows[name].to_numpy(np.float64).reshape(shape) for name in MEASURED if name in rows},
        parts=parts,
        judgement=str(first["judgement"].iloc[0]) if "judgement" in first else "",
    )
