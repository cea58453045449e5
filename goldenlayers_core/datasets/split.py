"""A proxy dataset to choose the layer on, and a test set to judge it on."""

import hashlib

from goldenlayers_core.errors import ConfigError, DatasetError
from goldenlayers_core.records import Dataset, EditRequest


def split_proxy(dataset: Dataset, share: float = 0.1, seed: int = 0) -> tuple[Dataset, Dataset]:
    """(proxy dataset, test set), with no subject in both; the same input gives the same split on every machine.

    Where the dataset names a split for any of its requests, that is kept, and only the other subjects are divided.
    Otherwise subjects (of a request that has none: its prompt) are ordered by the SHA-256 of seed and subject, and the
    first `share` of them (at least one, at most all but one) with all their requests are the proxy dataset. Both keep
    the dataset's order.
    Raises ConfigError for a share outside (0, 1) and DatasetError where there are fewer than two subjects.
    """
    if not 0 < share < 1:
        raise ConfigError(f"The proxy share is {share}; give a number between 0 and 1, for example 0.1.")
    given = {_subject(r): r.split for r in reversed(dataset.requests) if r.split}
    subjects = {_subject(r) for r in dataset.requests}
    if len(subjects) < 2:
        raise DatasetError(
            f"{dataset.name} has requests about {len(subjects)} subject(s); a split needs at least 2, so add some."
        )
    free = sorted(subjects - given.keys(), key=lambda s: hashlib.sha256(f"{seed}\n{s}".encode()).digest())
    count = round(share * len(free))
    if not given:
        count = min(max(count, 1), len(free) - 1)
    chosen = set(free[:count])

    def is_proxy(request: EditRequest) -> bool:
        split = request.split or given.get(_subject(request), "")
        return split == "proxy" if split else _subject(request) in chosen

    proxy = tuple(r for r in dataset.requests if is_proxy(r))
    test = tuple(r for r in dataset.requests if not is_proxy(r))
    return dataset.subset(proxy), dataset.subset(test)


def _subject(request: EditRequest) -> str:
    return " ".join((request.subject or request.prompt).casefold().split())
