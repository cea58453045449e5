"""What a sweep will cost, before it starts: from sweeps in the store, else from a stated figure. No torch."""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.runtime import Store

STATED: Final = 0.7  # seconds per edit with its measurement: bundled model, ROME, two cores (benchmarks/README.md)


@dataclass(frozen=True, slots=True)
class Price:
    """Seconds per edit, measurement included, and where the number is from."""

    seconds_per_edit: float
    source: str  # one phrase
    measured: bool  # on this machine, with this model and method


def price(store: Store, fingerprint: str, method: str, source: str = "", writing: bool = False) -> Price:
    """Seconds per edit of the newest sweep of these weights with this method; else the stated figure.

    A sweep that measures how the model still writes is compared with its like, else taken to cost twice. A model that
    is not in memory has no fingerprint yet (""): then sweeps of the same `source` count.
    """
    for run in store.runs():
        same = run.fingerprint == fingerprint if fingerprint else run.part("model").get("source") == source
        like = bool(run.settings.get("writing")) == writing
        if run.kind == "sweep" and same and like and run.word("method") == method:
            seconds = _number(dict(run.summary).get("seconds per edit", ""))
            if seconds:
                return Price(seconds, f"measured here on {run.n_requests:,} requests", True)
    if writing:
        plain = price(store, fingerprint, method, source)
        return Price(2 * plain.seconds_per_edit, f"twice a plain sweep's, {plain.source}", False)
    return Price(STATED, "as measured for the bundled model on two cores", False)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value > 0 else None
