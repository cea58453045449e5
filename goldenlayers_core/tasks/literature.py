"""The layer that published configurations edit in a model's family. No torch."""

from goldenlayers_core.models.architectures import ARCHITECTURES
from goldenlayers_core.results.truth.literature import Published, published_as, published_for


def published_layer(model_type: str, n_layers: int, method: str) -> tuple[int | None, str]:
    """(layer, its source) for a family and a method; of a window its middle. (None, why) where none is published."""
    row = next((row for row in ARCHITECTURES if row.model_type == model_type), None)
    if row is None:
        return None, "the model's family is not known"
    name = published_as(method)
    one = next((one for one in published_for(row.model_type) if one.method == name), None)
    layer, source = (None, "") if one is None else (one.middle, _published(one, n_layers))
    if name == "ROME" and row.literature_layer is not None:
        layer, source = row.literature_layer, row.literature_source
    if layer is None:
        of = "" if name == "ROME" else f" and {name}"
        return None, f"none published for {row.title}{of}"
    if layer >= n_layers:
        return None, f"{source} says layer {layer}; this model has {n_layers}"
    return layer, source


def _published(one: Published, n_layers: int) -> str:
    window = f", {one.words}, whose middle it is" if len(one.layers) > 1 else ""
    deep = one.at_same_depth(n_layers)
    scaled = f"; as deep in this model lies layer {deep}" if n_layers != one.n_layers and deep is not None else ""
    return f"{one.source} of {one.method} for {one.model}, {one.n_layers} layers{window}{scaled}"
