"""Key covariances on disk: a card per estimate, and each layer's upper triangle beside it. No torch."""

import dataclasses
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import StoreError
from goldenlayers_core.results.edit.covariance import CovarianceCard
from goldenlayers_core.runtime import Store

CARDS: Final = "covariances"
ARRAYS: Final = "covariance"
FORMAT: Final = "golden-layers-covariance-1"


def save_card(store: Store, card: CovarianceCard) -> None:
    """Store what is known of an estimate; one of the same key is replaced."""
    store.save_json(CARDS, card.key, dataclasses.asdict(card))


def cards(store: Store, fingerprint: str = "") -> tuple[CovarianceCard, ...]:
    """Every stored estimate (of one model), newest first."""
    found = [open_card(store, name) for name in store.names(CARDS)]
    kept = [card for card in found if not fingerprint or card.fingerprint == fingerprint]
    return tuple(sorted(kept, key=lambda card: card.created, reverse=True))


def open_card(store: Store, key: str) -> CovarianceCard:
    """One estimate's card. Raises StoreError."""
    content = store.load_json(CARDS, key)
    try:
        texts = {**content, "layers": tuple(content["layers"]), "conditions": tuple(content["conditions"])}
        return CovarianceCard(**texts)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored key covariance cannot be read ({error}); estimate it again.") from error


def save_layer(store: Store, key: str, layer: int, second: NDArray[Any]) -> None:
    """Store C (d_in, d_in) of a layer: it is symmetric, so its upper triangle is all of it."""
    width = len(second)
    upper = np.ascontiguousarray(second[np.triu_indices(width)], dtype=np.float32)
    store.save_arrays(ARRAYS, f"{key}-{layer}", {"upper": upper}, {"format": FORMAT, "width": str(width)})


def open_layer(store: Store, key: str, layer: int) -> NDArray[np.float32]:
    """C (d_in, d_in) of a layer. Raises StoreError."""
    arrays, meta = store.load_arrays(ARRAYS, f"{key}-{layer}")
    try:
        width = int(meta["width"])
        second = np.zeros((width, width), np.float32)
        second[np.triu_indices(width)] = arrays["upper"]
    except (KeyError, ValueError) as error:
        raise StoreError(f"The stored key covariance {key}-{layer} is damaged ({error}); estimate it again.") from error
    return second + np.triu(second, 1).T
