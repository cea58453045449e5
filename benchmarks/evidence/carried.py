"""How far golden layers carry: to other data, to other ways of editing; and how many requests they take."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from benchmarks.evidence.judged import Choice, chance_by_requests, judged
from benchmarks.evidence.tables import Edits, Place, Sweep
from benchmarks.evidence.words import FEW, TITLES, interval, number

SIZES = (1, 2, 4, 8, 12, 16, 24, 32)  # requests
MARGINS = (0.01, 0.05)


def across_data(edits: Edits) -> Iterator[str]:
    """A golden layer found on one data set, judged on another."""
    yield "## Carried from one data set to another\n"
    yield "How far the layer that a sweep of the row's proxy part picks is behind the best fixed layer of the column.\n"
    for (model, way), places in _grouped(edits.places(), lambda p: (p.model, p.way)):
        found = {p.data: (edits.chosen_on(p), edits.sweep(p, "test")) for p in places}
        names = [name for name, (chosen, _) in found.items() if chosen is not None]
        if len(names) < 2:
            continue
        yield f"{TITLES.get(model, model)}, {way}:\n"
        yield "| chosen on (layer) | " + " | ".join(names) + " |"
        yield "|---|" + "---|" * len(names)
        for name in names:
            chosen = found[name][0]
            assert chosen is not None
            layer = chosen.layers[int(chosen.score.mean(axis=0).round(9).argmax())]
            cells = []
            for other in names:
                sweep = found[other][1] or found[other][0]
                assert sweep is not None
                same = " (same requests)" if other == name and found[other][1] is None else ""
                cells.append(interval(judged(sweep, Choice("", layer)).behind) + same)
            yield f"| {name} ({layer}) | " + " | ".join(cells) + " |"
        yield ""


def across_ways(edits: Edits) -> Iterator[str]:
    """Is one way's golden layer another's?"""
    yield "## Carried from one way of editing to another\n"
    yield (
        "How far the best fixed layer of the row's way is behind the column's own, on requests that both edited; of "
        f"fewer than {FEW} requests without an interval, for which they are too few.\n"
    )
    for (model, data), places in _grouped((*edits.together(), *edits.places()), lambda p: (p.model, p.data)):
        found = {p.way: sweep for p in places if (sweep := whole(edits, p)) is not None}
        if len(found) < 2:
            continue
        yield f"{TITLES.get(model, model)}, {data}:\n"
        yield "| chosen by (layer) | " + " | ".join(found) + " |"
        yield "|---|" + "---|" * len(found)
        for way, mine in found.items():
            cells, own = [], mine.layers[int(mine.score.mean(axis=0).round(9).argmax())]
            for theirs in found.values():
                shared = [i for i, request in enumerate(theirs.requests) if request in set(mine.requests)]
                rows = [mine.requests.index(theirs.requests[i]) for i in shared]
                layer = mine.layers[int(mine.score[rows].mean(axis=0).round(9).argmax())]
                part = Sweep(
                    tuple(theirs.requests[i] for i in shared),
                    theirs.layers,
                    {name: values[shared] for name, values in theirs.values.items()},
                    0.0,
                )
                behind = judged(part, Choice("", layer)).behind
                said = interval(behind) if len(shared) >= FEW else number(behind[0])
                cells.append(f"{said}, n {len(shared)}")
            yield f"| {way} ({own}) | " + " | ".join(cells) + " |"
        yield ""


def how_many(edits: Edits) -> Iterator[str]:
    """How often so many requests find a good layer."""
    yield "## How many requests a golden layer needs\n"
    yield (
        "Share of 1,000 draws of so many requests, with replacement, whose best layer is within .01 (and .05) of the "
        "best fixed layer of all of them, proxy and test part together.\n"
    )
    yield "| model | data | way of editing | requests | " + " | ".join(map(str, SIZES)) + " |"
    yield "|---|---|---|---|" + "---|" * len(SIZES)
    for place in edits.places():
        sweep = whole(edits, place)
        if sweep is None or len(sweep.requests) < FEW:
            continue
        near, far = (chance_by_requests(sweep.score, margin, SIZES) for margin in MARGINS)
        cells = ["-" if a is None or b is None else f"{a:.0%} ({b:.0%})" for a, b in zip(near, far, strict=True)]
        yield f"| {place.model} | {place.data} | {place.way} | {len(sweep.requests)} | " + " | ".join(cells) + " |"
    yield ""


def _grouped(
    places: Iterable[Place], key: Callable[[Place], tuple[str, str]]
) -> Iterable[tuple[tuple[str, str], list[Place]]]:
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        groups.setdefault(key(place), []).append(place)
    return groups.items()


def whole(edits: Edits, place: Place) -> Sweep | None:
    """Proxy and test requests of a place in one."""
    found = [one for part in ("proxy", "test") if (one := edits.sweep(place, part)) is not None]
    if not found:
        return None
    values = {name: np.concatenate([one.values[name] for one in found]) for name in found[0].values}
    requests = tuple(request for one in found for request in one.requests)
    return Sweep(requests, found[0].layers, values, found[0].seconds_per_edit)
