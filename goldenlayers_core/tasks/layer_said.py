"""What real edits say of a layer that an estimate names, in one sentence with its interval. No torch."""

from collections.abc import Sequence

from goldenlayers_core.attribution.standing import Apart, behind, standing
from goldenlayers_core.figures.text import counted
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
    start = f"The two readings of LGA disagree: {named}."
    found = judging(store, fingerprint, used, data)
    if found is None:
        return f"{start} Which is the better layer to edit, real edits have not said yet: none was measured here."
    told = "; ".join(_told(found[1], f"LGA's layer {layer} ({words})", layer) for words, layer in picks)
    return f"{start} By real edits ({_made_on(*found, used, data)}) {told}."


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
    on = _made_on(edits, table, used, data)
    if layer not in table.layers:
        best = standing(table.score, table.layers).layer
        return f"No real edit was measured at {named}; of the others layer {best} is best ({on})."
    return f"By real edits {_told(table, named, layer)} ({on})."


def _made_on(edits: Edits, table: Measured, used: MethodUsed, data: str) -> str:
    """On what the edits were made, and what is to be kept in mind about it."""
    on = f"{edits.counted}, {edits.used.words}"
    on += "" if edits.used == used else f", not {used.words}"
    on += " (other data)" if data and not same_data(edits.data, data) else ""
    return on + ("; too few to tell" if table.n_requests < FEW else "")


def _told(table: Measured, named: str, layer: int) -> str:
    """How a layer stands to the best one, no stronger than the interval."""
    best = standing(table.score, table.layers)
    if layer != best.layer:
        apart = behind(table.score, table.layers, best.layer, layer)
        return f"{named} was not tried" if apart is None else f"{named} scores {lost(apart)} than layer {best.layer}"
    others = len(set(best.level) - {layer})
    if not others:
        return f"{named} is the best, too"
    return (
        f"{named} comes first, too, and {counted(others, 'other layer')} {'is' if others == 1 else 'are'} level with it"
    )


def lost(apart: Apart) -> str:
    """`0.17 less (95 % interval 0.1 to 0.23)`; that it may be nothing, where the interval includes 0."""
    interval = f"95 % interval {number(apart.low, 2)} to {number(apart.high, 2)}"
    may = ", which may be nothing" if apart.is_level else ""
    return f"{number(apart.mean, 2)} less ({interval}{may})"
