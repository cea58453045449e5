"""Parts of a run, and how they are dealt out to shards so that all take about equal time. No torch.

A part is some requests that a single process edits (scores, traces) as one batch, at some layers. Shards take whole
parts where that balances them; else a part is cut by its layers, never by its requests: its batches stay those of the
single process, and so do its numbers, to the last bit on one machine.
"""

import dataclasses
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from goldenlayers_core.errors import ConfigError

_GRAINS: Final = (1, 2, 3, 4, 6, 8, 12, 16)  # pieces per shard that are tried, coarse first
_BETTER: Final = 0.97  # what finer pieces must bring, as a share of the longest shard's time


@dataclass(frozen=True, slots=True)
class Part:
    """Requests that are one batch, at the layers that are still to be done there."""

    index: int  # of the part in the plan; pieces of a part share it
    requests: tuple[int, ...]  # places in the plan's list; () where the work is about layers alone
    layers: tuple[int, ...]  # () where one pass does all layers: then it is not cut
    tokens: int  # of the batch: what a single forward pass over it reads
    start: float  # seconds, modelled, before the first layer; every piece of the part takes them
    seconds: tuple[float, ...]  # modelled, one per layer; or a single number

    @property
    def cost(self) -> float:
        """Seconds, modelled, of doing it alone."""
        return self.start + sum(self.seconds)

    @property
    def n_layers(self) -> int:
        """How many layers it can be cut into; 1 where it cannot."""
        return max(len(self.layers), 1)


def deal(parts: Sequence[Part], n_shards: int) -> tuple[tuple[Part, ...], ...]:
    """What each of `n_shards` does, in the plan's order: the same for everybody who has the plan.

    The longest piece goes first, each to the shard that has least to do; pieces are as coarse as balance allows.
    Raises ConfigError for less than one shard.
    """
    if n_shards < 1:
        raise ConfigError(f"{n_shards} shards were asked for; give a whole number above 0.")
    target = sum(part.cost for part in parts) / n_shards
    best: tuple[float, tuple[tuple[Part, ...], ...]] | None = None
    for grain in _GRAINS:
        found = _dealt([piece for part in parts for piece in _pieces(part, target / grain)], n_shards)
        longest = max(sum(piece.cost for piece in shard) for shard in found)
        if best is None or longest < _BETTER * best[0]:
            best = longest, found
    assert best is not None
    return best[1]


def _pieces(part: Part, most: float) -> list[Part]:
    """The part, cut by layers where it takes longer than `most` seconds: deep and shallow layers in every piece."""
    n = part.n_layers if most <= 0 else min(part.n_layers, -int(-sum(part.seconds) // most))
    if n <= 1:
        return [part]
    load, at = [(0.0, i) for i in range(n)], [list[int]() for _ in range(n)]
    for place in sorted(range(part.n_layers), key=lambda i: (-part.seconds[i], i)):
        seconds, i = heapq.heappop(load)
        at[i].append(place)
        heapq.heappush(load, (seconds + part.seconds[place], i))
    return [
        dataclasses.replace(
            part,
            layers=tuple(part.layers[i] for i in sorted(places)),
            seconds=tuple(part.seconds[i] for i in sorted(places)),
        )
        for places in at
    ]


def _dealt(pieces: Sequence[Part], n_shards: int) -> tuple[tuple[Part, ...], ...]:
    """Pieces to shards; pieces of one part that meet in a shard are one again, so that its states are made once."""
    load = [(0.0, shard) for shard in range(n_shards)]
    held: list[dict[int, Part]] = [{} for _ in range(n_shards)]
    for piece in sorted(pieces, key=lambda p: (-p.cost, p.index, p.layers)):
        seconds, shard = heapq.heappop(load)
        before = held[shard].get(piece.index)
        held[shard][piece.index] = piece if before is None else _joined(before, piece)
        heapq.heappush(load, (seconds + piece.cost, shard))
    return tuple(tuple(shard[index] for index in sorted(shard)) for shard in held)


def _joined(one: Part, other: Part) -> Part:
    both = sorted(zip((*one.layers, *other.layers), (*one.seconds, *other.seconds), strict=True))
    return dataclasses.replace(one, layers=tuple(layer for layer, _ in both), seconds=tuple(s for _, s in both))
