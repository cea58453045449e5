"""One fact at every layer, in the store: one document per fact, method and settings, layer by layer. No torch."""

from collections.abc import Mapping
from typing import Any, Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import EditRequest, digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.fact_layers import FactLayers
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.serial import restored
from goldenlayers_core.texts import JUDGEMENT

TABLE: Final = "fact-layers"
LAYERS_VERSION: Final = "fact-layers-1"


def layers_name(fingerprint: str, dtype: str, request: EditRequest, method: str, settings: Mapping[str, Any]) -> str:
    """Under what the store keeps a fact's layers."""
    return digest_of([fingerprint, dtype, request.digest, method, dict(settings), JUDGEMENT, LAYERS_VERSION])


def open_layers(store: Store, name: str, n_layers: int) -> FactLayers:
    """What is stored of a fact's layers, all of which are wanted. Raises StoreError where there is nothing, or it
    cannot be read."""

    def made(content: Mapping[str, Any]) -> FactLayers:
        rows = {int(layer): row for layer, row in content["rows"].items()}
        found = {layer: restored(EditReport, row) for layer, row in sorted(rows.items()) if not isinstance(row, str)}
        return FactLayers(
            model=restored(str, content["model"]),
            method=restored(str, content["method"]),
            n_layers=n_layers,
            wanted=tuple(range(n_layers)),
            reports=tuple(found.values()),
            failed=tuple((layer, row) for layer, row in sorted(rows.items()) if isinstance(row, str)),
        )

    return store.read_json(TABLE, name, made)


def known_layers(store: Store, name: str, n_layers: int) -> FactLayers | None:
    """The same; None where there is nothing yet."""
    try:
        return open_layers(store, name, n_layers)
    except StoreError:
        return None
