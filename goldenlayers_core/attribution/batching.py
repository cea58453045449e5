"""Where to cut rows of tokens into batches."""

import itertools
from collections.abc import Sequence
from typing import Final

_OVERHEAD: Final = 16  # what one more batch costs, in tokens (measured: benchmarks/README.md)


def cut(lengths: Sequence[int], token_budget: int) -> list[tuple[int, int]]:
    """Where to cut rows of rising length into batches: fewest padded tokens plus an overhead per batch.

    At most `token_budget` padded tokens a batch, one row at least. Dynamic programming over the end of the last batch.
    """
    best: list[tuple[int, int]] = [(0, 0)]  # for each prefix: (cost, start of its last batch)
    for stop in range(1, len(lengths) + 1):
        options = []
        for start in range(stop - 1, -1, -1):
            padded = lengths[stop - 1] * (stop - start)
            if padded > token_budget and start < stop - 1:
                break
            options.append((best[start][0] + padded + _OVERHEAD, start))
        best.append(min(options))
    cuts = [len(lengths)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    return list(itertools.pairwise(cuts))
