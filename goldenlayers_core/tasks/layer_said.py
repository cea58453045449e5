"""What real edits say of a layer that an estimate names, in one sentence with its interval. No torch."""

from collections.abc import Sequence

from goldenlayers_core.attribution.standing import Apart, behind, standing
from goldenlayers_core.results.formats import number
from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.results.truth.measured import Measured, MethodUsed
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.real_edits import Edits, deciding, opened, real_edits, same_data


def said_of(store: Store, fingerprint: str, who: str, layer: int, used: MethodUsed, data: str = "") -> str:
    """What real edits of the model say of `layer`, which `who` names; that none has judged it, where none has."""
    found = judging(store, fingerprint, used, data)
    named = f"{who}'s layer {layer}"
    return not_judged(named) if found is None else judged(found[0], found[1], named, layer, used, data)


def readings_said(
    store: Store, fingerprint: str, picks: Sequence[tuple[str, int]], used: MethodUsed, data: str = ""
) -> str:
    """Both readings of LGA: (words, layer) of each, whether they agree, and what real edits say of each pick."""
    layers = list(dict.fromkeys(layer for _, layer in picks))
    if len(picks) < 2 or len(layers) < 2:
        return "\n".join(said_of(store, fingerprint, "LGA", layer, used, data) for layer in layers)
    named = " and ".join(f"layer {layer} ({words})" for words, layer in picks)
    parts = [f"The two readings of LGA disagree: {named}."]
    found = judging(store, fingerprint, used, data)
    if found is None:
        return f"{parts[0]} Which is the better layer to edit, real edits have not said yet: none was measured here."
    parts += [judged(*found, f"LGA's layer {layer} ({words})", layer, used, data) for words, layer in picks]
    return " ".join(parts)


def not_judged(named: str) -> str:
    """No edit has judged it."""
    return f"How good {named} is to edit nobody knows yet: no real edit of this model has judged it."


def judging(store: Store, fingerprint: str, used: MethodUsed, data: str = "") -> tuple[Edits, Measured] | None:
    """The real edits that judge an estimate: of the method, else of any other, with its table."""
    edits = tuple(one for one in real_edits(store, fingerprint) if one.kind != "search")
    for method in dict.fromkeys((used, MethodUsed(), *(one.used for one in edits))):
        best = deciding(edits, method, data)
        table = opened(store, best) if best is not None else None
        if best is not None and table is not None:
            return best, table
    return None


def judged(edits: Edits, table: Measured, named: str, layer: int, used: MethodUsed, data: str = "") -> str:
    """One sentence on a layer, `named` by who chose it, by the edits that judge it."""
    best = standing(table.score, table.layers)
    on = f"{edits.counted}, {edits.used.words}"
    on += "" if edits.used == used else f", not {used.words}"
    on += " (other data)" if data and not same_data(edits.data, data) else ""
    few = "; too few to tell" if table.n_requests < FEW else ""
    if layer == best.layer:
        return f"By real edits {named} is the best, too ({on}{few})."
    apart = behind(table.score, table.layers, best.layer, layer)
    if apart is None:
        return f"No real edit was measured at {named}; of the others layer {best.layer} is best ({on})."
    return f"By real edits {named} scores {lost(apart)} than layer {best.layer} ({on}{few})."


def lost(apart: Apart) -> str:
    """`0.17 less (95 % interval 0.1 to 0.23)`; that it may be nothing, where the interval includes 0."""
    interval = f"95 % interval {number(apart.low, 2)} to {number(apart.high, 2)}"
    may = ", which may be nothing" if apart.is_level else ""
    return f"{number(apart.mean, 2)} less ({interval}{may})"
