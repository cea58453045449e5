"""Facts that cannot hold together, found before anything is computed."""

from collections.abc import Hashable, Iterator, Sequence

from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.errors import GoldenLayersError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.edit.many_edits import Mode

Clash = tuple[EditRequest, EditRequest]


def check_consistent(handle: ModelHandle, requests: Sequence[EditRequest], mode: Mode) -> None:
    """Raises RequestError, naming the first two rows and how many more there are.

    Facts that are laid over the model together may not give one prompt two targets. Those of one edit may not give one
    key two values either: the key is what the subject's last token sees, which is the prompt up to there.
    """
    if mode == "alone":
        return
    if clashes := list(_clashes(requests, [" ".join(r.prompt.split()) for r in requests])):
        raise RequestError(
            f"{_both(clashes)} contradict each other, one prompt with two targets; leave one out, or write each alone"
            f"{_more(clashes)}."
        )
    if mode == "together" and (clashes := list(_clashes(requests, [_key(handle, r) for r in requests]))):
        raise RequestError(
            f"{_both(clashes)} have one key, because they read alike up to the subject's end, and one edit can give a "
            f"key only one value; leave one out, or write them one after another{_more(clashes)}."
        )


def _clashes(requests: Sequence[EditRequest], keys: Sequence[Hashable]) -> Iterator[Clash]:
    """Each request that wants something else than an earlier one of the same key (None: it has none)."""
    first: dict[Hashable, EditRequest] = {}
    for request, key in zip(requests, keys, strict=True):
        other = first.setdefault(key, request)
        if key is not None and other.target_new.strip() != request.target_new.strip():
            yield other, request


def _key(handle: ModelHandle, request: EditRequest) -> tuple[int, ...] | None:
    try:
        row = edit_rows(handle, request, ("{}",))[0]
    except GoldenLayersError:  # it cannot be edited, which is told where it is left out
        return None
    return row.ids[: row.lookup + 1]


def _both(clashes: Sequence[Clash]) -> str:
    return " and ".join(f"{r.prompt!r} → {r.target_new!r} ({r.case_id})" for r in clashes[0])


def _more(clashes: Sequence[Clash]) -> str:
    return f" ({len(clashes) - 1} more such {'rows' if len(clashes) > 2 else 'row'})" if len(clashes) > 1 else ""
