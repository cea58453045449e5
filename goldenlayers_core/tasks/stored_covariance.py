"""Key covariances in the store, and the stored sweeps that tell what one buys. No torch."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import StoreError
from goldenlayers_core.results import METRICS, SweepResult
from goldenlayers_core.results.edit.covariance import GAIN_METRICS, CovarianceCard, CovarianceGain
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.serial import restored

_CARDS: Final = "covariances"
_ARRAYS: Final = "covariance"
_FORMAT: Final = "golden-layers-covariance-1"
_IDENTITY: Final = "identity"


def save_card(store: Store, card: CovarianceCard) -> CovarianceCard:
    """Store what is known of an estimate, and return it: one of the same key gives its place, and its layers where
    other processes estimated them with the same shrinkage."""

    def joined(before: Any) -> dict[str, Any]:
        try:
            there = restored(CovarianceCard, before)
        except (TypeError, ValueError):  # nothing, or not understood
            return dataclasses.asdict(card)
        if there.shrinkage != card.shrinkage:
            return dataclasses.asdict(card)
        conditions = dict(zip(there.layers, there.conditions, strict=True))
        conditions |= dict(zip(card.layers, card.conditions, strict=True))
        layers = tuple(sorted(conditions))
        both = dataclasses.replace(card, layers=layers, conditions=tuple(conditions[layer] for layer in layers))
        return dataclasses.asdict(both)

    return restored(CovarianceCard, store.change_json(_CARDS, card.key, joined))


def cards(store: Store, fingerprint: str = "") -> tuple[CovarianceCard, ...]:
    """Every stored estimate (of one model), newest first; damaged ones are set aside."""
    found = []
    for name in store.names(_CARDS):
        try:
            found.append(_card(store, name))
        except StoreError:
            continue
    kept = [card for card in found if not fingerprint or card.fingerprint == fingerprint]
    return tuple(sorted(kept, key=lambda card: card.created, reverse=True))


def _card(store: Store, key: str) -> CovarianceCard:
    return store.read_json(_CARDS, key, partial(restored, CovarianceCard))


def save_layer(store: Store, key: str, layer: int, second: NDArray[Any]) -> None:
    """Store C (d_in, d_in) of a layer: it is symmetric, so its upper triangle is all of it."""
    width = len(second)
    upper = np.ascontiguousarray(second[np.triu_indices(width)], dtype=np.float32)
    store.save_arrays(_ARRAYS, f"{key}-{layer}", {"upper": upper}, {"format": _FORMAT, "width": str(width)})


def open_layer(store: Store, key: str, layer: int) -> NDArray[np.float32]:
    """C (d_in, d_in) of a layer. Raises StoreError."""
    return store.read_arrays(_ARRAYS, f"{key}-{layer}", _square)


def _square(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> NDArray[np.float32]:
    width, upper = int(meta["width"]), arrays["upper"]
    if width < 1 or upper.shape != (width * (width + 1) // 2,):  # before room is made for it
        raise ValueError(f"{upper.shape} numbers came for a width of {width}")
    second = np.zeros((width, width), np.float32)
    second[np.triu_indices(width)] = upper
    return second + np.triu(second, 1).T


def covariance_gains(
    store: Store, fingerprint: str, opened: Callable[[str], SweepResult]
) -> tuple[CovarianceGain, ...]:
    """Every pair of a model's sweeps with and without a covariance, of equal method, settings and requests; newest
    first. `opened` reads a sweep by its run's id."""
    runs = [m for m in store.runs() if m.kind == "sweep" and m.fingerprint == fingerprint]
    plain = [m for m in runs if _covariance(m) == _IDENTITY]
    found = []
    for run in runs:
        other = next((m for m in plain if _covariance(run) != _IDENTITY and _alike(m) == _alike(run)), None)
        if other is not None and (gain := _gain(opened(other.run_id), opened(run.run_id), (other.run_id, run.run_id))):
            found.append(gain)
    return tuple(found)


def _covariance(run: RunManifest) -> str:
    """The covariance a sweep was run with; a method that has no such setting is left out by its name."""
    default = _IDENTITY if run.word("method", "rome").endswith("rome") else ""
    return str(run.part("settings").get("covariance", default))


def _alike(run: RunManifest) -> str:
    """Everything two sweeps must share to be compared."""
    settings: dict[str, Any] = {k: v for k, v in run.part("settings").items() if k != "covariance"}
    return json.dumps([run.word("method", "rome"), settings, run.dataset_digest], sort_keys=True)


def _gain(plain: SweepResult, other: SweepResult, runs: tuple[str, str]) -> CovarianceGain | None:
    layers = tuple(layer for layer in plain.layers if layer in other.layers)
    if not layers:
        return None
    columns = [[m.name for m in METRICS].index(name) for name in GAIN_METRICS]

    def means(sweep: SweepResult) -> Any:
        rows = [sweep.layers.index(layer) for layer in layers]
        return np.nanmean(sweep.values[:, rows][:, :, columns], axis=0)

    return CovarianceGain(
        method=plain.method,
        model=plain.model,
        dataset=plain.dataset,
        names=(_IDENTITY, other.provenance.get("covariance", "estimated")),
        runs=runs,
        n_requests=plain.n_requests,
        layers=layers,
        values=np.stack([means(plain), means(other)]),
        before=np.nanmean(plain.before[:, columns], axis=0),
    )
