"""Which real edits there are of a model: sweeps and searches in the store, and the product's own table. No torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.results.truth.measured import MEASURED, Measured, MethodUsed, method_used
from goldenlayers_core.runtime import RunManifest, Store, StoredRun
from goldenlayers_core.tasks.shipped_evidence import shipped

# what the catalogue calls a data set that the product's own table calls otherwise
_ALSO: Final[Mapping[str, str]] = MappingProxyType(
    {"knowedit-wiki-counterfact": "wiki_counterfact", "knowedit-wiki-recent": "wiki_recent"}
)
DAMAGED: Final = (ArithmeticError, LookupError, TypeError, ValueError)  # what a run makes of its reader


@dataclass(frozen=True, eq=False)
class Edits:
    """Real edits of one method on one data set, by what lists know of them."""

    kind: Literal["sweep", "search", "measured"]
    used: MethodUsed
    data: str
    words: str  # the requests, in words
    n_requests: int
    created: str = ""  # "" for what comes with the product
    run: RunManifest | None = None
    table: Measured | None = None

    @property
    def counted(self) -> str:
        """`12 requests of bundled (proxy split)`."""
        return f"{self.n_requests} {'request' if self.n_requests == 1 else 'requests'} of {self.words}"


def golden_layer(manifest: RunManifest) -> int | None:
    """The golden layer a run found."""
    found = dict(manifest.summary).get("golden layer", "")
    return int(found) if found.isdecimal() and len(found) < 6 else None


def same_data(one: str, other: str) -> bool:
    """Whether two names are of the same data set."""
    return bool(one) and _ALSO.get(one, one) == _ALSO.get(other, other)


def real_edits(store: Store, fingerprint: str) -> tuple[Edits, ...]:
    """Everything on these weights that chose a layer; a sweep of a single one has not."""
    found = [
        Edits("sweep" if m.kind == "sweep" else "search", used_in(m), data_of(m), m.dataset, m.n_requests, m.created, m)
        for m in store.runs()
        if m.fingerprint == fingerprint
        and m.kind in ("sweep", "search")
        and golden_layer(m) is not None
        and dict(m.summary).get("layers") != "1"
    ]
    ours = [Edits("measured", m.used, m.data, m.words, m.n_requests, table=m) for m in shipped().on(fingerprint)]
    return (*found, *ours)


def used_in(run: RunManifest) -> MethodUsed:
    """The method of editing of a run, with its covariance setting."""
    return method_used(run.word("method", "rome"), run.part("settings"))


def data_of(run: RunManifest) -> str:
    """The data set of a run, as its choice names it."""
    name = run.part("choice").get("dataset", "")
    return name if isinstance(name, str) else ""


def deciding(edits: tuple[Edits, ...], used: MethodUsed, data: str = "") -> Edits | None:
    """What decides for a method: enough requests before few, the same data before other, a sweep before a search, then
    more requests, then the newest. None where nothing of this method was measured."""
    mine = [one for one in edits if one.used == used]
    return max(mine, key=lambda e: _rank(e, data), default=None)


def _rank(one: Edits, data: str) -> tuple[Any, ...]:
    return one.n_requests >= FEW, same_data(one.data, data), one.kind != "search", one.n_requests, one.created


def opened(store: Store, one: Edits) -> Measured | None:
    """Request by request; None for a search, and where a run's table cannot be read."""
    if one.run is None or one.kind == "search":
        return one.table
    try:
        return _measured(store.load_run(one.run.run_id), one)
    except (GoldenLayersError, *DAMAGED):
        return None


def _measured(run: StoredRun, one: Edits) -> Measured | None:
    frame = run.frames["sweep"]
    layers = tuple(int(layer) for layer in json.loads(run.texts["rest"])["layers"])
    shape = (-1, len(layers))
    score = frame["score"].to_numpy(np.float64).reshape(shape)
    if not score.size or not np.isfinite(score).all():
        return None
    return Measured(
        fingerprint=run.manifest.fingerprint,
        model=run.manifest.model,
        used=one.used,
        data=one.data,
        words=one.words,
        layers=layers,
        score=score,
        metrics={name: frame[name].to_numpy(np.float64).reshape(shape) for name in MEASURED if name in frame},
        run_id=run.manifest.run_id,
        judgement=dict(run.manifest.provenance).get("judgement", ""),
    )
