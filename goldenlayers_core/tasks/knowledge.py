"""What the model knows: its own greedy answers to the requests, kept in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from goldenlayers_core.evaluation.knows import knowledge
from goldenlayers_core.records import EditRequest
from goldenlayers_core.runtime import Progress, Store

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle

_TABLE: Final = "knowledge"
_VERSION: Final = "knows-2"
_CHUNK: Final = 8  # a second of work: between two of them a cancel is felt


def what_is_known(
    store: Store, handle: "ModelHandle", requests: Sequence[EditRequest], progress: Progress
) -> pd.DataFrame:
    """One row per request, in order: request (digest), answer (greedy), knows, no_op."""
    key = f"{handle.result_key}-{_VERSION}"
    stored = store.read_rows(_TABLE, key)
    have = set(stored["request"]) if len(stored) else set()
    missing = list({r.digest: r for r in requests if r.digest not in have}.values())
    done, total = len(requests) - len(missing), len(requests)
    progress.update(done, total, "Asking the model")
    for start in range(0, len(missing), _CHUNK):
        chunk = missing[start : start + _CHUNK]
        found = knowledge(handle, chunk).to_frame().drop(columns="case_id")
        store.append_rows(_TABLE, key, found)
        progress.update(done + start + len(chunk), total, "Asking the model")
    return stored_knowledge(store, handle.result_key, requests)


def stored_knowledge(store: Store, result_key: str, requests: Sequence[EditRequest]) -> pd.DataFrame:
    """What the store has of it: one row per request that was asked, in order."""
    rows = store.read_rows(_TABLE, f"{result_key}-{_VERSION}")
    if not len(rows):
        return pd.DataFrame({"request": [], "answer": [], "knows": [], "no_op": []})
    indexed = rows.set_index("request")
    return indexed.loc[[r.digest for r in requests if r.digest in indexed.index]].reset_index()


@dataclass(frozen=True, slots=True)
class KnowledgeCounts:
    """How many of some requests a model knows."""

    n_requests: int
    n_asked: int
    n_known: int  # answered right, and no no-op: these are kept
    n_unknown: int
    n_no_op: int  # the new target is the answer already: an edit would change nothing


def counts(store: Store, result_key: str, requests: Sequence[EditRequest]) -> KnowledgeCounts:
    """What the store knows of the requests; nothing is asked."""
    rows = stored_knowledge(store, result_key, requests)
    no_op, knows = rows["no_op"].astype(bool), rows["knows"].astype(bool)
    return KnowledgeCounts(
        n_requests=len(requests),
        n_asked=len(rows),
        n_known=int((knows & ~no_op).sum()),
        n_unknown=int((~knows & ~no_op).sum()),
        n_no_op=int(no_op.sum()),
    )


def known_part(
    store: Store,
    handle: "ModelHandle",
    requests: Sequence[EditRequest],
    progress: Progress,
    most: int | None = None,
) -> tuple[EditRequest, ...]:
    """The requests whose true target the model answers itself and that are no no-op; the first `most` of them.

    With `most` the model is asked only until so many are found.
    """
    if most is None:
        return _known_of(requests, what_is_known(store, handle, requests, progress))
    found: list[EditRequest] = []
    for start in range(0, len(requests), _CHUNK):
        progress.update(min(len(found), most), most, "Asking the model")
        chunk = requests[start : start + _CHUNK]
        found += _known_of(chunk, what_is_known(store, handle, chunk, Progress()))
        if len(found) >= most:
            break
    return tuple(found[:most])


def _known_of(requests: Sequence[EditRequest], rows: pd.DataFrame) -> tuple[EditRequest, ...]:
    return tuple(
        r for r, knows, no_op in zip(requests, rows["knows"], rows["no_op"], strict=True) if knows and not no_op
    )
