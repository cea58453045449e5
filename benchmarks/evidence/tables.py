"""The tables that were measured, as matrices: real edits (benchmarks.edits) and estimates (benchmarks.estimators).

Axes: Q requests, L layers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COVARIANCE = ", covariance"  # how a way of editing ends that divides by the keys' covariance, and an estimate for it
EDIT_AWARE, LINE_CHECK, DAMAGE = "edit-aware analysis", "line check", "damage to general text"
OF_THE_WAY = (EDIT_AWARE, LINE_CHECK, DAMAGE)  # estimates that are another's with a covariance
SEQUENCE, ANSWER, TRACE = "LGA, sequence", "LGA, answer", "causal trace"
FROM_GRADIENTS = (SEQUENCE, ANSWER, "gradient norm", "LGA reversed, answer")
SHOWN = (*FROM_GRADIENTS, *OF_THE_WAY, TRACE)  # how estimates stand; what is not named comes after
ALL = "all data sets together"  # the name of as many requests of each data set of a model, put together
FEWEST = 6  # proxy requests; a sweep of fewer is one that is still being measured, and chooses nothing
PROBES = ("rewrite", "rephrase", "locality", "portability")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was measured: a model, a data set, and a way of editing."""

    model: str
    data: str
    way: str


@dataclass(frozen=True)
class Sweep:
    """Real edits of Q requests at L layers."""

    requests: tuple[str, ...]
    layers: tuple[int, ...]
    values: dict[str, Floats]  # "score" and each metric: (Q, L); NaN where a request has no such probe
    seconds_per_edit: float

    @property
    def score(self) -> Floats:
        """(Q, L)"""
        return self.values["score"]

    def first(self, n: int) -> "Sweep":
        """The first n requests."""
        values = {name: numbers[:n] for name, numbers in self.values.items()}
        return Sweep(self.requests[:n], self.layers, values, self.seconds_per_edit)


class Edits:
    """Every real edit of the table."""

    def __init__(self, file: Path) -> None:
        self.frame = pd.read_parquet(file)
        columns = ["model", "data", "way", "part"]
        self._groups = dict(iter(self.frame.groupby(columns, sort=False, observed=True)))
        self.fingerprints = dict(self.frame.drop_duplicates("model")[["model", "fingerprint"]].to_numpy().tolist())

    def places(self) -> tuple[Place, ...]:
        """Where anything was measured, in the order of the table."""
        return tuple(dict.fromkeys(Place(*key[:3]) for key in self._groups))

    def together(self) -> tuple[Place, ...]:
        """The data sets of a model put together, for each way of editing that was measured on several."""
        named = [(place.model, place.way) for place in self.places()]
        return tuple(Place(model, ALL, way) for model, way in dict.fromkeys(named) if named.count((model, way)) > 1)

    def _pooled(self, place: Place, part: str) -> Sweep | None:
        """As many requests of each data set; None unless all were measured on the part."""
        each = [self.sweep(one, part) for one in self.places() if (one.model, one.way) == (place.model, place.way)]
        found = [one for one in each if one is not None]
        if len(found) < len(each):
            return None
        least = min(len(one.requests) for one in found)
        first = [one.first(least) for one in found]
        return Sweep(
            tuple(request for one in first for request in one.requests),
            first[0].layers,
            {name: np.concatenate([one.values[name] for one in first]) for name in first[0].values},
            float(np.mean([one.seconds_per_edit for one in first])),
        )

    def sweep(self, place: Place, part: str) -> Sweep | None:
        """The requests of a part that were edited at every layer; None where there is none."""
        if place.data == ALL:
            return self._pooled(place, part)
        rows = self._groups.get((place.model, place.data, place.way, part))
        if rows is None:
            return None
        rows = rows.sort_values(["position", "layer"])
        layers = tuple(sorted(rows["layer"].unique().tolist()))
        requests = tuple(rows["request"].drop_duplicates())
        if len(rows) != len(requests) * len(layers):
            raise ValueError(f"{place} ({part}): {len(rows)} rows for {len(requests)} requests at {len(layers)} layers")
        names = ("score", *PROBES, "locality_kl", "value_change", "loss")
        shape = (len(requests), len(layers))
        values = {name: rows[name].to_numpy(np.float64).reshape(shape) for name in names}
        return Sweep(requests, layers, values, float(rows["seconds_per_edit"].mean()))

    def chosen_on(self, place: Place) -> Sweep | None:
        """The proxy part, once it has enough requests to choose a layer on; None before."""
        found = self.sweep(place, "proxy")
        return found if found is not None and len(found.requests) >= FEWEST else None


@dataclass(frozen=True)
class Estimate:
    """One estimate's values on the requests of a part."""

    name: str
    requests: tuple[str, ...]
    values: Floats  # (Q, L)
    seconds: float  # of all the requests


class Estimates:
    """Every estimate of the table; none where the file is missing."""

    def __init__(self, file: Path) -> None:
        self._groups = {}
        if file.is_file():
            frame = pd.read_parquet(file)
            columns = ["model", "data", "part", "estimate"]
            groups = frame.groupby(columns, sort=False, observed=True)
            self._groups = dict(sorted(groups, key=lambda group: _rank(str(group[0][3]))))

    def of(self, place: Place, part: str) -> Iterator[Estimate]:
        """The estimates for a model, a data set and a way of editing; those for edits with a covariance by their name
        alone."""
        if place.data == ALL:
            yield from self._pooled(place, part)
        for (model, data, some, name), rows in self._groups.items():
            if (model, data, some) == (place.model, place.data, part) and (own := _for(str(name), place.way)):
                grid = rows.pivot_table(index="request", columns="layer", values="value", sort=False)
                grid = grid[sorted(grid.columns)]
                seconds = float(rows.drop_duplicates("request")["seconds"].sum(min_count=1))
                yield Estimate(own, tuple(map(str, grid.index)), grid.to_numpy(np.float64), seconds)

    def _pooled(self, place: Place, part: str) -> Iterator[Estimate]:
        """As many requests of each data set that has the estimate, where most have it."""
        names = dict.fromkeys(data for model, data, some, _ in self._groups if (model, some) == (place.model, part))
        each: dict[str, list[Estimate]] = {}
        for data in names:
            for one in self.of(Place(place.model, str(data), place.way), part):
                each.setdefault(one.name, []).append(one)
        for name, found in each.items():
            if 2 * len(found) > len(names):
                least = min(len(one.requests) for one in found)
                yield Estimate(
                    name,
                    tuple(request for one in found for request in one.requests[:least]),
                    np.concatenate([one.values[:least] for one in found]),
                    float(sum(one.seconds * least / len(one.requests) for one in found)),
                )


def _rank(name: str) -> int:
    """Where an estimate stands in the tables, whatever the order of the file."""
    bare = name.removesuffix(COVARIANCE)
    return SHOWN.index(bare) if bare in SHOWN else len(SHOWN)


def _for(name: str, way: str) -> str:
    """An estimate's name where it is of a way of editing; "" where it is of another."""
    bare = name.removesuffix(COVARIANCE)
    if bare != name:
        return bare if way.endswith(COVARIANCE) else ""
    return "" if way.endswith(COVARIANCE) and name.split(":")[0] in OF_THE_WAY else name
