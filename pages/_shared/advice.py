"""What real edits and gradients say of a model's layers, computed once while nothing new is known of it."""

from goldenlayers_core.results.truth.measured import Covariance, MethodUsed
from goldenlayers_core.tasks import Recommendation, layer_said
from goldenlayers_core.tasks.recommendation import by_gradients, recommend
from goldenlayers_core.tasks.shipped_evidence import shipped
from pages._shared import cached


def known_of(fingerprint: str) -> str:
    """What is known of a model's layers, in a few letters that change with it."""
    runs = cached.workbench().store.runs()
    return " ".join([shipped().digest, *(f"{m.run_id} {m.created}" for m in runs if m.fingerprint == fingerprint)])


def recommendation(fingerprint: str, used: MethodUsed, data: str, *, gradients: bool = False) -> Recommendation | None:
    """The recommended layer for a model, a method and a data set; by LGA alone with `gradients`."""
    known = known_of(fingerprint)
    return cached.once(
        _recommended, fingerprint, used.method, used.covariance, data, known, "gradients" if gradients else ""
    )


def _recommended(
    fingerprint: str, method: str, covariance: Covariance, data: str, _known: str, by: str
) -> Recommendation | None:
    make = by_gradients if by else recommend
    return make(cached.workbench().store, fingerprint, MethodUsed(method, covariance), data)


def said_of(fingerprint: str, who: str, layer: int, data: str = "") -> str:
    """What real edits of the model say of a layer that `who` names."""
    return cached.once(_said_of, fingerprint, who, layer, data, known_of(fingerprint))


def _said_of(fingerprint: str, who: str, layer: int, data: str, _known: str) -> str:
    return layer_said.said_of(cached.workbench().store, fingerprint, who, layer, MethodUsed(), data)
